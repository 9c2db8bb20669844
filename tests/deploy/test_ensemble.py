"""Uncertainties are how far models of other seeds scatter; parameters are those of the first."""

import json

import numpy as np
import pytest
import torch

import forceladder
from force_fields import topology
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.release.ensemble import ENSEMBLE, member_folders
from forceladder.release.manifest import verify, write_manifest
from forceladder.tables import read_table
from ladder import LADDER, ladder_rung
from small_releases import save_release

SEEDS = 3


@pytest.fixture(scope="module")
def models():
    return [ladder_rung(topology("CCO"), LADDER["class2"], seed) for seed in range(SEEDS)]


@pytest.fixture(scope="module")
def field(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("ensemble") / "release"
    return forceladder.load(save_release(folder, {"class2": models}))


@pytest.fixture(scope="module")
def alone(tmp_path_factory, models):
    """Of each model a release by itself."""
    folder = tmp_path_factory.mktemp("alone")
    return [
        forceladder.load(save_release(folder / str(seed), {"class2": model}))
        for seed, model in enumerate(models)
    ]


def test_uncertainty_is_the_scatter_of_releases_of_each_model_alone(field, alone, tmp_path):
    rows = field.parametrize("CC(=O)NC").table()
    tables = [one.parametrize("CC(=O)NC").table() for one in alone]
    assert [row["value"] for row in rows] == [row["value"] for row in tables[0]]
    values = np.array([[row["value"] for row in table] for table in tables])
    said = np.array([row["uncertainty"] for row in rows])
    np.testing.assert_allclose(said, values.std(axis=0, ddof=1), rtol=1e-9, atol=1e-15)
    charges = [row["uncertainty"] for row in rows if row["parameter"] == "charge"]
    assert max(charges) > 1e-2  # random models do not agree
    field.parametrize("CC(=O)NC").write_table(tmp_path / "table.csv")
    read = [float(row["uncertainty"]) for row in read_table(tmp_path / "table.csv")]
    np.testing.assert_array_equal(read, said)


def test_a_model_alone_has_no_uncertainty(alone, tmp_path):
    molecule = alone[0].parametrize("CO")
    assert {row["uncertainty"] for row in molecule.table()} == {None}
    molecule.write_table(tmp_path / "table.csv")
    assert {row["uncertainty"] for row in read_table(tmp_path / "table.csv")} == {""}


def test_what_simulates_is_the_released_model(field, alone):
    x = field.parametrize("CCO").positions()
    energies = [
        openmm_energy_and_gradient(one.parametrize("CCO").to_openmm(), x)[0]
        for one in (field, *alone)
    ]
    assert energies[0] == energies[1]
    assert abs(energies[0] - energies[2]) > 1e-3


def test_charges_of_the_user_are_certain(field):
    rows = field.parametrize("CO", charges=[0.2, -0.6, 0.0, 0.0, 0.0, 0.4]).table()
    certain = [row["uncertainty"] for row in rows if row["parameter"] == "charge"]
    assert certain == [0.0] * 6


def test_uncertainty_follows_the_order_of_atoms_of_bespoke_molecules(tmp_path, models):
    """Offsets are kept in an order of their own; each member has its own."""
    known = "[C:3]([O:1][H:6])([H:2])([H:4])[H:5]"
    for seed, model in enumerate(models):
        model.offsets[known] = {"coulomb": torch.full((6, 2), 0.1 * seed).double()}
    try:
        field = forceladder.load(save_release(tmp_path / "release", {"class2": models}))
        one, two = (field.parametrize(smiles) for smiles in ("OC", known))
    finally:
        for model in models:
            model.offsets.clear()

    def of_oxygen(molecule):
        oxygen = molecule.parameters["atomic_number"].index(8)
        (row,) = [
            row for row in molecule.table()
            if row["parameter"] == "charge" and row["atoms"] == (oxygen,)
        ]  # fmt: skip
        return row["value"], row["uncertainty"]

    assert of_oxygen(one) == pytest.approx(of_oxygen(two), rel=1e-12)


def test_members_are_read_by_seed_and_sealed_by_the_manifest(tmp_path, models):
    folder = save_release(tmp_path / "release", {"class2": [models[0]] * 12})
    names = [path.name for path in member_folders(folder / "models" / "class2")]
    assert names == ["class2", *(f"seed-{seed}" for seed in range(1, 12))]
    content = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, content)
    assert verify(folder) == []
    weights = folder / "models" / "class2" / ENSEMBLE / "seed-7" / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1])
    (sentence,) = verify(folder)
    assert "models/class2/ensemble/seed-7/weights.npz was changed" in sentence
