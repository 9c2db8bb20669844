"""Importers say what the files say, in house units."""

import json
import lzma

import numpy as np
import pytest
import xarray

from examples import mol_of, read
from forceladder.fields import problems
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.training_set.dataset import (
    molecule_positions,
    read_training_set,
    write_training_set,
)
from forceladder.training_set.importers.collect import FORMATS
from forceladder.training_set.importers.extxyz import ENERGY_UNITS, FORCE_UNITS
from imported_files import (
    ACETATE,
    BOHR,
    ETHANOL,
    ETHER,
    FRAMES,
    HARTREE,
    LEVEL,
    atomic_result,
    imported,
    mapped,
    near,
    qc_molecule,
    some_orders,
    some_quadrupoles,
    write_every_format,
    write_extxyz,
    write_spice,
)


@pytest.fixture
def every_format(tmp_path):
    return write_every_format(tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_numbers_are_those_of_the_file_in_house_units(every_format, form):
    path, settings = every_format[form]
    dataset = imported(path, form, **settings)
    assert problems(dataset) == []
    frames = [near(ETHANOL)[k % 4] for k in range(10 if form == "qm7x_npz" else 4)]
    digits = {"torsions_npz": 1e-7, "openff_industry": 1e-4}.get(form, 1e-8)  # of the file
    expected = np.concatenate([frame["positions"] for frame in frames])
    np.testing.assert_allclose(dataset["positions"].values, expected, atol=digits)
    energies = HARTREE * np.array([frame["energy"] for frame in frames])
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)
    gradients = np.concatenate([frame["gradient"] for frame in frames]) * HARTREE / BOHR
    if form in ("torsions_npz", "openff_industry"):
        assert np.isnan(dataset["gradients"].values).all()
    else:
        np.testing.assert_allclose(dataset["gradients"].values, gradients, rtol=3e-7, atol=1e-6)
    dipoles = BOHR * np.array([frame["dipole"] for frame in frames])
    if form in ("spice", "qcschema"):
        np.testing.assert_allclose(dataset["dipole"].values, dipoles, rtol=1e-8)
    else:
        assert np.isnan(dataset["dipole"].values).all()
    assert dataset["inchikey"].values.tolist() == [read("CCO")["inchikey"]]
    np.testing.assert_array_equal(dataset["atomic_number"].values, ETHANOL["atomic_numbers"])


@pytest.mark.parametrize("form", FORMATS)
def test_imported_training_set_survives_its_file(tmp_path, every_format, form):
    path, settings = every_format[form]
    dataset = imported(path, form, **settings)
    write_training_set(dataset, tmp_path / "out.nc")
    xarray.testing.assert_identical(read_training_set(tmp_path / "out.nc"), dataset)


@pytest.mark.parametrize("force_unit", FORCE_UNITS)
@pytest.mark.parametrize("energy_unit", ENERGY_UNITS)
def test_extxyz_may_come_in_any_units(tmp_path, energy_unit, force_unit):
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, f) for f in near(ETHANOL)], energy_unit, force_unit)
    units = {"energy_unit": energy_unit, "force_unit": force_unit}
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, **units)
    energies = [HARTREE * frame["energy"] for frame in near(ETHANOL)]
    gradients = np.concatenate([frame["gradient"] for frame in near(ETHANOL)]) * HARTREE / BOHR
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)
    # ASE writes eight decimals, here of as much as a Hartree
    np.testing.assert_allclose(dataset["gradients"].values, gradients, rtol=1e-7, atol=1e-5)


def test_extxyz_takes_the_keys_that_it_is_told(tmp_path):
    frames = [(ETHANOL, frame) for frame in near(ETHANOL)]
    write_extxyz(tmp_path / "a.xyz", frames, keys=("REF_energy", "REF_forces"))
    keys = {"energy_key": "REF_energy", "forces_key": "REF_forces"}
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, **keys)
    np.testing.assert_allclose(dataset["energy"].values[0] / HARTREE, near(ETHANOL)[0]["energy"])
    keys["forces_key"] = None
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, **keys)
    assert np.isnan(dataset["gradients"].values).all()


