#!/usr/bin/env bash
# Makes .venv from envs/requirements.txt and finds or installs Psi4. Called by `make setup`.
# With ENGINE=gfn2-xtb Psi4 is not needed and not looked for.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=no
apt_install() {
  if [ "$updated" = no ]; then apt-get update -qq; updated=yes; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Python 3.11: the newest that DGL's wheels on PyPI support
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "forceladder needs Python 3.11 (found: ${python:-none}); install it, or name it: make PYTHON=/path/to/python3.11" >&2
  exit 1
fi

stamp=.venv/requirements.sha256
# Snakemake's way to submit jobs, where there is something to submit them to
slurm=$(command -v sbatch >/dev/null && echo envs/slurm.txt || true)
wanted=$(sha256sum envs/requirements.txt pyproject.toml $slurm | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "Python packages into .venv"
  if ! "$python" -m venv .venv 2>/dev/null; then
    if is_root; then apt_install python3-venv; "$python" -m venv .venv
    else echo "'$python -m venv' does not work; as root: apt-get install python3-venv" >&2; exit 1; fi
  fi
  install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
  install -r <(grep -v '^parmed==' envs/requirements.txt)
  # ParmEd comes as source, for a C++ compiler; only AMBER's files need it
  parmed=$(grep '^parmed==' envs/requirements.txt)
  if ! install "$parmed" 2>/dev/null; then
    if is_root; then apt_install g++ python3-dev || true; fi
    install "$parmed" 2>/dev/null ||
      echo "note: $parmed cannot be built, so there are no AMBER files (apt-get install g++ python3-dev)" >&2
  fi
  [ -z "$slurm" ] || install -r "$slurm"
  install --no-deps --editable .
  echo "$wanted" >"$stamp"
fi

# RDKit's wheel draws molecules through two X libraries that a bare Debian lacks
if ! .venv/bin/python -c 'from rdkit.Chem.Draw import rdMolDraw2D' 2>/dev/null; then
  if is_root; then say "libraries for drawing molecules"; apt_install libxrender1 libxext6 libexpat1
  else echo "note: without libXrender reports show no drawings of molecules (apt-get install libxrender1)" >&2; fi
fi

if [ "${ENGINE:-psi4}" = psi4 ] && [ -z "${FORCELADDER_PSI4:-}" ] && ! command -v psi4 >/dev/null; then
  conda=$(command -v micromamba || command -v mamba || command -v conda || true)
  if is_root; then
    say "Psi4 from the system's packages"
    apt_install psi4
  elif [ -n "$conda" ]; then
    say "Psi4 from conda-forge into .psi4"
    "$conda" create --yes --quiet --prefix "$PWD/.psi4" --channel conda-forge psi4
    # .venv/bin is on the Makefile's PATH; Psi4 finds its parts beside its real place
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$PWD/.psi4/bin/psi4" >.venv/bin/psi4
    chmod +x .venv/bin/psi4
  else
    cat >&2 <<'EOF'
Psi4 is missing, and there is neither root nor conda to install it. Three ways out:
  1. as root: apt-get install psi4
  2. install conda or mamba (conda-forge.org/download) and run make again
  3. run with GFN2-xTB in its place, which is no QM reference: make run ENGINE=gfn2-xtb
EOF
    exit 1
  fi
fi
