"""The data set that the project ships is whole, and says of itself what its README says."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from forceladder.molecules.listing import molecule_rows
from forceladder.molecules.normal_modes import wavenumbers
from forceladder.tables import read_table
from forceladder.training_set.dataset import provenance, read_training_set, row_ranges
from forceladder.units import EV_IN_KCAL

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "resources" / "example_campaign"
CONFIG = yaml.safe_load((PROJECT / "config" / "campaign.yaml").read_text())


@pytest.fixture(scope="module")
def example():
    return read_training_set(FOLDER / "training_set.nc")


def test_it_holds_the_molecules_of_its_configuration(example):
    rows = molecule_rows(PROJECT / CONFIG["molecules"]["file"])
    assert set(example["molecule_id"].values) == {row["id"] for row in rows}
    assert len(rows) >= 25
    assert set(example["level_of_theory"].values) == {"B3LYP-D3BJ/DZVP"}
    assert provenance(example)["spec"]["engine"] == "psi4"


def test_it_is_small(example):
    assert (FOLDER / "training_set.nc").stat().st_size < 8e6


def test_every_molecule_has_a_minimum_with_a_hessian_and_an_esp(example):
    ranges = row_ranges(example)
    for m, name in enumerate(example["molecule_id"].values):
        here = slice(*ranges["conformer"][m : m + 2])
        minima = example["geometry_kind"].values[here] == "minimum"
        assert minima.any(), name
        assert (example["hessian_count"].values[here][minima] > 0).any(), name
        assert (example["grid_count"].values[here][minima] > 0).all(), name


def test_minima_are_minima(example):
    """Their gradients vanish, and no vibration of their Hessians is imaginary; but formamide's
    amino wag is so flat at this level of theory that GAU convergence stops on its ridge."""
    ranges, saddles = row_ranges(example), {}
    first = ranges["hessian_element"]
    for m, name in enumerate(example["molecule_id"].values):
        atoms = int(example["atom_count"].values[m])
        mass = np.repeat(example["mass"].values[slice(*ranges["atom"][m : m + 2])], 3)
        start = first[m]
        for c in range(*ranges["conformer"][m : m + 2]):
            if not example["hessian_count"].values[c]:
                continue
            matrix = example["hessian"].values[start : start + (3 * atoms) ** 2]
            start += (3 * atoms) ** 2
            matrix = matrix.reshape(3 * atoms, 3 * atoms) / EV_IN_KCAL
            np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
            curvatures = np.linalg.eigvalsh(matrix / np.sqrt(np.outer(mass, mass)))
            imaginary = float(wavenumbers(max(-curvatures.min(), 0.0)))
            if imaginary > 1.0:
                saddles[str(name)] = imaginary
            position = ranges["position"][m] + (c - ranges["conformer"][m]) * atoms
            gradient = example["gradients"].values[position : position + atoms]
            assert np.abs(gradient).max() < 0.7, name  # GAU: 4.5e-4 Hartree/Bohr in internals
    assert set(saddles) == {"formamide"}
    assert saddles["formamide"] < 100.0


def test_torsion_scans_are_whole(example):
    scans = int(example["scan_count"].values.sum())
    points = example["scan"].values >= 0
    assert scans >= 6
    assert points.sum() >= 11 * scans  # twelve, less what the gatekeeper refused
    assert (example["geometry_kind"].values[points] == "torsion_scan").all()


def test_tables_account_for_it(example):
    verdicts = read_table(FOLDER / "verdicts.csv")
    accepted = {row["digest"] for row in verdicts if row["verdict"] == "accepted"}
    assert set(example["record_digest"].values) == accepted
    ledger = read_table(FOLDER / "ledger.csv")
    assert {row["molecule"] for row in ledger} == {row["molecule"] for row in verdicts}
    assert {row["kind"] for row in ledger} == {"gradients", "minima", "torsion_scans"}
