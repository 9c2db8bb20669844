"""The table holds the numbers that the energy is made of, with their units."""

import numpy as np
import pytest

import forceladder
from forceladder.energy.terms import TERMS
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.tables import read_table
from ladder import LADDER


def read(molecule, path) -> list[dict]:
    molecule.write_table(path)
    return read_table(path)


def by_row(rows, term) -> list[dict]:
    """Atoms and parameters of every row of a term."""
    found: dict[str, dict] = {}
    for row in rows:
        if row["term"] == term:
            found.setdefault(row["atoms"], {})[row["parameter"]] = float(row["value"])
    return [
        {"atoms": [int(atom) for atom in atoms.split("-")]} | values
        for atoms, values in found.items()
    ]


def angle(a, b, c) -> float:
    u, v = a - b, c - b
    return np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def test_energy_by_hand_from_the_csv_is_that_of_openmm(release, tmp_path):
    """Bonds, angles and bond–bond couplings of class2, in kcal/mol, Å and rad."""
    molecule = forceladder.load(release, "class2").parametrize("CC=O")
    rows = read(molecule, tmp_path / "table.csv")
    x = molecule.positions() + np.random.default_rng(1).normal(scale=0.05, size=(7, 3))
    energy = {"bond_quartic": 0.0, "angle_quartic": 0.0, "bond_bond": 0.0}
    for term, reference in (("bond_quartic", "length"), ("angle_quartic", "angle")):
        for row in by_row(rows, term):
            points = x[row["atoms"]]
            value = np.linalg.norm(points[0] - points[1]) if len(points) == 2 else angle(*points)
            d = value - row[reference]
            energy[term] += row["quadratic"] * d**2 + row["cubic"] * d**3 + row["quartic"] * d**4
    for row in by_row(rows, "bond_bond"):
        a, b, c = x[row["atoms"]]
        one, two = np.linalg.norm(a - b) - row["length_1"], np.linalg.norm(c - b) - row["length_2"]
        energy["bond_bond"] += row["coupling"] * one * two
    for term, by_hand in energy.items():
        only = molecule.parameters | {"terms": {term: molecule.parameters["terms"][term]}}
        expected, _ = openmm_energy_and_gradient(openmm_system(only), x)
        assert by_hand == pytest.approx(expected, rel=1e-9), term


@pytest.mark.parametrize("rung", LADDER)
def test_every_number_has_the_unit_that_its_term_says(release, tmp_path, rung):
    molecule = forceladder.load(release, rung).parametrize("CC(=O)NC")
    rows = read(molecule, tmp_path / "table.csv")
    atoms = {"charge": "e", "lj_sigma": "angstrom", "lj_epsilon": "kcal/mol"}
    for row in rows:
        units = TERMS[row["term"]].parameters | atoms
        name = row["parameter"]
        assert row["unit"] == units.get(name) or row["unit"] == units[name.rpartition("_")[0]]
    counted = 12 * 3 if rung != "mlff" else 0  # charges and Lennard-Jones of atoms, not of pairs
    for name, term in molecule.parameters["terms"].items():
        if TERMS[name].table != "pair":
            columns = [term[parameter] for parameter in TERMS[name].parameters]
            counted += sum(np.size(column) for column in columns)
    assert len(rows) == counted


def test_charges_of_the_table_add_up(release, tmp_path):
    molecule = forceladder.load(release, "class1").parametrize("CC(=O)[O-]")
    rows = read(molecule, tmp_path / "table.csv")
    assert sum(row["charge"] for row in by_row(rows, "coulomb")) == pytest.approx(-1, abs=1e-12)


def test_a_molecule_prints_as_a_few_lines(release):
    text = str(forceladder.load(release, "delta").parametrize("CC(=O)[O-]"))
    assert "CC(=O)[O-]: C2H3O2-, 7 atoms; delta of small 0.0.1" in text
    assert "6 bond_quartic" in text and "sum -1.000" in text and "neural network" in text
    assert len(text.splitlines()) < 8