def test_spice_moments_and_bond_orders_go_where_fields_say(tmp_path):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL})
    dataset = imported(tmp_path / "a.hdf5", "spice")
    moments = some_quadrupoles(4)[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]] * BOHR**2
    np.testing.assert_allclose(dataset["quadrupole"].values, moments, rtol=1e-9)
    i, j = dataset["bond_atoms"].values.T
    np.testing.assert_allclose(
        dataset["bond_orders"].values.reshape(4, -1), some_orders(4, 9)[:, i, j], rtol=1e-12
    )
    assert dataset["level_of_theory"].values.tolist() == ["ωB97M-D3BJ/def2-TZVPPD"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("with_smiles", [True, False])
def test_both_versions_of_qcschema_are_read(tmp_path, version, with_smiles):
    lines = [
        atomic_result(molecule, frame, version, driver, with_smiles)
        for molecule in (ETHANOL, ETHER, ACETATE)
        for frame, driver in zip(near(molecule), ["gradient"] * 3 + ["energy"], strict=True)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    dataset = imported(tmp_path / "a.jsonl", "qcschema")
    assert set(dataset["level_of_theory"].values) == {"B3LYP-D3BJ/DZVP"}
    assert dataset["conformer_count"].values.tolist() == [4, 4, 4]
    assert dataset["net_charge"].values.tolist() == [0, 0, -1]
    keys = [read(molecule["smiles"])["inchikey"] for molecule in (ETHANOL, ETHER, ACETATE)]
    assert sorted(dataset["inchikey"].values) == sorted(keys)
    unknown = np.isnan(dataset["gradients"].values).any(axis=1)
    assert unknown.sum() == 9 + 9 + 7
    frames = [frame for molecule in FRAMES.values() for frame in near(molecule)]
    energies = HARTREE * np.array([frame["energy"] for frame in frames])
    np.testing.assert_allclose(np.sort(dataset["energy"].values), np.sort(energies), rtol=1e-9)


def test_moments_of_an_old_psi4_are_not_taken_for_atomic_units(tmp_path):
    """Its QCSchema holds Debye."""
    line = atomic_result(ETHANOL, near(ETHANOL)[0], 1)
    (tmp_path / "a.jsonl").write_text(line.replace('"1.9.1"', '"1.3.2+ecbda83"'))
    dataset = imported(tmp_path / "a.jsonl", "qcschema")
    assert np.isnan(dataset["dipole"].values).all()
    assert np.isfinite(dataset["gradients"].values).all()


def test_our_own_records_come_back_as_the_workflow_builds_them(tmp_path, xtb_spec):
    """The same arrays as build_training_set makes of the same records, grid and all."""
    from small_set import SPEC, with_potential

    molecule, records = read("CC(=O)[O-]"), []
    for frame in near(ACETATE):
        order = molecule_from_mapped_smiles(mapped(ACETATE)).GetSubstructMatch(mol_of("CC(=O)[O-]"))
        given = qc_molecule(ACETATE, frame)
        given["symbols"] = [given["symbols"][row] for row in order]
        given["geometry"] = np.reshape(given["geometry"], (-1, 3))[list(order)].ravel().tolist()
        given["extras"] = {
            MAPPED: molecule["mapped_smiles"],
            "geometry_kind": "sampled",
            "temperature_kelvin": 300.0,
        }
        task = make_task(given, SPEC, "tblite 0.8.0")
        result = {
            "success": True, "energy": frame["energy"], "wall_seconds": 1.0, "cpu_seconds": 1.0,
            "gradient": np.array(frame["gradient"])[list(order)].ravel().tolist(),
            "dipole": frame["dipole"], "charges": [0.1] * len(order),
        }  # fmt: skip
        records.append(make_record(task, given, with_potential(task, result)))
    failed = make_record(task, given, result | {
        "success": False, "error_type": "died", "error_message": "…"
    })  # fmt: skip
    text = "".join(json.dumps(record) + "\n" for record in [*records, failed])
    (tmp_path / "acetate.jsonl.xz").write_bytes(lzma.compress(text.encode()))
    dataset = imported(tmp_path, "qcschema", split=molecule["split"])

    from forceladder.training_set.build import build_training_set

    expected, _ = build_training_set([(molecule, records)], 1, {})
    ours = dataset["molecule_id"]
    dataset["molecule_id"] = expected["molecule_id"]
    xarray.testing.assert_equal(dataset.drop_attrs(), expected.drop_attrs())
    assert ours.values.tolist() == ["there.C2H3O2"]


@pytest.mark.parametrize(
    "form", [f for f in FORMATS if f not in ("torsions_npz", "openff_industry")]
)
def test_gradients_are_those_of_the_energies(every_format, form):
    """Trapezoidal rule between the four near frames, which lie 0.2 Å apart."""
    path, settings = every_format[form]
    dataset = imported(path, form, **settings)
    positions = molecule_positions(dataset, 0)[:4]
    gradients = dataset["gradients"].values[: 4 * 9].reshape(4, 9, 3)
    energies = dataset["energy"].values[:4]
    for i in range(4):
        for j in range(i):
            step = positions[i] - positions[j]
            work = 0.5 * ((gradients[i] + gradients[j]) * step).sum()
            assert work == pytest.approx(energies[i] - energies[j], abs=1.0)  # of up to 8.5
