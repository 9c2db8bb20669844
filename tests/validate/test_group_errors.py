"""Errors per functional group, against numbers that follow from where the errors were put."""

import numpy as np
import pytest
import xarray

from examples import mol_of, read
from forceladder.validate.group_errors import group_errors, group_members
from forceladder.validate.plots.groups import plot_group_errors
from forceladder.validate.predictions import as_predictions

MOLECULES = {"CCO": "train", "CCCO": "train", "CO": "train", "CC(=O)NC": "test"}
CONFORMERS = 4


def rows_of(smiles: str, *numbers: int) -> list[int]:
    """Atoms of some elements in the order of the data."""
    return [a.GetIdx() for a in mol_of(smiles).GetAtoms() if a.GetAtomicNum() in numbers]


def dataset():
    """Four molecules, energies and gradients of the reference all zero."""
    atoms = [mol_of(smiles).GetNumAtoms() for smiles in MOLECULES]
    counts = {f"{t}_count": ("molecule", [0] * 4) for t in
              ("bond", "angle", "torsion", "improper", "pair", "scan")}  # fmt: skip
    rows = CONFORMERS * sum(atoms)
    return xarray.Dataset(
        {
            "mapped_smiles": ("molecule", [read(smiles)["mapped_smiles"] for smiles in MOLECULES]),
            "molecule_id": ("molecule", list(MOLECULES)),
            "split": ("molecule", list(MOLECULES.values())),
            "atom_count": ("molecule", atoms),
            "conformer_count": ("molecule", [CONFORMERS] * 4),
            "grid_count": ("conformer", [0] * 4 * CONFORMERS),
            "hessian_count": ("conformer", [0] * 4 * CONFORMERS),
            "energy": ("conformer", np.zeros(4 * CONFORMERS)),
            "gradients": (("position", "xyz"), np.zeros((rows, 3))),
            **counts,
        }
    )


def predictions(wrong: dict[str, dict[int, float]]):
    """A method whose gradients are off by so much, in every component, on atoms of molecules."""
    blocks = []
    for smiles in MOLECULES:
        error = np.zeros((CONFORMERS, mol_of(smiles).GetNumAtoms(), 3))
        for atom, size in wrong.get(smiles, {}).items():
            error[:, atom] = size
        blocks.append(error.reshape(-1, 3))
    return as_predictions(["ours"], np.zeros((1, 4 * CONFORMERS)), np.concatenate(blocks)[None])


def by_group(rows) -> dict:
    return {(row["group"], row["split"]): row for row in rows}


def test_an_error_on_oxygen_belongs_to_the_alcohol_alone():
    """Oxygen and its hydrogen are the group: one of two atoms is off by 3, so √(9/2)."""
    wrong = {smiles: {rows_of(smiles, 8)[0]: 3.0} for smiles in ("CCO", "CCCO", "CO")}
    found = by_group(group_errors(dataset(), predictions(wrong), seed=0))
    alcohol = found["alcohol", "train"]
    assert (alcohol["molecules"], alcohol["atoms"]) == (3, 6)
    assert alcohol["force_rmse"] == pytest.approx(3.0 / np.sqrt(2.0))
    assert alcohol["force_rmse_low"] == pytest.approx(alcohol["force_rmse_high"])
    assert found["alkane", "train"]["force_rmse"] == 0.0
    assert found["amide_secondary", "test"]["force_rmse"] == 0.0


def test_error_of_a_group_pools_molecules_by_their_atoms():
    wrong = {"CCO": dict.fromkeys(rows_of("CCO", 8), 2.0)}
    found = by_group(group_errors(dataset(), predictions(wrong), seed=0))["alcohol", "train"]
    assert found["force_rmse"] == pytest.approx(np.sqrt(4.0 / 6.0))
    assert found["force_rmse_low"] == 0.0  # some draws leave ethanol out
    assert found["force_rmse_high"] == pytest.approx(np.sqrt(4.0 * 2 / 6.0), rel=0.3)


def test_groups_are_those_of_each_molecule_and_split():
    members = group_members(dataset())
    assert set(members) == {
        ("alkane", "train"), ("alpha_carbon", "train"), ("alcohol", "train"), ("alkane", "test"),
        ("alpha_carbon", "test"), ("amide_secondary", "test"),
    }  # fmt: skip
    assert members["alcohol", "train"].keys() == {0, 1, 2}
    assert members["alkane", "train"].keys() == {0, 1}  # methanol's carbon bears oxygen


def test_molecules_without_parameters_are_left_out_of_a_group_and_counted():
    said = predictions({})
    said["predicted_energy"].values[0, :CONFORMERS] = np.nan
    said["predicted_gradients"].values[0, : CONFORMERS * 9] = np.nan
    found = by_group(group_errors(dataset(), said, seed=0))["alcohol", "train"]
    assert (found["molecules"], found["atoms"]) == (2, 4)
    assert found["force_rmse"] == 0.0 and found["force_rmse_low"] is None
    said["predicted_energy"].values[:] = np.nan
    found = by_group(group_errors(dataset(), said, seed=0))["alcohol", "train"]
    assert found["molecules"] == 0 and found["force_rmse"] is None


def test_picture_has_a_column_a_method_and_the_numbers_of_the_table():
    wrong = {smiles: {rows_of(smiles, 8)[0]: 3.0} for smiles in ("CCO", "CCCO", "CO")}
    figure = plot_group_errors(group_errors(dataset(), predictions(wrong), seed=0))
    train = figure.axes[0]
    assert [label.get_text() for label in train.get_xticklabels()] == ["ours"]
    assert [label.get_text() for label in train.get_yticklabels()] == [
        "alkane", "alpha carbon", "alcohol", "amide secondary"
    ]  # fmt: skip
    assert "2.12" in {text.get_text() for text in train.texts}
