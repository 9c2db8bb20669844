"""The ladder on ethanol, and on methanol after fitting to ethanol alone.

    python tests/benchmarks/ethanol.py [--rungs class1 class2 delta mlff] [--threads 2]

Writes results/bench/ethanol.json. Data: davkovacs/BOTNet-datasets @ 29e6d467 (MIT),
PBE/def2-SVP; 1000 frames to fit (100 of them choose the best epoch), 1000 to test, 145 of methanol
that no fit has seen. Not the official rMD17 split. The network writes the parameters here: what it
has learned of ethanol's atoms is all it knows of methanol's.
"""

import accuracy
import bench
import numpy as np

from forceladder.training_set.dataset import select, select_molecules
from forceladder.validate.predictions import rung_predictions

LEVEL = {"format": "extxyz", "level_of_theory": "PBE/def2-SVP"}
FORCES = {"force": 1.0, "energy": 0.1, "torsion": 0.0, "esp": 0.0, "dipole": 0.0, "prior": 1e-3}
ALL_ALIKE = {"energy_scale_kcal_per_atom": 1000.0, "patience_epochs": 1000}
NETWORK = {"layers": 1, "fit_lennard_jones": True}  # one bond far: all that ethanol can teach
MECHANICS = {"training": {**ALL_ALIKE, "epochs": 200, "conformers_per_batch": 150}}
CORRECTION = {"training": {**ALL_ALIKE, "epochs": 20, "conformers_per_batch": 10}}


def main():
    chosen = accuracy.arguments(__doc__)
    folder = accuracy.data_folder("ethanol")
    train = accuracy.imported("ethanol_train", folder / "train.xyz", LEVEL | {"smiles": "CCO"})
    ethanol = accuracy.imported("ethanol_test", folder / "test_MD.xyz", LEVEL | {"smiles": "CCO"})
    both = accuracy.imported("ethanol_methanol", folder / "test_eth_meth.xyz", LEVEL)
    methanol = select_molecules(both, np.flatnonzero(both["atom_count"].values == 6))
    tests = {"ethanol": ethanol, "methanol, not fitted": methanol}
    order = np.random.default_rng(accuracy.SEED).permutation(1000)
    most, few = (select(train, [(0, np.sort(part))]) for part in (order[100:], order[:100]))
    models, entries = {}, {}
    for rung in chosen.rungs:
        changes = MECHANICS if rung.startswith("class") else CORRECTION
        settings = accuracy.ladder_settings(rung, **changes, network=NETWORK, loss_weights=FORCES)
        base = models.get("class2") if rung == "delta" else None
        models[rung], seconds = accuracy.fitted(
            "ethanol", rung, settings, most, few, base, fresh=chosen.fresh
        )
        for name, test in tests.items():
            frames = np.arange(test.sizes["conformer"])
            predictions = rung_predictions(rung, models[rung], test)
            force, energy = accuracy.block_errors(predictions, test, frames)
            entries[f"{rung} force, {name}"] = bench.entry(
                force * accuracy.MEV_PER_KCAL, "meV/Å RMSE", "no published number for this split",
                seconds=seconds,
            )  # fmt: skip
            entries[f"{rung} energy, {name}"] = bench.entry(
                energy * accuracy.MEV_PER_KCAL, "meV RMSE", "relative to the set's mean"
            )
    bench.write_results("ethanol", entries, accuracy.SEED, data="BOTNet-datasets ethanol")


if __name__ == "__main__":
    main()
