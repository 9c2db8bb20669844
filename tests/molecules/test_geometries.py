"""The SDF file of geometries loses nothing, and what a job samples is shared out evenly."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.rdMolTransforms import GetDihedralDeg

from examples import SMILES, TORSION_SCANS, WATER, mol_of, read
from forceladder import files
from forceladder.errors import CorruptFileError, QMError
from forceladder.molecules import geometries as geometries_module
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.geometries import (
    PROPERTIES,
    generate_geometries,
    geometries_from_sdf,
    geometries_to_sdf,
)
from forceladder.molecules.sampling import xtb_gradient

NO_SCANS = TORSION_SCANS | {"spacing_degrees": 60, "spacing_2d_degrees": 90}
SETTINGS = {
    "conformers_per_molecule": 2, "candidates_per_molecule": 20, "prune_rmsd_angstrom": 0.3,
    "seed": 1, "temperatures_kelvin": [300, 600], "frames_per_temperature": 3,
    "normal_mode_frames_per_temperature": 2,
    "frame_interval_fs": 10, "timestep_fs": 1.0, "friction_per_ps": 10.0,
    "torsion_scans": NO_SCANS,
}  # fmt: skip


ANGLES = st.floats(-180, 180)
SCANS = st.builds(
    lambda index, angles: {
        "index": index, "torsions": [[0, 1, 2, 3], [4, 1, 2, 5]][: len(angles)],
        "spacing_degrees": [15, 7.5][: len(angles)], "angles_degrees": angles,
    },
    st.integers(0, 20), st.lists(ANGLES, min_size=1, max_size=2),
)  # fmt: skip


@given(st.sampled_from(SMILES), st.integers(0, 2**32), SCANS)
def test_sdf_keeps_what_was_written(tmp_path_factory, smiles, seed, scan):
    molecule, shape = read(smiles), (mol_of(smiles).GetNumAtoms(), 3)
    random = np.random.default_rng(seed)
    geometries = [
        {"positions": random.normal(scale=5, size=shape), "kind": kind, "temperature": temperature}
        for kind, temperature in (("conformer", 0.0), ("sampled", 298.15), ("torsion_scan", 0.0))
    ]
    geometries[-1]["scan"] = scan
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
    for name in PROPERTIES:  # an older version's file may lack one
        path.write_text(text.replace(f"<{name}>", "<another>"))
        with pytest.raises(CorruptFileError, match=r"ethanol\.sdf"):
            geometries_from_sdf(path)


# torsion scans


ONE_CONFORMER = SETTINGS | {"temperatures_kelvin": [], "conformers_per_molecule": 1}


def with_scans(**changes) -> dict:
    return ONE_CONFORMER | {"torsion_scans": NO_SCANS | changes}


def test_scans_come_last_with_their_place_on_the_grid():
    """The same torsion twice, as two scans of four points."""
    smarts = "[H:1][O:2][O:3][H:4]"
    settings = with_scans(named={"example": [smarts, smarts]}, spacing_degrees=90)
    first, *points = generate_geometries(read("OO"), settings)
    assert (first["kind"], "scan" in first) == ("conformer", False)
    assert {(point["kind"], point["temperature"]) for point in points} == {("torsion_scan", 0.0)}
    scans = [point["scan"] for point in points]
    assert [scan["index"] for scan in scans] == [0] * 4 + [1] * 4
    assert [scan["angles_degrees"] for scan in scans] == [[-90.0], [0.0], [90.0], [180.0]] * 2
    assert all(scan["spacing_degrees"] == [90] for scan in scans)
    mol = mol_of("OO")
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    for point in points:
        mol.GetConformer().SetPositions(np.array(point["positions"]))
        angle = GetDihedralDeg(mol.GetConformer(), *point["scan"]["torsions"][0])
        error = angle - point["scan"]["angles_degrees"][0]
        assert abs((error + 180) % 360 - 180) < 0.1
        assert connectivity_change(mol, point["positions"]) is None


def test_scans_that_are_not_asked_for_are_not_made():
    kinds = {geometry["kind"] for geometry in generate_geometries(read("OO"), ONE_CONFORMER)}
    assert kinds == {"conformer"}


def test_scan_that_cannot_be_made_costs_itself_alone():
    """And is listed with its reason."""
    settings = with_scans(
        named={"example": ["[F:1][O:2][O:3][F:4]", "[H:1][O:2][O:3][H:4]"]}, spacing_degrees=120
    )
    left_out = []
    points = generate_geometries(read("OO"), settings, left_out=left_out)[1:]
    assert [point["scan"]["index"] for point in points] == [0, 0, 0]
    (row,) = left_out
    assert (row["id"], row["code"]) == ("example", "torsion_not_in_molecule")
    assert "[F:1][O:2][O:3][F:4] matches no chain of four atoms" in row["reason"]


def test_scan_without_a_point_is_left_out_and_listed(caplog):
    settings, left_out = with_scans(by_rule=True, max_steps=1), []
    with caplog.at_level("WARNING", logger="forceladder"):
        (geometry,) = generate_geometries(read("OO"), settings, left_out=left_out)
    assert geometry["kind"] == "conformer"
    (row,) = left_out
    assert row["code"] == "scan_failed"
    assert row["reason"].startswith("scan 0: no point of the scan could be relaxed")
    assert row["reason"] in caplog.text


def test_missing_points_of_a_scan_are_counted(monkeypatch):
    """As where GFN2-xTB fails as soon as the hydrogens come close, about 0°."""

    def failing(mol, *state):
        gradient = xtb_gradient(mol, *state)

        def answer(positions):
            if np.linalg.norm(positions[2] - positions[3]) < 1.95:
                raise QMError("gfn2_xtb_failed", "GFN2-xTB stopped.")
            return gradient(positions)

        return answer

    monkeypatch.setattr(geometries_module, "xtb_gradient", failing)
    left_out = []
    _, *points = generate_geometries(read("OO"), with_scans(by_rule=True), left_out=left_out)
    angles = [point["scan"]["angles_degrees"][0] for point in points]
    assert angles == [-120, -60, 60, 120, 180]
    assert left_out == [{
        "id": "example", "code": "scan_not_whole",
        "reason": "scan 0: 1 of 6 points could not be relaxed",
    }]  # fmt: skip


def test_what_the_user_brought_is_there_beside_the_conformers():
    """Geometries as they are, and torsions to scan."""
    brought = {"positions": WATER[[0, 0, 1, 2]], "kind": "imported", "temperature": 0.0}
    settings = with_scans(spacing_degrees=120)
    geometries = generate_geometries(read("OO"), settings, [brought], [[[2, 0, 1, 3]]])
    assert geometries[1] is brought
    assert [g["kind"] for g in geometries] == ["conformer", "imported"] + 3 * ["torsion_scan"]
    assert geometries[-1]["scan"]["torsions"] == [[2, 0, 1, 3]]
