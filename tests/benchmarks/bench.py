"""What the benchmarks share: the library on the path, clocks, and files of results.

A benchmark imports from here first; then it finds `forceladder` and the helpers of the tests.
"""

import argparse
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402

from forceladder import files  # noqa: E402
from forceladder.configuration import fit_settings  # noqa: E402
from forceladder.provenance import code_commit, machine  # noqa: E402
from forceladder.validate.timing import alternating_seconds  # noqa: E402, F401


def rounds_asked(description: str) -> int:
    """--rounds of the command line of a benchmark of speed; torch gets one thread."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    torch.set_num_threads(1)
    return parser.parse_args().rounds


def write_results(name: str, entries: dict[str, dict], seed: int, **settings):
    """Write results/bench/{name}.json, and print it as a table.

    entries: what was measured → `entry`; each is written with seed, commit and hardware, so that
    it says all of itself      settings: of the whole benchmark
    """
    common = {"seed": seed, **code_commit(), "hardware": hardware()}
    report = {"settings": settings, "entries": {k: {**v, **common} for k, v in entries.items()}}
    files.write_json(ROOT / "results" / "bench" / f"{name}.json", report)
    width = max(map(len, entries))
    for what, one in entries.items():
        print(f"{what:{width}s}  {one['value']:10.4g} {one['unit']:24s} {one['reference']}")


def rung_settings(rung: str) -> dict:
    """All settings of a fit of a rung, as config/config.yaml has them."""
    return fit_settings(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()), rung)


def network_of(settings: dict) -> dict:
    """What `make_rung` needs of the settings of a fit."""
    found = {"terms": settings["terms"], **settings["network"]}
    return found | ({"correction": settings["correction"]} if "correction" in settings else {})


def entry(value: float, unit: str, reference: str, **details) -> dict:
    """reference: what the value is held against, and where that comes from"""
    return {"value": value, "unit": unit, "reference": reference, **details}


def hardware() -> dict:
    """Kind of machine, with the accelerator where there is one."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {**machine(), "threads": torch.get_num_threads(), "gpu": gpu}


@cache
def devices() -> list[str]:
    """The CPU, and CUDA where there is one."""
    if torch.cuda.is_available():
        return ["cpu", "cuda"]
    print("no CUDA device here: only the CPU is measured.")
    return ["cpu"]


def median(values: np.ndarray) -> float:
    return float(np.median(values))


def median_ratio(slow: np.ndarray, fast: np.ndarray) -> float:
    """Median of the ratios within the rounds."""
    return median(slow / fast)


def growth_exponent(sizes, times) -> float:
    """p of time ∝ sizeᵖ, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
