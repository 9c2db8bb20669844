"""The SDF file of geometries loses nothing, and what a job samples is shared out evenly."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import SMILES, mol_of, read
from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.geometries import (
    generate_geometries,
    geometries_from_sdf,
    geometries_to_sdf,
)

SETTINGS = {
    "conformers_per_molecule": 2, "candidates_per_molecule": 20, "prune_rmsd_angstrom": 0.3,
    "seed": 1, "temperatures_kelvin": [300, 600], "frames_per_temperature": 3,
    "normal_mode_frames_per_temperature": 2,
    "frame_interval_fs": 10, "timestep_fs": 1.0, "friction_per_ps": 10.0,
}  # fmt: skip


@given(st.sampled_from(SMILES), st.integers(0, 2**32))
def test_sdf_keeps_what_was_written(tmp_path_factory, smiles, seed):
    molecule, shape = read(smiles), (mol_of(smiles).GetNumAtoms(), 3)
    random = np.random.default_rng(seed)
    geometries = [
        {"positions": random.normal(scale=5, size=shape), "kind": kind, "temperature": temperature}
        for kind, temperature in (("conformer", 0.0), ("sampled", 298.15))
    ]
    path = tmp_path_factory.mktemp("sdf") / "molecule.sdf"
    files.write_text(path, geometries_to_sdf(molecule, geometries))
    for before, after in zip(geometries, geometries_from_sdf(path), strict=True):
        np.testing.assert_allclose(after["positions"], before["positions"], atol=1e-6)
        assert {**after, "positions": 0} == {**before, "positions": 0}


@pytest.fixture(scope="module")
def ethanol():
    return generate_geometries(read("CCO"), SETTINGS)


def test_geometries_are_minima_and_frames_of_each_temperature(ethanol):
    kinds = Counter((geometry["kind"], geometry["temperature"]) for geometry in ethanol)
    assert kinds == {
        ("conformer", 0.0): 2, ("sampled", 300.0): 3, ("sampled", 600.0): 3,
        ("normal_mode", 300.0): 2, ("normal_mode", 600.0): 2,
    }  # fmt: skip


def test_sampled_ethanol_is_still_ethanol(ethanol):
    for geometry in ethanol:
        assert connectivity_change(mol_of("CCO"), geometry["positions"]) is None


def test_no_two_geometries_are_the_same(ethanol):
    distances = [
        np.linalg.norm(g["positions"][:, None] - g["positions"][None], axis=-1) for g in ethanol
    ]
    for i, a in enumerate(distances):
        assert all(np.abs(a - b).max() > 0.01 for b in distances[:i])


def test_damaged_sdf_is_named(tmp_path, ethanol):
    path = tmp_path / "ethanol.sdf"
    text = geometries_to_sdf(read("CCO"), ethanol)
    path.write_text(text[: len(text) - 400])
    with pytest.raises(CorruptFileError, match=r"ethanol\.sdf"):
        geometries_from_sdf(path)
    path.write_text(text.replace("geometry_kind", "kind_of_geometry"))
    with pytest.raises(CorruptFileError, match=r"ethanol\.sdf"):
        geometries_from_sdf(path)
