"""`problems` must catch each way in which a dataset can depart from fields.py."""

import numpy as np
import pytest
import xarray

from forceladder.fields import FIELDS, TABLES, problems

LENGTHS = {"xyz": 3, "end_2": 2, "end_3": 3, "end_4": 4}


@pytest.fixture
def dataset() -> xarray.Dataset:
    variables = {}
    for name, field in FIELDS.items():
        shape = [LENGTHS.get(dim, 5) for dim in field.dims]
        values = np.zeros(shape, dtype=object if field.dtype == "str" else field.dtype)
        variables[name] = (field.dims, values, {"units": field.units})
    return xarray.Dataset(variables)


def test_dataset_made_from_fields_has_no_problem(dataset):
    assert problems(dataset) == []


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_missing_array_is_named(dataset, name):
    assert problems(dataset.drop_vars(name)) == [f"{name} is missing"]


@pytest.mark.parametrize("name", ["energy", "positions", "bond_atoms", "mapped_smiles"])
def test_wrong_unit_is_named_with_both_units(dataset, name):
    dataset[name].attrs["units"] = "furlong"
    assert problems(dataset) == [f"{name} is in furlong, should be in {FIELDS[name].units}"]


def test_forgotten_unit_is_a_wrong_unit(dataset):
    del dataset["energy"].attrs["units"]
    assert problems(dataset) == ["energy is in None, should be in kcal/mol"]


@pytest.mark.parametrize(
    "name, dtype", [("energy", "float32"), ("bond_atoms", "int64"), ("atom_features", "float64")]
)
def test_wrong_dtype_is_named_with_both_dtypes(dataset, name, dtype):
    units = dataset[name].attrs
    dataset[name] = dataset[name].astype(dtype).assign_attrs(units)
    assert problems(dataset) == [f"{name} has dtype {dtype}, should have {FIELDS[name].dtype}"]


def test_transposed_array_is_named_with_both_dims(dataset):
    dataset["positions"] = dataset["positions"].transpose()
    (problem,) = problems(dataset)
    assert "positions has dims ('xyz', 'position'), should have ('position', 'xyz')" in problem


def test_array_unknown_to_fields_is_named(dataset):
    dataset["charisma"] = ("atom", np.zeros(5))
    assert problems(dataset) == ["charisma is not in fields.py"]


def test_every_flat_dim_has_its_count():
    """A reader can slice any flat dim: each has a count per molecule or per conformer."""
    flat = {dim for field in FIELDS.values() for dim in field.dims}
    flat -= {"molecule", "xyz", "end_2", "end_3", "end_4", "end_8", "atom_feature", "bond_feature"}
    flat -= {"quadrupole_component", "scan_axis"}
    counted = {name.removesuffix("_count") for name in FIELDS if name.endswith("_count")}
    # positions are conformers × atoms, conformer_bonds conformers × bonds; grid_count counts
    # grid points and hessian_count the elements of Hessians
    flat -= {"position", "conformer_bond"}
    assert {dim.removesuffix("_point").removesuffix("_element") for dim in flat} == counted
    assert set(TABLES) <= counted
