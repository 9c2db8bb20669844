"""What planning a campaign costs: a dry run with ten thousand molecules.

    python tests/benchmarks/plan_campaign.py [--molecules 10000]

Writes results/bench/plan_campaign.json: seconds and memory of `snakemake --dry-run` for a
tenth of the molecules and for all of them, 21 geometries each, so that the growth shows.
"""

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from forceladder import files  # noqa: E402
from forceladder.provenance import code_commit, machine  # noqa: E402

GEOMETRIES = 21  # of the default configuration: 5 conformers, 8 frames at two temperatures
TOPS = ["C", "N", "O", "S", "F", "Cl", "C#N", "C(=O)O", "C(N)=O", "OC", "NC", "c1ccccc1"]


def molecules(count: int):
    """Rows with as many different SMILES: chains of several lengths with groups at three places."""
    lengths = itertools.count(1)
    rows = (
        (f"m{{}},C({one})C({two}){'C' * length}{three}", one)
        for length in lengths
        for one, two, three in itertools.product(TOPS, TOPS, TOPS)
    )
    for index, (text, _) in enumerate(itertools.islice(rows, count)):
        yield text.format(index).split(",")


def dry_run(count: int) -> dict:
    """Seconds, peak memory and number of jobs of one dry run."""
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder, "molecules.csv"), "w", newline="") as file:
            csv.writer(file).writerows([["id", "smiles"], *molecules(count)])
        settings = {"run": "plan", "molecules": {"file": "molecules.csv"}}
        Path(folder, "config.json").write_text(json.dumps(settings))
        # a child of its own, so that its peak memory is not hidden by an earlier one's
        program = [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--configfile", "config.json", "--cores", "1", "--dry-run", "--quiet", "rules",
        ]  # fmt: skip
        start = time.perf_counter()
        answer = subprocess.run(
            [sys.executable, "-c", MEASURE, *program], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        seconds = time.perf_counter() - start
    if answer.returncode:
        sys.exit(answer.stderr[-2000:])
    usage = json.loads(answer.stdout.splitlines()[-1])
    return {"molecules": count, "seconds": seconds, **usage}


MEASURE = """
import json, re, resource, subprocess, sys
answer = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
if answer.returncode:
    sys.exit(answer.stdout[-2000:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
jobs = re.findall(r"^total +(\\d+)", answer.stdout, re.M)
print(json.dumps({"cpu_seconds": usage.ru_utime + usage.ru_stime,
                  "peak_mb": usage.ru_maxrss / 1024, "jobs": int(jobs[-1]) if jobs else None}))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--molecules", type=int, default=10_000)
    count = parser.parse_args().molecules
    runs = [dry_run(count // 10), dry_run(count)]
    result = {
        "value": runs[-1]["seconds"],
        "unit": "s",
        "what": f"dry run, {count} molecules × {GEOMETRIES} geometries",
        "limits": {"seconds": 60, "peak_mb": 2000},
        "runs": runs,
        **code_commit(),
        "hardware": machine(),
    }
    files.write_json(ROOT / "results" / "bench" / "plan_campaign.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
