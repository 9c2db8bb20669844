"""Energies and forces of GROMACS itself, one point of each file.

`gmx_d`, in double precision, where it is on PATH: it agrees with us to 1e-6 kcal/mol/Å. `gmx` is
single precision: coordinates of a nanometre are known to 1e-7 of it, so that forces of stiff
bonds are off by up to SINGLE of the largest force.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from forceladder.errors import ExportError, MissingProgramError
from forceladder.export.gromacs.files import write_gromacs
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ

PROGRAMS = ("gmx_d", "gmx")
SINGLE = 1e-4


def program() -> str | None:
    """The first of PROGRAMS that is on PATH."""
    return next((name for name in PROGRAMS if shutil.which(name)), None)


def precision() -> float:
    """Relative error of its forces, which double precision has not."""
    return SINGLE if program() == "gmx" else 0.0


def missing() -> str | None:
    """What is not installed, in a sentence; None if all is."""
    if program() is None:
        return "GROMACS is not installed: there is neither gmx_d nor gmx on PATH."
    return None


def evaluate(parameters: dict, positions) -> dict:
    """Energy kcal/mol and gradient [atoms, 3] kcal/mol/Å of every term of the molecule, each from
    files without the others, for GROMACS tells energies apart but not forces; and of all
    together, which is what a release holds.

    positions: [atoms, 3] Å
    raises: MissingProgramError; ExportError if GROMACS does not run the files
    """
    if sentence := missing():
        raise MissingProgramError(sentence)
    terms = {name: term for name, term in parameters["terms"].items() if term["atoms"]}
    groups = [(name,) for name in terms]
    if len(terms) > 1:
        groups.append(tuple(terms))
    return {
        names: energy_and_gradient(
            {**parameters, "terms": {name: terms[name] for name in names}}, positions
        )
        for names in groups
    }


def energy_and_gradient(parameters: dict, positions) -> tuple[float, np.ndarray]:
    """Of the files of these parameters; kcal/mol and [atoms, 3] kcal/mol/Å."""
    with tempfile.TemporaryDirectory() as folder:
        write_gromacs(parameters, positions, folder, "point")
        run(folder, "grompp -f point.mdp -c point.gro -p point.top -o point.tpr -po out.mdp")
        run(folder, "mdrun -s point.tpr -deffnm point -ntmpi 1 -ntomp 1 -nb cpu")
        run(folder, "energy -f point.edr -o energy.xvg -dp", "Potential\n")
        run(folder, "traj -f point.trr -s point.tpr -of force.xvg -fp", "System\n")
        energy = last_row(Path(folder, "energy.xvg"))
        forces = last_row(Path(folder, "force.xvg")).reshape(-1, 3)
    return float(energy[0]) / KCAL_IN_KJ, -forces * ANGSTROM_IN_NM / KCAL_IN_KJ


def run(folder: str, command: str, choice: str = ""):
    """Run a tool of GROMACS in a folder, with a choice on its standard input."""
    done = subprocess.run(
        [program(), "-quiet", "-nobackup", *command.split()], cwd=folder, input=choice,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split("Fatal error:")[-1].split())
        raise ExportError(f"GROMACS failed in {command.split()[0]}: {said[:500]}")


def last_row(path: Path) -> np.ndarray:
    """Numbers of the last line of an xvg, without the time."""
    *_, line = (line for line in path.read_text().splitlines() if line[0] not in "#@")
    return np.array([float(x) for x in line.split()[1:]])
