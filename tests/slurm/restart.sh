#!/usr/bin/env bash
# Stop the controller of up.sh's folder for some seconds, then start it again with its saved state.
# Usage: tests/slurm/restart.sh DIR SECONDS
set -euo pipefail
dir=$(realpath -m "${1:?folder of up.sh}")
pid=$(<"$dir/run/slurmctld.pid")
kill "$pid"
while [[ -d /proc/$pid && $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) != Z ]]; do sleep 0.1; done
sleep "${2:?seconds}"
SLURM_CONF=$dir/slurm.conf PATH=$PATH:/usr/sbin:/sbin slurmctld
