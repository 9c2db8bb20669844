"""How much host memory a million conformers take, from building the training set to its fit.

    python tests/benchmarks/memory.py [--conformers 1000000]

Writes results/bench/memory.json. Molecules of 30 atoms with 1,000 conformers each, energies and
forces noise. Each stage is a process of its own, as in the workflow, so that its peak can be read:
build and write the file; read it, deal all batches, take the spread of the data and a few steps
of class1 on them (training.keep_geometry false). A quarter and half of the conformers go first:
memory must grow in proportion. The file is written and removed under the system's temporary folder.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import entry, write_results
from synthetic import noisy_set

from force_fields import CLASS1
from forceladder.fit.loop import Fit
from forceladder.training_set.dataset import read_training_set, select_split, write_training_set

SEED = 1
CONFORMERS = 1_000  # of a molecule
ATOMS = 30
SMILES = ["C" * n + "O" + "C" * (9 - n) for n in range(5)]  # C9H20O
STEPS = 4
LIMIT_GB = 8.0
SETTINGS = {
    "terms": list(CLASS1),
    "network": {"width": 64, "layers": 2, "torsion_orders": 4, "fit_lennard_jones": False},
    "training": {
        "epochs": 1, "optimizer": "adam", "learning_rate": 1e-3, "conformers_per_batch": 256,
        "energy_scale_kcal_per_atom": 2.0, "force_loss": "mean_square", "precision": "float64",
        "ema_decay": 0.0, "evaluate_every": 1, "checkpoint_every": 1, "patience_epochs": 1,
        "keep_geometry": False,
    },
    "loss_weights": {
        "force": 1.0, "energy": 0.2, "torsion": 0.0, "esp": 1.0, "dipole": 0.2, "prior": 0.3
    },
}  # fmt: skip


def build(path, molecules: int):
    dataset = noisy_set((SMILES * molecules)[:molecules], CONFORMERS, SEED)
    write_training_set(dataset, path)


def fit(path, molecules: int):
    """All batches stay in memory, as in a fit; the epoch ends after a few of them."""
    fit = Fit(select_split(read_training_set(path), "train"), None, SETTINGS, SEED, None, "cpu")
    batches = fit.train
    assert sum(len(batch.data.energy) for batch in batches) == molecules * CONFORMERS
    fit.train = batches[:STEPS]
    fit.run_epoch()


STAGES = {"build": build, "fit": fit}


def measured(stage: str, path, molecules: int) -> dict:
    """Seconds and peak memory of a stage, in a process of its own."""
    start = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, __file__, "--stage", stage, "--path", path, "--molecules", str(molecules)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    peak = json.loads(answer.stdout.splitlines()[-1])
    return {"gigabytes": peak, "seconds": time.perf_counter() - start}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--conformers", type=int, default=1_000_000)
    parser.add_argument("--stage", choices=STAGES, help="used by the benchmark itself")
    parser.add_argument("--path")
    parser.add_argument("--molecules", type=int)
    options = parser.parse_args()
    if options.stage:
        STAGES[options.stage](options.path, options.molecules)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
        return
    whole = options.conformers // CONFORMERS
    runs = {}
    for molecules in (whole // 4, whole // 2, whole):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "training_set.nc")
            runs[molecules] = {stage: measured(stage, path, molecules) for stage in STAGES}
            runs[molecules]["file_gigabytes"] = path.stat().st_size / 1e9
    entries = {}
    for stage in STAGES:
        peak = {n: run[stage]["gigabytes"] for n, run in runs.items()}
        entries[f"{stage}, peak memory"] = entry(
            peak[whole], "GB", f"less than {LIMIT_GB:g}; {whole * CONFORMERS} × {ATOMS} atoms"
        )
        # two slopes, of the first and the second doubling
        slopes = [
            (peak[2 * n] - peak[n]) / (n * CONFORMERS) * 1e9 for n in (whole // 4, whole // 2)
        ]
        entries[f"{stage}, memory per conformer"] = entry(
            slopes[1], "bytes", f"{slopes[0]:.0f} in the first doubling: the same if linear"
        )
        entries[f"{stage}, time"] = entry(runs[whole][stage]["seconds"], "s", "none")
    write_results("memory", entries, SEED, runs={str(n): run for n, run in runs.items()},
                  conformers_per_molecule=CONFORMERS, atoms=ATOMS)  # fmt: skip


if __name__ == "__main__":
    main()
