"""A small training set through the library's own path, on GFN2-xTB: seconds, not hours."""

import numpy as np

from examples import qc_molecule, read
from force_fields import shaken
from forceladder.qm import engines
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.training_set.build import build_training_set
from forceladder.training_set.dataset import row_ranges

SPEC = {
    "engine": "gfn2-xtb", "method": "gfn2-xtb",
    "esp": {"shells": [1.4, 2.0], "points_per_square_angstrom": 0.3},
}  # fmt: skip
SPLITS = {
    "train": ("O", "CO", "CC(=O)[O-]", "C[NH3+]", "C1CC1", "c1ccoc1", "CC#N", "CC", "CC=O", "CSC"),
    "validation": ("CCO", "CN"),
    "test": ("C=C", "COC"),
}
CONFORMERS = 5


def make_small_set():
    """14 molecules, five conformers each; named by their SMILES."""
    molecules, tasks = [], []
    for split, members in SPLITS.items():
        for smiles in members:
            molecules.append({**read(smiles, split=split), "id": smiles})
            for seed in range(CONFORMERS):
                noise = 0.01 + 0.01 * seed
                molecule = qc_molecule(smiles, shaken(smiles, seed, noise))
                tasks.append((molecule, make_task(molecule, SPEC, engines.xtb_version())))
    with engines.EngineProcess("gfn2-xtb", threads=1) as engine:
        records = [
            make_record(task, molecule, with_potential(task, engine.compute(task, 500, 300.0)))
            for molecule, task in tasks
        ]
    entries = [
        (molecule, records[CONFORMERS * row : CONFORMERS * (row + 1)])
        for row, molecule in enumerate(molecules)
    ]
    dataset, rejected = build_training_set(entries, min_conformers=CONFORMERS, provenance={})
    assert rejected == []
    return dataset


def with_potential(task: dict, result: dict) -> dict:
    """tblite has no potential on a grid; that of its charges stands in, Hartree/e."""
    grid, atoms = np.reshape(task["esp_grid"], (-1, 3)), np.reshape(task["geometry"], (-1, 3))
    distance = np.linalg.norm(grid[:, None] - atoms[None], axis=-1)
    return {**result, "esp": (1.0 / distance @ np.array(result["charges"])).tolist()}


def without_grid(dataset, molecules):
    """The training set with the ESP of these molecule rows taken out."""
    ranges = row_ranges(dataset)
    points = np.concatenate(
        [
            np.arange(*ranges["grid_point"][row : row + 2])
            for row in range(dataset.sizes["molecule"])
            if row not in molecules
        ]
        or [np.zeros(0, int)]
    )
    bare = dataset.isel(grid_point=points).copy(deep=True)
    for row in molecules:
        bare["grid_count"].values[slice(*ranges["conformer"][row : row + 2])] = 0
    return bare


def with_scans(dataset, molecules):
    """The training set with the conformers of these molecule rows, but the first of each, as
    points of a torsion scan."""
    scanned = dataset.drop_dims("scan").copy(deep=True)
    first = row_ranges(dataset)["conformer"]
    for row in molecules:
        scanned["scan_count"].values[row] = 1
        scanned["scan"].values[first[row] + 1 : first[row + 1]] = 0
    torsions = np.full((len(molecules), 8), -1, "int32")
    torsions[:, :4] = range(4)
    attributes = dataset["scan_torsions"].attrs
    scanned["scan_torsions"] = (dataset["scan_torsions"].dims, torsions, attributes)
    return scanned
