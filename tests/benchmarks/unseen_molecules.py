"""The ladder on molecules that no fit has seen, beside MMFF94, UFF and GFN2-xTB.

    python tests/benchmarks/unseen_molecules.py [--rungs class1 class2 delta mlff] [--threads 2]

Writes results/bench/unseen_molecules.json. Two sets, each split by molecule, each at its own level
of theory and never mixed:

- forces: QM7-X (thorben-frank/mlff, history blob 99dbf76a, MIT; QM7-X CC-BY-4.0), PBE0+MBD: 250
  molecules, 10 hot displaced geometries each, those that keep their bonds; 175 molecules to fit,
  25 to choose the best epoch, 50 to test;
- torsions: leifjacobson/MLFF_test_data @ dda2c2e9 (MIT), ωB97X-D3BJ/def2-TZVPD: scans of 24
  points, energies only; 100 molecules to fit, 20 to choose, 50 to test.

Values are medians over molecules with 95 % bootstrap intervals. Typed least squares on 200 QM7-X
molecules gave 14.0 kcal/mol/Å (class I terms) and 5.0 (full CFF) on 50 unseen ones.
"""

import accuracy
import bench
import numpy as np

from forceladder.training_set.dataset import select_conformers, select_molecules
from forceladder.validate.errors import molecule_errors
from forceladder.validate.predictions import baseline_predictions, rung_predictions

MECHANICS_LOSS = {"esp": 0.0, "dipole": 0.0}
SETS = {
    "QM7-X": {
        "file": ("qm7x", "qm7x_250_small.npz"),
        "import": {"format": "qm7x_npz", "level_of_theory": "PBE0+MBD"},
        "molecules": (175, 25, 50),
        "quantity": ("force_rmse", "kcal/mol/Å RMSE, median molecule"),
        # hot on purpose: 20 kcal/mol an atom, where a run of ours has 2
        "changes": {
            "training": {"energy_scale_kcal_per_atom": 20.0, "patience_epochs": 100},
            "loss_weights": {"energy": 0.1, "torsion": 0.0, "prior": 0.01},
        },
        "epochs": {"mechanics": 150, "correction": 30},
        "network": {"fit_lennard_jones": True},
    },
    "torsions": {
        "file": ("torsions", "TorsionTest2000.npz"),
        "import": {"format": "torsions_npz"},
        "molecules": (100, 20, 50),
        "quantity": ("energy_rmse", "kcal/mol RMSE, median molecule"),
        "changes": {
            "training": {"energy_scale_kcal_per_atom": 20.0, "patience_epochs": 40},
            "loss_weights": {"force": 0.0, "energy": 1.0, "torsion": 0.0, "prior": 0.03},
        },
        "epochs": {"mechanics": 30, "correction": 5},
        "network": {"fit_lennard_jones": False},
    },
}
REFERENCE = {
    "class1": "must beat MMFF94",
    "class2": "must be at most half of class1, and beat 5.0 kcal/mol/Å",
}


def parts_of(name: str):
    """Training sets to fit, to choose and to test, of molecules drawn once."""
    info = SETS[name]
    path = accuracy.data_folder(info["file"][0]) / info["file"][1]
    whole = accuracy.imported(info["file"][0], path, info["import"])
    whole = select_conformers(whole, whole["flag"].values != "connectivity_changed")
    enough = np.flatnonzero(whole["conformer_count"].values >= 3)
    order = np.random.default_rng(accuracy.SEED).permutation(enough)
    ends = np.cumsum(info["molecules"])
    return [
        select_molecules(whole, np.sort(part)) for part in np.split(order[: ends[-1]], ends[:-1])
    ]


def main():
    chosen = accuracy.arguments(__doc__)
    entries = {}
    for name, info in SETS.items():
        train, validation, test = parts_of(name)
        quantity, unit = info["quantity"]
        predictions, seconds, models = {}, {}, {}
        for rung in chosen.rungs:
            kind = "mechanics" if rung.startswith("class") else "correction"
            changes = {key: dict(value) for key, value in info["changes"].items()}
            changes["training"]["epochs"] = info["epochs"][kind]
            changes["loss_weights"] |= MECHANICS_LOSS
            settings = accuracy.ladder_settings(rung, **changes, network=info["network"])
            base = models.get("class2") if rung == "delta" else None
            models[rung], seconds[rung] = accuracy.fitted(
                f"unseen_{name}", rung, settings, train, validation, base, fresh=chosen.fresh
            )
            predictions[rung] = rung_predictions(rung, models[rung], test)
        predictions |= {name: baseline_predictions(name, test) for name in accuracy.BASELINES}
        rows = [
            row
            for said in predictions.values()
            for row in molecule_errors(test, said, accuracy.SEED)
        ]
        for method in dict.fromkeys(row["method"] for row in rows):
            errors = [row[quantity] for row in rows if row["method"] == method]
            found = accuracy.median_and_interval(errors)
            reference = REFERENCE.get(method) if quantity == "force_rmse" else None
            entries[f"{name}, {method}"] = bench.entry(
                found.pop("value"),
                unit,
                reference or "on the same geometries",
                seconds=seconds.get(method),
                **found,
            )
    bench.write_results("unseen_molecules", entries, accuracy.SEED, sets=SETS)


if __name__ == "__main__":
    main()
