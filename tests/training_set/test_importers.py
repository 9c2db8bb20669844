"""Importers say what the files say, in house units, and name what they cannot use."""

import gzip
import json
import lzma
import os
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pyarrow
import pytest
import qcelemental
import xarray
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from qcelemental.models import v1, v2
from rdkit import Chem
from rdkit.Chem import AllChem, rdDetermineBonds, rdMolTransforms
from tblite.interface import Calculator

from examples import ELEMENTS, FRACTIONS, SMILES, mol_of, read
from forceladder.cli import main
from forceladder.errors import (
    ConfigError,
    CorruptFileError,
    MoleculeError,
    TooManyFailuresError,
)
from forceladder.fields import problems
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.listing import ID, MAPPED, molecule_rows
from forceladder.molecules.read import drawn_split, molecule_from_mapped_smiles
from forceladder.qm.datasets import gradient_dataset
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.tables import read_table
from forceladder.training_set.dataset import (
    molecule_positions,
    provenance,
    read_training_set,
    row_ranges,
    select_molecules,
    write_training_set,
)
from forceladder.training_set.importers import identity
from forceladder.training_set.importers.collect import FORMATS, free_id, import_data
from forceladder.training_set.importers.extxyz import ENERGY_UNITS, FORCE_UNITS
from forceladder.training_set.importers.join import join_imports
from forceladder.training_set.importers.openff_industry import sdf_entries
from forceladder.training_set.importers.qcsubmit import molecules_and_geometries
from forceladder.training_set.importers.torsions_npz import read_torsions_npz

# GFN2-xTB energies and gradients of ethanol, dimethyl ether (its atoms in ethanol's order of
# elements) and acetate; ethanol also with O–H stretched to 2.1 Å, and shaken by 110 kcal/mol.
FRAMES = json.loads((Path(__file__).parents[1] / "data/xtb_frames.json").read_text())["molecules"]
ETHANOL, ETHER, ACETATE = FRAMES.values()
CODATA = qcelemental.PhysicalConstantsContext("CODATA2018")
HARTREE = CODATA.conversion_factor("hartree", "kcal/mol")
EV = CODATA.conversion_factor("eV", "kcal/mol")
BOHR = CODATA.conversion_factor("bohr", "angstrom")
LEVEL = "GFN2-xTB"


def near(molecule) -> list[dict]:
    """The frames of a molecule that are neither broken nor hot."""
    return [f for f in molecule["frames"] if f["name"] not in ("broken", "hot")]


def named(molecule, name) -> dict:
    return next(frame for frame in molecule["frames"] if frame["name"] == name)


def imported(path, form="extxyz", **options):
    """The training set of an import, nothing rejected."""
    dataset, rejected = import_data("there", path, {"format": form, **options})
    assert rejected == []
    return dataset


def mapped(molecule) -> str:
    """Mapped SMILES in the order of the frames; RDKit's matching of graphs decides nothing."""
    mol = Chem.AddHs(Chem.MolFromSmiles(molecule["smiles"]))
    if molecule is ETHER:
        mol = Chem.RenumberAtoms(mol, [0, 2, 1, 3, 4, 5, 6, 7, 8])
    assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == molecule["atomic_numbers"]
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(mol)


# writers: one per format, as its own world writes it


def write_extxyz(path, frames, energy_unit="eV", force_unit="eV/angstrom", keys=None, **info):
    """frames: pairs of a molecule and one of its frames; keys: own names, else ASE's results."""
    unit = {
        "eV": ase.units.Hartree, "Hartree": 1.0, "kJ/mol": ase.units.Hartree * ase.units.mol
        / ase.units.kJ, "kcal/mol": ase.units.Hartree * ase.units.mol / ase.units.kcal,
    }  # fmt: skip
    per_hartree, length = force_unit.rsplit("/", 1)
    images = []
    for molecule, frame in frames:
        atoms = ase.Atoms(molecule["atomic_numbers"], frame["positions"])
        energy = frame["energy"] * unit[energy_unit]
        per_angstrom = 1.0 if length == "bohr" else 1.0 / ase.units.Bohr
        forces = -np.array(frame["gradient"]) * unit[per_hartree] * per_angstrom
        if keys:
            atoms.info[keys[0]], atoms.arrays[keys[1]] = energy, forces
        else:
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        atoms.info |= info
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")


def write_spice(path, molecules):
    """As SPICE 1.1.4 does; quadrupole and bond orders are numbers without a meaning."""
    with h5py.File(path, "w") as file:
        for name, molecule in molecules.items():
            frames, atoms = near(molecule), len(molecule["atomic_numbers"])
            group = file.create_group(name)
            group["smiles"] = [mapped(molecule)]
            group["subset"] = ["of a test"]
            group["atomic_numbers"] = np.array(molecule["atomic_numbers"], "int16")
            conformations = [np.array(frame["positions"]) / BOHR for frame in frames]
            for key, unit, values in [
                ("conformations", "bohr", conformations),
                ("dft_total_energy", "hartree", [frame["energy"] for frame in frames]),
                ("dft_total_gradient", "hartree/bohr", [frame["gradient"] for frame in frames]),
                ("scf_dipole", "elementary_charge*bohr", [frame["dipole"] for frame in frames]),
                ("scf_quadrupole", "elementary_charge*bohr^2", some_quadrupoles(len(frames))),
                ("wiberg_lowdin_indices", None, some_orders(len(frames), atoms)),
            ]:
                group[key] = np.array(values)
                if unit:
                    group[key].attrs["units"] = unit


def some_quadrupoles(count) -> np.ndarray:
    matrices = np.random.default_rng(1).normal(size=(count, 3, 3))
    return matrices + matrices.transpose(0, 2, 1)


def some_orders(count, atoms) -> np.ndarray:
    matrices = np.random.default_rng(2).uniform(size=(count, atoms, atoms))
    return matrices + matrices.transpose(0, 2, 1)


def qc_molecule(molecule, frame, with_smiles=True) -> dict:
    symbols = [qcelemental.periodictable.to_E(z) for z in molecule["atomic_numbers"]]
    return {
        "symbols": symbols,
        "geometry": (np.array(frame["positions"]) / BOHR).ravel().tolist(),
        "molecular_charge": molecule["charge"],
        "molecular_multiplicity": 1,
        "fix_com": True,
        "fix_orientation": True,
        "extras": {MAPPED: mapped(molecule)} if with_smiles else {},
    }


def atomic_result(molecule, frame, version, driver="gradient", with_smiles=True) -> str:
    """A line that qcelemental itself writes, of either version of QCSchema."""
    given = qc_molecule(molecule, frame, with_smiles)
    result = {"energy": frame["energy"], "gradient": np.ravel(frame["gradient"]).tolist()}[driver]
    properties = {"return_energy": frame["energy"], "scf_dipole_moment": frame["dipole"]}
    model = {"method": "b3lyp-d3bj", "basis": "dzvp"}
    source = {"creator": "Psi4", "version": "1.9.1"}
    if version == 1:
        return v1.AtomicResult(
            molecule=given, driver=driver, model=model, properties=properties,
            return_result=result, success=True, provenance=source,
        ).json()  # fmt: skip
    molecule_of_version_2 = v2.Molecule(**given)
    specification = {"driver": driver, "model": model, "program": "psi4"}
    return v2.AtomicResult(
        input_data={"molecule": molecule_of_version_2, "specification": specification},
        molecule=molecule_of_version_2, properties=properties, return_result=result,
        success=True, provenance=source,
    ).model_dump_json()  # fmt: skip


def write_qm7x(path, molecules):
    """Blocks of ten frames, the four of each molecule again and again."""
    most = max(len(molecule["atomic_numbers"]) for molecule in molecules)
    rows = [(m, near(m)[k % 4]) for m in molecules for k in range(10)]

    def padded(values):
        return np.pad(values, [(0, most - len(values))] + [(0, 0)] * (np.ndim(values) - 1))

    np.savez(
        path,
        E=[[frame["energy"] * ase.units.Hartree] for _, frame in rows],
        F=[padded(-np.array(f["gradient"]) * ase.units.Hartree / ase.units.Bohr) for _, f in rows],
        R=[padded(np.array(frame["positions"])) for _, frame in rows],
        z=[padded(molecule["atomic_numbers"]) for molecule, _ in rows],
    )


def write_torsions(path, molecules, **changes):
    """One scan per molecule, its four frames as points; torsion 2-1-3-last atom, from 1."""
    points = [(molecule, frame) for molecule in molecules for frame in near(molecule)]
    sizes = [len(molecule["atomic_numbers"]) for molecule, _ in points]
    arrays = {
        "names": np.array([f"case-{k}" for k in range(len(molecules))]),
        "smiles": np.array([molecule["smiles"] for molecule in molecules]),
        "charge": np.array([molecule["charge"] for molecule in molecules], "int8"),
        "nconf": np.array([len(near(molecule)) for molecule in molecules], "int16"),
        "natoms": np.array(sizes, "int16"),
        "elements": np.concatenate([m["atomic_numbers"] for m, _ in points]).astype("uint8"),
        "coords": np.concatenate([frame["positions"] for _, frame in points]).astype("float32"),
        "torsion_atoms": np.array([[2, 1, 3, size] for size in sizes], "int16"),
        "torsion_angle": np.arange(len(points), dtype="float32"),
        "E[GFN2-xTB](Ha)": np.array([frame["energy"] for _, frame in points]),
    } | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def write_arrow(path, rows):
    """rows: dicts of smiles, coords, energy, forces, as smee's `create_dataset` makes them."""
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)


def arrow_row(molecule, frames, forces=True) -> dict:
    per_angstrom = HARTREE / BOHR
    gradients = np.array([frame["gradient"] for frame in frames])
    return {
        "smiles": mapped(molecule),
        "coords": np.ravel([frame["positions"] for frame in frames]).tolist(),
        "energy": [frame["energy"] * HARTREE for frame in frames],
        "forces": (-gradients * per_angstrom).ravel().tolist() if forces else [],
    }


def sdf_text(molecule, frames) -> str:
    mol = molecule_from_mapped_smiles(mapped(molecule))
    text = ""
    for k, frame in enumerate(frames):
        mol.RemoveAllConformers()
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(np.array(frame["positions"]))
        mol.AddConformer(conformer)
        mol.SetProp("_Name", f"full_{k}")
        text += (
            Chem.MolToMolBlock(mol) + f"> <Energy QCArchive>\n{frame['energy'] * HARTREE}\n\n$$$$\n"
        )
    return text


def write_every_format(folder: Path) -> dict[str, tuple[Path, dict]]:
    """Ethanol in all formats: format → path and the settings that it needs."""
    frames = near(ETHANOL)
    write_extxyz(folder / "a.xyz", [(ETHANOL, frame) for frame in frames])
    write_spice(folder / "a.hdf5", {"ethanol": ETHANOL})
    lines = "".join(atomic_result(ETHANOL, frame, 1) + "\n" for frame in frames)
    (folder / "a.jsonl.xz").write_bytes(lzma.compress(lines.encode()))
    write_torsions(folder / "t.npz", [ETHANOL])
    write_qm7x(folder / "q.npz", [ETHANOL])
    write_arrow(folder / "a.arrow", [arrow_row(ETHANOL, frames)])
    (folder / "a.sdf.gz").write_bytes(gzip.compress(sdf_text(ETHANOL, frames).encode()))
    level = {"level_of_theory": LEVEL}
    return {
        "extxyz": (folder / "a.xyz", level), "spice": (folder / "a.hdf5", {}),
        "qcschema": (folder / "a.jsonl.xz", {}), "torsions_npz": (folder / "t.npz", {}),
        "qm7x_npz": (folder / "q.npz", level), "openff_torsiondrives": (folder / "a.arrow", level),
        "openff_industry": (folder / "a.sdf.gz", level),
    }  # fmt: skip


@pytest.fixture
def every_format(tmp_path):
    return write_every_format(tmp_path)


# numbers, against QCElemental's and ASE's own units


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


# which molecule it is

HARD = {
    "c1ccc2c(c1)-c1ccccc1-2": "atoms across its square are as near as bonded ones",
    "[CH3]": "unpaired electrons are not perceived",
    "CCCC[P+](C)(C)C": "RDKit's xyz2mol knows no phosphonium",
}


def embedded(smiles: str, seed: int):
    """A molecule, its atoms shuffled, and positions [atoms, 3] Å."""
    mol = mol_of(smiles)
    AllChem.EmbedMolecule(mol, randomSeed=7)
    AllChem.MMFFOptimizeMolecule(mol)
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    mol = Chem.RenumberAtoms(mol, order)
    return mol, mol.GetConformer().GetPositions()


@pytest.mark.parametrize("smiles", [s for s in SMILES if s not in HARD])
@given(seed=st.integers(0, 2**31))
@settings(max_examples=3)
def test_molecule_is_found_whatever_the_order_of_its_atoms(smiles, seed):
    """From its SMILES and from its geometry alone; the InChIKey judges, stereo included."""
    mol, positions = embedded(smiles, seed)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    for found in (
        identity.molecule_of_smiles(smiles, numbers, positions),
        identity.perceived_molecule(numbers, positions, Chem.GetFormalCharge(mol)),
    ):
        assert [atom.GetAtomicNum() for atom in found.GetAtoms()] == numbers
        assert Chem.MolToInchiKey(found) == read(smiles)["inchikey"]
        assert connectivity_change(found, positions) is None


@pytest.mark.parametrize("smiles", HARD, ids=HARD.values())
def test_what_is_too_hard_to_perceive_is_not_taken_for_the_molecule(smiles):
    mol, positions = embedded(smiles, 1)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    try:
        found = identity.perceived_molecule(numbers, positions, Chem.GetFormalCharge(mol))
        assert Chem.MolToInchiKey(found) != read(smiles)["inchikey"]
    except MoleculeError as error:
        assert error.code == "not_perceived"


def test_isomers_with_the_same_atoms_in_the_same_order_are_kept_apart(tmp_path):
    frames = [
        pair for k in range(4) for pair in ((ETHANOL, near(ETHANOL)[k]), (ETHER, near(ETHER)[k]))
    ]
    write_extxyz(tmp_path / "a.xyz", frames)
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert dataset["molecule_id"].values.tolist() == ["there.C2H6O", "there.C2H6O-2"]
    keys = [read("CCO")["inchikey"], read("COC")["inchikey"]]
    assert dataset["inchikey"].values.tolist() == keys
    assert (dataset["flag"].values == "").all()
    energies = [HARTREE * frame["energy"] for m in (ETHANOL, ETHER) for frame in near(m)]
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)


def test_broken_and_hot_frames_are_kept_and_flagged(tmp_path):
    names = ["near-1", "broken", "near-2", "hot", "minimum"]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, named(ETHANOL, name)) for name in names])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert dataset["flag"].values.tolist() == ["", "connectivity_changed", "", "hot", ""]
    counts = provenance(dataset)["counts"]
    assert counts["hot"] == counts["connectivity_changed"] == 1
    warm = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, hot_kcal_per_atom=13.0)
    assert warm["flag"].values.tolist() == ["", "connectivity_changed", "", "", ""]


def test_a_few_frames_with_a_shifted_hydrogen_are_no_isomer_of_their_own(tmp_path):
    """Acetaldehyde's frames with one of its enol are flagged; as many of each are two molecules."""
    forms = []
    for smiles, order in (("CC=O", range(7)), ("C=CO", [0, 1, 2, 3, 4, 6, 5])):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=1)
        mol = Chem.RenumberAtoms(mol, list(order))
        forms.append(mol.GetConformer().GetPositions())
    numbers = (6, 6, 8, 1, 1, 1, 1)
    few = identity.groups_by_bonds(numbers, [forms[0]] * 10 + [forms[1]], [0.0] * 10 + [-1.0], 0)
    assert few == [list(range(11))]
    many = identity.groups_by_bonds(numbers, [forms[0]] * 9 + [forms[1]], [0.0] * 10, 0)
    assert many == [list(range(9)), [9]]


def test_the_smiles_of_a_file_wins_over_its_bonds(tmp_path):
    """Even a file of broken frames alone is the molecule that the user names, if one is whole."""
    frames = [named(ETHANOL, "broken")] * 3 + [named(ETHANOL, "minimum")]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame) for frame in frames])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, smiles="OCC")
    assert dataset["flag"].values.tolist() == ["connectivity_changed"] * 3 + [""]


def test_charge_of_an_extxyz_file_is_the_users_to_say(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(ACETATE, frame) for frame in near(ACETATE)])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, charge=-1)
    assert dataset["inchikey"].values.tolist() == [read("CC(=O)[O-]")["inchikey"]]
    with pytest.raises(TooManyFailuresError, match=r"no bond orders .* charge 0\."):
        imported(tmp_path / "a.xyz", level_of_theory=LEVEL)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"unreadable": "nothing."}, "parse_failed"),
        ({"mapped_smiles": "CCO"}, "parse_failed"),
        ({"mapped_smiles": "not a molecule"}, "parse_failed"),
        ({"mapped_smiles": mapped(ETHER)}, None),
        ({"mapped_smiles": mapped(ACETATE)}, "atoms_disagree"),
        ({"smiles": "C1CC"}, "parse_failed"),
        ({"smiles": "COC"}, "atoms_disagree"),
        ({"smiles": "CO"}, "atoms_disagree"),
        ({"smiles": "CCO", "net_charge": 1}, "charge_mismatch"),
        ({"smiles": "CCO", "multiplicity": "2"}, "impossible_multiplicity"),
        ({"smiles": "C.O"}, "several_components"),
        ({"net_charge": 1}, "not_perceived"),
    ],
)
def test_a_molecule_that_cannot_be_is_rejected_by_code(said, code):
    said = {"label": "x", "atomic_numbers": ETHANOL["atomic_numbers"]} | said
    frame = near(ETHANOL)[0]
    conformers = [{"energy": 0.0, "positions": np.array(frame["positions"])}]
    try:
        identity.identified(said, conformers, 0, ELEMENTS)
        found = None
    except MoleculeError as error:
        found = error.code
    assert found == code


def test_rejected_molecules_are_listed_and_the_others_imported(tmp_path):
    """A lone atom, which needs no forces, two waters, and an element that is not allowed."""
    water = Chem.AddHs(Chem.MolFromSmiles("O.O"))
    AllChem.EmbedMolecule(water, randomSeed=1)
    lone = ase.Atoms("H", [[0.0, 0.0, 0.0]], info={"energy": -13.6})
    pair = ase.Atoms("OOHHHH", water.GetConformer().GetPositions() * [[3, 1, 1]])
    iodine = ase.Atoms("IH", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.6]])
    for atoms in (pair, iodine):
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((len(atoms), 3)))
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame) for frame in near(ETHANOL)])
    ase.io.write(tmp_path / "a.xyz", [lone, pair, iodine], format="extxyz", append=True)
    settings = {"format": "extxyz", "level_of_theory": LEVEL}
    allowed = ["H", "C", "N", "O"]
    dataset, rejected = import_data("there", tmp_path / "a.xyz", settings, allowed, FRACTIONS)
    assert dataset["molecule_id"].values.tolist() == ["there.C2H6O"]
    codes = {"there.H": "single_atom", "there.HI": "element_not_allowed"}
    found = {line["id"]: line["code"] for line in rejected}
    assert found.pop("there.H4O2") in ("several_components", "not_perceived")
    assert found == codes
    assert provenance(dataset)["counts"]["rejected_molecules"] == 3


def test_unfinished_calculations_are_left_out_and_counted(tmp_path):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL, "two": ETHER})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["one/dft_total_energy"][1] = np.nan
        file["two/dft_total_energy"][:] = np.nan
    dataset, rejected = import_data("there", tmp_path / "a.hdf5", {"format": "spice"})
    assert dataset["conformer_count"].values.tolist() == [3]
    assert provenance(dataset)["counts"]["unfinished"] == 1
    assert [(line["id"], line["code"]) for line in rejected] == [("there.two", "nothing_finished")]


def test_periodic_boundaries_are_ignored_and_said(tmp_path, caplog):
    from forceladder.job import log

    frame = near(ETHANOL)[0]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame)])
    atoms = ase.io.read(tmp_path / "a.xyz")
    atoms.set_cell([20, 20, 20])
    atoms.set_pbc(True)
    ase.io.write(tmp_path / "a.xyz", [atoms], format="extxyz")
    log.propagate = True
    imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert "pbc of 1 frames ignored" in caplog.text


@given(st.lists(st.text(max_size=100), max_size=20))
def test_ids_are_file_names_that_differ_by_more_than_case(labels):
    taken = set()
    ids = [free_id(f"there.{label}", taken) for label in labels]
    assert len({name.lower() for name in ids}) == len(ids)
    assert all(ID.fullmatch(name) for name in ids)


@given(st.integers(1, 6))
def test_at_most_so_many_conformers_are_kept_evenly(limit):
    from forceladder.training_set.importers.collect import thinned

    kept = thinned([{"k": k} for k in range(5)], limit)
    rows = [item["k"] for item in kept]
    assert len(rows) == min(limit, 5)
    assert rows == sorted(set(rows))
    assert rows[0] == 0
    assert limit == 1 or rows[-1] == 4


# scans


def test_scans_of_one_molecule_come_together(tmp_path):
    """Ethanol twice and acetate: two molecules, three scans, angles and atoms from zero."""
    write_torsions(tmp_path / "t.npz", [ETHANOL, ACETATE, ETHANOL])
    dataset = imported(tmp_path / "t.npz", "torsions_npz")
    assert dataset["molecule_id"].values.tolist() == ["there.case-0", "there.case-1"]
    assert dataset["scan_count"].values.tolist() == [2, 1]
    assert dataset["conformer_count"].values.tolist() == [8, 4]
    assert dataset["scan"].values.tolist() == [0] * 4 + [1] * 4 + [0] * 4
    expected = [[1, 0, 2, last, -1, -1, -1, -1] for last in (8, 8, 6)]
    assert dataset["scan_torsions"].values.tolist() == expected
    angles = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7]
    assert dataset["scan_angle"].values[:, 0].tolist() == angles
    assert np.isnan(dataset["scan_angle"].values[:, 1]).all()
    assert set(dataset["level_of_theory"].values) == {"GFN2-xTB"}
    assert set(dataset["geometry_kind"].values) == {"torsion_scan"}


def rotated_ethanol() -> list[dict]:
    """Ethanol with C–C–O–H on OpenFF's grid: a full turn in steps of 15°."""
    mol = Chem.Mol(molecule_from_mapped_smiles(mapped(ETHANOL)))
    conformer = Chem.Conformer(9)
    conformer.SetPositions(np.array(named(ETHANOL, "near-1")["positions"]))
    mol.AddConformer(conformer)
    frames = []
    for angle in range(-165, 195, 15):
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), 0, 1, 2, 8, angle)
        positions = mol.GetConformer().GetPositions()
        frames.append({"positions": positions, "energy": 0.0, "gradient": np.zeros((9, 3))})
    return frames


def test_driven_torsion_is_found_from_its_grid(tmp_path):
    """Two drives in one row, then one that is no full turn and stays without a scan."""
    frames = rotated_ethanol()
    rows = [arrow_row(ETHANOL, frames * 2, forces=False), arrow_row(ETHANOL, frames[:10])]
    write_arrow(tmp_path / "a.arrow", rows)
    dataset = imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)
    assert dataset["scan_count"].values.tolist() == [2, 0]
    for torsion in dataset["scan_torsions"].values.tolist():
        assert torsion in ([0, 1, 2, 8, -1, -1, -1, -1], [8, 2, 1, 0, -1, -1, -1, -1])
    angles = [*range(-165, 195, 15)] * 2
    assert dataset["scan_angle"].values[:48, 0].tolist() == angles
    assert np.isnan(dataset["scan_angle"].values[48:]).all()
    assert dataset["scan"].values.tolist() == [0] * 24 + [1] * 24 + [-1] * 10


@given(st.integers(0, 2**31))
def test_dihedral_angle_is_rdkits(seed):
    corners = np.random.default_rng(seed).normal(size=(4, 3))
    conformer = Chem.Conformer(4)
    conformer.SetPositions(corners)
    mol = identity.skeleton([6, 6, 6, 6], [(0, 1), (1, 2), (2, 3)])
    mol.AddConformer(conformer)
    expected = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), 0, 1, 2, 3)
    difference = torsion_angle(corners[None])[0] - expected
    assert (difference + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-6)


# damaged files, and files of another kind


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.97])
@pytest.mark.parametrize("form", FORMATS)
def test_cut_file_ends_in_one_sentence_that_names_it(every_format, form, part):
    path, settings = every_format[form]
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CorruptFileError) as caught:
        imported(path, form, **settings)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
def test_file_of_another_format_ends_in_one_sentence(every_format, form):
    for other, (path, _) in every_format.items():
        if other != form:
            with pytest.raises((CorruptFileError, ConfigError, TooManyFailuresError)) as caught:
                imported(path, form, level_of_theory=LEVEL)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
def test_missing_file_and_empty_folder_are_the_configs_mistake(tmp_path, form):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", tmp_path / "empty"):
        with pytest.raises((ConfigError, CorruptFileError)) as caught:
            imported(path, form, level_of_theory=LEVEL)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["energy", "forces"])
def test_extxyz_without_a_key_says_which_and_what_there_is(tmp_path, key):
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])], keys=("e_ref", "f_ref"))
    keys = {"energy_key": "e_ref", "forces_key": "f_ref"}
    del keys[{"energy": "energy_key", "forces": "forces_key"}[key]]
    with pytest.raises(ConfigError, match=f"frame 1 of .* has no '{key}'; it has .*_ref"):
        imported(tmp_path / "a.xyz", level_of_theory=LEVEL, **keys)


def test_other_formats_without_a_key_say_which(tmp_path, every_format):
    write_torsions(tmp_path / "t.npz", [ETHANOL], smiles=None)
    with pytest.raises(ConfigError, match=r"t\.npz lacks the arrays smiles; it has names, charge"):
        imported(tmp_path / "t.npz", "torsions_npz")
    write_torsions(tmp_path / "t.npz", [ETHANOL], **{"E[GFN2-xTB](Ha)": None})
    with pytest.raises(ConfigError, match=r"has 0 arrays named 'E\[…\]\(Ha\)'"):
        imported(tmp_path / "t.npz", "torsions_npz")
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        del file["ethanol/dft_total_energy"]
    with pytest.raises(ConfigError, match="ethanol lacks the datasets dft_total_energy; it has"):
        imported(tmp_path / "a.hdf5", "spice")
    record = json.loads(atomic_result(ETHANOL, near(ETHANOL)[0], 1))
    del record["properties"]["return_energy"]
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"line 1 of .*a\.jsonl .* lacks 'return_energy'"):
        imported(tmp_path / "a.jsonl", "qcschema")
    row = arrow_row(ETHANOL, near(ETHANOL))
    write_arrow(tmp_path / "a.arrow", [{k: v for k, v in row.items() if k != "coords"}])
    with pytest.raises(ConfigError, match=r"a\.arrow lacks the columns coords"):
        imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)
    text = sdf_text(ETHANOL, near(ETHANOL)).replace("Energy QCArchive", "energy")
    (tmp_path / "a.sdf").write_text(text)
    with pytest.raises(ConfigError, match=r"entry 1 of .* has no property 'Energy QCArchive'"):
        imported(tmp_path / "a.sdf", "openff_industry", level_of_theory=LEVEL)


def test_spice_file_in_other_units_is_refused(tmp_path):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["one/conformations"].attrs["units"] = "angstrom"
    with pytest.raises(ConfigError, match="/one/conformations is in angstrom; SPICE's own"):
        imported(tmp_path / "a.hdf5", "spice")


def test_counts_that_do_not_add_up_are_damage(tmp_path):
    write_torsions(tmp_path / "t.npz", [ETHANOL], nconf=np.array([3]))
    with pytest.raises(CorruptFileError, match="counts do not add up"):
        imported(tmp_path / "t.npz", "torsions_npz")
    row = arrow_row(ETHANOL, near(ETHANOL))
    write_arrow(tmp_path / "a.arrow", [row | {"coords": row["coords"][:-3]}])
    with pytest.raises(CorruptFileError, match=r"row 0 .* 105 coordinates are not 4 times the 9"):
        imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)


def test_unreadable_entry_of_an_sdf_is_rejected_alone(tmp_path):
    text = sdf_text(ETHANOL, near(ETHANOL))
    broken = text.replace(" O ", " Qq ", 1)
    (tmp_path / "a.sdf").write_text(broken)
    settings = {"format": "openff_industry", "level_of_theory": LEVEL}
    dataset, rejected = import_data("there", tmp_path / "a.sdf", settings)
    assert dataset["conformer_count"].values.tolist() == [3]
    assert [line["code"] for line in rejected] == ["parse_failed"]


def test_unknown_format_and_unsaid_level_of_theory_are_named(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])])
    with pytest.raises(ConfigError, match="no import format 'xyz'; known are extxyz, spice"):
        imported(tmp_path / "a.xyz", "xyz")
    with pytest.raises(ConfigError, match="do not say their level of theory"):
        imported(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["", "a/b", "_a", "x" * 41])
def test_name_of_an_import_must_begin_file_names(tmp_path, name):
    with pytest.raises(ConfigError, match="the name of an import"):
        import_data(name, tmp_path / "a.hdf5", {"format": "spice"})


def test_molecule_without_conformers_is_rejected(tmp_path):
    rows = [arrow_row(ETHANOL, near(ETHANOL)), arrow_row(ETHER, [])]
    write_arrow(tmp_path / "a.arrow", rows)
    settings = {"format": "openff_torsiondrives", "level_of_theory": LEVEL}
    dataset, rejected = import_data("there", tmp_path / "a.arrow", settings)
    assert dataset["conformer_count"].values.tolist() == [4]
    assert [line["code"] for line in rejected] == ["nothing_finished"]


def test_record_with_a_ghost_atom_is_named(tmp_path):
    record = json.loads(atomic_result(ETHANOL, near(ETHANOL)[0], 1))
    record["molecule"]["symbols"][0] = "Gh"
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="'Gh' is no element"):
        imported(tmp_path / "a.jsonl", "qcschema")


# splits, and a run's own molecules


def test_split_is_the_imports_or_drawn_from_the_inchikey(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(m, f) for m in (ETHANOL, ETHER) for f in near(m)])
    halves = {"validation": 0.3, "test": 0.3}
    settings = {"format": "extxyz", "level_of_theory": LEVEL}
    drawn, _ = import_data("there", tmp_path / "a.xyz", settings, ELEMENTS, halves)
    for key, split in zip(drawn["inchikey"].values, drawn["split"].values, strict=True):
        assert split == drawn_split(key, halves)
    given = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, split="test")
    assert set(given["split"].values) == {"test"}


@pytest.fixture
def flagged(tmp_path):
    """Ethanol with a broken and a hot frame, and dimethyl ether, all in 'train'."""
    frames = [(m, frame) for m in (ETHANOL, ETHER) for frame in m["frames"]]
    write_extxyz(tmp_path / "flagged.xyz", frames)
    return imported(tmp_path / "flagged.xyz", level_of_theory=LEVEL, split="train")


def test_joined_set_holds_own_molecules_first_then_imports_without_flags(xtb_set, flagged):
    own = select_molecules(xtb_set, [0, 1, 2])
    joined, left_out = join_imports(own, {"there": flagged}, ["connectivity_changed"], 4)
    assert left_out == []
    assert problems(joined) == []
    xarray.testing.assert_equal(select_molecules(joined, [0, 1, 2]).drop_attrs(), own.drop_attrs())
    assert joined["molecule_id"].values[3:].tolist() == ["there.C2H6O", "there.C2H6O-2"]
    assert joined["conformer_count"].values[3:].tolist() == [5, 4]
    assert sorted(set(joined["flag"].values)) == ["", "hot"]
    assert provenance(joined)["imports"]["there"]["counts"]["connectivity_changed"] == 1
    assert len(provenance(joined)["imports"]["there"]["sha256"]["flagged.xyz"]) == 64
    ranges = row_ranges(joined)
    kept = [frame["energy"] * HARTREE for frame in ETHANOL["frames"] if frame["name"] != "broken"]
    ethanol = slice(*ranges["conformer"][3:5])
    np.testing.assert_allclose(joined["energy"].values[ethanol], kept, rtol=1e-8)


def test_imported_molecule_with_too_few_conformers_left_is_named(xtb_set, flagged):
    own = select_molecules(xtb_set, [0])
    joined, left_out = join_imports(own, {"there": flagged}, ["connectivity_changed", "hot"], 5)
    assert joined["molecule_id"].values.tolist() == ["O"]
    assert [line["id"] for line in left_out] == ["there.C2H6O", "there.C2H6O-2"]
    assert "4 imported conformers without a flag" in left_out[0]["reason"]


def test_no_imports_change_nothing(xtb_set):
    joined, left_out = join_imports(xtb_set, {}, ["hot"], 99)
    xarray.testing.assert_identical(joined, xtb_set)
    assert left_out == []


def test_twins_in_two_splits_are_an_error_that_names_both(tmp_path, xtb_set, flagged):
    """Of an import and an own molecule, and of two imports."""
    own = select_molecules(xtb_set, np.flatnonzero(xtb_set["molecule_id"].values == "CCO"))
    assert own["split"].values.tolist() == ["validation"]
    with pytest.raises(ConfigError, match=r"CCO \(validation\) and there\.C2H6O \(train\) are the"):
        join_imports(own, {"there": flagged}, [], 1)
    other = imported(tmp_path / "flagged.xyz", level_of_theory="other", split="test")
    other["molecule_id"].values[:] = ["other.a", "other.b"]
    own = select_molecules(xtb_set, [0])
    with pytest.raises(ConfigError, match=r"there\.C2H6O \(train\) and other\.a \(test\)"):
        join_imports(own, {"there": flagged, "other": other}, [], 1)


def test_one_molecule_at_two_levels_of_theory_has_two_rows(tmp_path, xtb_set, flagged):
    settings = {"format": "extxyz", "level_of_theory": "another", "split": "train"}
    other, _ = import_data("other", tmp_path / "flagged.xyz", settings)
    own = select_molecules(xtb_set, [0])
    joined, _ = join_imports(own, {"there": flagged, "other": other}, [], 1)
    levels = joined["level_of_theory"].values.tolist()
    assert levels == ["GFN2-xTB", LEVEL, LEVEL, "another", "another"]
    assert joined["molecule_id"].values[3] == "other.C2H6O"


def test_an_id_of_two_molecules_is_an_error(xtb_set, flagged):
    own = select_molecules(xtb_set, [0]).copy(deep=True)
    own["molecule_id"].values[:] = ["There.C2H6O"]
    with pytest.raises(ConfigError, match=r"there\.C2H6O stands for two molecules"):
        join_imports(own, {"there": flagged}, [], 1)


# the command


def test_command_writes_the_training_set_and_the_rejections(tmp_path, capsys):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL, "two": ETHER})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["two/atomic_numbers"][:] = 6
    out = tmp_path / "spice.nc"
    assert (
        main(["import", "--format", "spice", "--split", "test", str(tmp_path / "a.hdf5"), str(out)])
        == 0
    )
    dataset = read_training_set(out)
    assert dataset["molecule_id"].values.tolist() == ["spice.one"]
    assert dataset["split"].values.tolist() == ["test"]
    (line,) = read_table(tmp_path / "spice.rejected.csv")
    assert (line["id"], line["code"]) == ("spice.two", "atoms_disagree")
    assert "1 molecules, 1 rejected_molecules" in capsys.readouterr().out.replace(
        "4 conformers, ", ""
    )
    assert provenance(dataset)["settings"] == {"format": "spice", "split": "test"}


def test_command_takes_every_key_of_an_extxyz_import(tmp_path):
    frames = [(ACETATE, frame) for frame in near(ACETATE)]
    write_extxyz(tmp_path / "a.xyz", frames, "kcal/mol", "Hartree/bohr", keys=("e", "f"))
    options = (
        "--level GFN2-xTB --name mine --charge -1 --smiles CC(=O)[O-] "
        "--energy-key e --forces-key f --energy-unit kcal/mol --force-unit Hartree/bohr "
        "--max-conformers-per-molecule 2 --hot-kcal-per-atom 0.5"
    ).split()
    out = tmp_path / "out.nc"
    assert main(["import", "--format", "extxyz", *options, str(tmp_path / "a.xyz"), str(out)]) == 0
    dataset = read_training_set(out)
    assert dataset["molecule_id"].values.tolist() == ["mine.C2H3O2"]
    first, last = near(ACETATE)[0], near(ACETATE)[-1]
    energies = [frame["energy"] * HARTREE for frame in (first, last)]
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)
    assert dataset["flag"].values.tolist() == ["", "hot"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "spice", "absent.hdf5", "out.nc"], "absent.hdf5 does not exist"),
        (["--format", "xyz", "absent.xyz", "out.nc"], "there is no import format 'xyz'"),
        (["--format", "extxyz", "--energy-unit", "ev", "a.xyz", "out.nc"], "energy_unit 'ev'"),
    ],
)
def test_command_ends_a_mistake_with_one_sentence(
    tmp_path, capsys, monkeypatch, arguments, sentence
):
    monkeypatch.chdir(tmp_path)
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])])
    assert main(["import", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("forceladder: ")
    assert sentence in said
    assert not (tmp_path / "out.nc").exists()


# QCSubmit datasets: geometries alone


def shuffled_dataset(smiles: str, count: int, seed: int) -> tuple[dict, list]:
    """A QCSubmit BasicDataset of ours whose atoms were put in another order, and its positions."""
    molecule, mol = {**read(smiles), "id": "m"}, mol_of(smiles)
    AllChem.EmbedMultipleConfs(mol, count, randomSeed=3)
    positions = [conformer.GetPositions() for conformer in mol.GetConformers()]
    geometries = [{"positions": x, "kind": "conformer", "temperature": 0.0} for x in positions]
    dataset = gradient_dataset(molecule, geometries, "xtb", {"engine": "gfn2-xtb", "method": "x"})
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    other = Chem.RenumberAtoms(mol, order)
    for atom in other.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    (entry,) = dataset["dataset"].values()
    entry["attributes"][MAPPED] = Chem.MolToSmiles(other)
    for item in entry["initial_molecules"]:
        item["symbols"] = [item["symbols"][row] for row in order]
        item["geometry"] = np.reshape(item["geometry"], (-1, 3))[order].ravel().tolist()
    return dataset, positions, order


@pytest.mark.parametrize("suffix", [".json", ".json.xz", ".json.bz2", ".json.gz"])
def test_qcsubmit_dataset_gives_the_workflows_own_molecule(tmp_path, suffix):
    import bz2

    dataset, positions, _ = shuffled_dataset("C[C@H](N)C(=O)O", 3, seed=5)
    packed = {".json": bytes, ".json.xz": lzma.compress, ".json.bz2": bz2.compress,
              ".json.gz": gzip.compress}[suffix]  # fmt: skip
    path = tmp_path / f"set{suffix}"
    path.write_bytes(packed(json.dumps(dataset).encode()))
    ((molecule, geometries, torsions),), rejected = molecules_and_geometries(
        path, ELEMENTS, 100, FRACTIONS
    )
    assert rejected == torsions == []
    assert molecule == {**read("C[C@H](N)C(=O)O"), "id": "m"}
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    assert [geometry["kind"] for geometry in geometries] == ["imported"] * 3
    for geometry, expected in zip(geometries, positions, strict=True):
        # equivalent hydrogens may swap places: distances to heavy atoms and the SMILES may not
        assert connectivity_change(mol, geometry["positions"]) is None
        heavy = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() > 1]
        carbons = geometry["positions"][heavy]
        np.testing.assert_allclose(carbons, expected[heavy], atol=1e-9)
        everything = np.sort(geometry["positions"].ravel())
        np.testing.assert_allclose(everything, np.sort(expected.ravel()), atol=1e-9)
    (row,) = molecule_rows(path)
    assert read(row["source"])["mapped_smiles"] == molecule["mapped_smiles"]
    assert row["id"] == "m"


@given(seed=st.integers(0, 2**31))
@settings(max_examples=5)
def test_geometry_of_a_qcsubmit_dataset_keeps_its_handedness(tmp_path_factory, seed):
    dataset, _, _ = shuffled_dataset("C[C@H](N)C(=O)O", 1, seed)
    path = tmp_path_factory.mktemp("set") / "a.json"
    path.write_text(json.dumps(dataset))
    ((molecule, (geometry,), _),), _ = molecules_and_geometries(path, ELEMENTS, 100, FRACTIONS)
    mol = Chem.Mol(molecule_from_mapped_smiles(molecule["mapped_smiles"]))
    found = identity.with_stereo_of(mol, geometry["positions"])
    assert Chem.MolToInchiKey(found) == molecule["inchikey"]


def test_torsions_to_drive_follow_their_atoms(tmp_path):
    dataset, _, order = shuffled_dataset("CCO", 1, seed=2)
    (entry,) = dataset["dataset"].values()
    dataset["type"] = "TorsionDriveDataset"
    driven = [order.index(row) for row in (0, 1, 2, 8)]  # C, C, O, H in our order
    dataset["dataset"] = {
        "[H:1]a": entry | {"dihedrals": [driven]}, "[H:2]b": entry | {"dihedrals": [driven[::-1]]}
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(dataset))
    ((molecule, geometries, torsions),), _ = molecules_and_geometries(
        tmp_path / "a.json", ELEMENTS, 100, FRACTIONS
    )
    assert molecule["id"] == "entry-1"
    assert len(geometries) == 2
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    symbols = [[mol.GetAtomWithIdx(a).GetSymbol() for a in scan[0]] for scan in torsions]
    assert symbols == [["C", "C", "O", "H"], ["H", "O", "C", "C"]]
    assert torsions[0][0][3] == torsions[1][0][0] == 8


def test_qcsubmit_molecules_that_do_not_fit_are_listed(tmp_path):
    dataset, _, _ = shuffled_dataset("CCO", 1, seed=2)
    (tmp_path / "a.json").write_text(json.dumps(dataset))
    found, rejected = molecules_and_geometries(tmp_path / "a.json", ["H", "C"], 100, FRACTIONS)
    assert found == []
    assert [line["code"] for line in rejected] == ["element_not_allowed"]


def test_what_is_no_qcsubmit_dataset_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "a.json"
    for text, kind in [("{", CorruptFileError), ("[]", CorruptFileError), ("{}", ConfigError),
                       ('{"type": "Other", "dataset": {}}', ConfigError)]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(kind, match=r"a\.json"):
            molecules_and_geometries(path, ELEMENTS, 100, FRACTIONS)


# real sets, where they lie


def real(*parts) -> Path:
    """A file of the public sets; the test is skipped where they are missing."""
    root = Path(os.environ.get("FORCELADDER_DATA", Path(__file__).parents[2] / "../shared/data"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {path}; FORCELADDER_DATA may name a folder of the public sets")
    return path


def real_import(form, *parts, **settings):
    level = {} if form in ("spice", "torsions_npz") else {"level_of_theory": "as its README says"}
    return import_data("real", real(*parts), {"format": form, **level, **settings})


def test_qm7x_is_250_molecules_of_ten_frames():
    """RDKit's own connectivity, whose count its README gives, agrees on every molecule."""
    dataset, rejected = real_import("qm7x_npz", "qm7x", "qm7x_250_small.npz")
    assert rejected == []
    assert dataset["conformer_count"].values.tolist() == [10] * 250
    flags, ranges = dataset["flag"].values, row_ranges(dataset)
    majority = 0
    for row in range(250):
        numbers = dataset["atomic_number"].values[slice(*ranges["atom"][row : row + 2])]
        positions = molecule_positions(dataset, row)
        by_rdkit = [rdkit_bonds(numbers, x) for x in positions]
        most = max(by_rdkit, key=by_rdkit.count)
        majority += by_rdkit.count(most)
        bonds = dataset["bond_atoms"].values[slice(*ranges["bond"][row : row + 2])]
        assert most == {tuple(sorted(bond)) for bond in bonds.tolist()}
    assert majority == 2003
    assert (flags == "connectivity_changed").sum() == 607  # by the house's stricter rule
    spread = [np.ptp(dataset["energy"].values[10 * row : 10 * row + 10]) for row in range(250)]
    assert np.median(spread) == pytest.approx(246, abs=0.5)


def rdkit_bonds(numbers, positions) -> set:
    mol = identity.skeleton(numbers, ())
    conformer = Chem.Conformer(len(positions))
    conformer.SetPositions(np.array(positions))
    mol.AddConformer(conformer)
    rdDetermineBonds.DetermineConnectivity(mol)
    return {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}


def test_3bpa_is_one_molecule_named_or_not():
    smiles = "Nc1ncccc1OCc1ccccc1"
    for options in ({}, {"smiles": smiles}):
        dataset, rejected = real_import("extxyz", "3bpa", "train_mixedT.xyz", **options)
        assert rejected == []
        assert dataset["conformer_count"].values.tolist() == [500]
        assert dataset["inchikey"].values.tolist() == [read(smiles)["inchikey"]]
        hot = dataset["flag"].values == "hot"
        # 300 K, 600 K, 1200 K: 2 kcal/mol on every atom is the mean of 670 K
        assert not hot[:167].any()
        assert hot[167:334].mean() < 0.05 < 0.8 < hot[334:].mean()


def test_ethanol_and_methanol_are_told_apart_and_lone_atoms_rejected():
    dataset, rejected = real_import("extxyz", "ethanol", "train_eth_meth.xyz")
    assert rejected == []
    assert dataset["inchikey"].values.tolist() == [read("CO")["inchikey"], read("CCO")["inchikey"]]
    with pytest.raises(TooManyFailuresError, match="one atom has no geometry"):
        real_import("extxyz", "ethanol", "isolated_atoms.xyz")


def test_torsion_set_has_the_scans_of_its_readme():
    """Before any molecule is judged; the stored angles are those of the stored torsions."""
    molecules = list(read_torsions_npz(real("torsions", "TorsionTest2000.npz")))
    assert sum(len(scans) for _, _, scans in molecules) == 2109
    assert len({said["smiles"] for said, _, _ in molecules}) == 1838
    assert sum(len(conformers) for _, conformers, _ in molecules) == 2109 * 24
    worst = 0.0
    for _, conformers, scans in molecules[::20]:
        for item in conformers:
            corners = item["positions"][scans[item["scan"]][:4]]
            difference = torsion_angle(corners[None])[0] - item["scan_angle"][0]
            worst = max(worst, abs((difference + 180.0) % 360.0 - 180.0))
    assert worst < 0.01


def test_torsion_set_is_perceived_as_the_smiles_that_it_gives():
    """Every tenth molecule, by the InChIKey; what differs is drawn by another resonance form."""
    same = asked = 0
    for said, conformers, _ in list(read_torsions_npz(real("torsions", "TorsionTest2000.npz")))[
        ::10
    ]:
        numbers, positions = said["atomic_numbers"], identity.least_strained(conformers)
        if {5, 14} & set(numbers):
            continue  # B and Si, which no force field here knows
        given = identity.molecule_of_smiles(said["smiles"], numbers, positions)
        try:
            found = identity.perceived_molecule(numbers, positions, said["net_charge"])
            same += Chem.MolToInchiKey(found) == Chem.MolToInchiKey(given)
        except MoleculeError:
            pass
        asked += 1
    assert asked > 150
    assert same / asked > 0.99


def test_openff_torsion_drives_have_the_points_of_their_readme():
    dataset, rejected = real_import(
        "openff_torsiondrives", "openff_torsiondrives", "original-torsiondrives"
    )
    assert rejected == []
    assert dataset.sizes["molecule"] == 58
    assert dataset.sizes["conformer"] == 1560
    assert dataset.sizes["scan"] == 65  # rows of 48 and 96 points are two and four drives
    assert (dataset["flag"].values == "").all()
    assert (dataset["scan"].values >= 0).all()


def test_openff_industry_chunks_have_the_minima_of_their_readme():
    """Ten chunks, one of them imported."""
    chunks = sorted(real("openff_industry").glob("*.sdf.gz"))
    assert sum(1 for chunk in chunks for _ in sdf_entries(chunk)) == 2940
    dataset, rejected = real_import(
        "openff_industry", "openff_industry", "01-processed-qm-1.sdf.gz"
    )
    assert rejected == []
    assert dataset.sizes["conformer"] == 294
    assert (dataset["geometry_kind"].values == "minimum").all()


def test_spice_file_has_the_dipoles_of_its_own_multipoles():
    """MBIS charges and dipoles about the origin of the positions: Σ q r + Σ μ."""
    path = real("spice_fixture", "SPICE-1.1.4_n2.hdf5")
    dataset, rejected = real_import("spice", "spice_fixture", "SPICE-1.1.4_n2.hdf5")
    assert [line["code"] for line in rejected] == ["several_components"]  # an ion pair
    assert dataset["net_charge"].values.tolist() == [1]
    with h5py.File(path) as file:
        charges = file["103147721/mbis_charges"][:][..., 0]
        dipoles = file["103147721/mbis_dipoles"][:].sum(axis=1) * BOHR
        quadrupoles = file["103147721/mbis_quadrupoles"][:].sum(axis=1) * BOHR**2
        atomic = file["103147721/mbis_dipoles"][:] * BOHR
    positions = molecule_positions(dataset, 0)
    expected = np.einsum("ca,cax->cx", charges, positions) + dipoles
    np.testing.assert_allclose(dataset["dipole"].values, expected, atol=2e-3)
    second = np.einsum("ca,cax,cay->cxy", charges, positions, positions) + quadrupoles
    mixed = np.einsum("cax,cay->cxy", atomic, positions)
    second += mixed + mixed.transpose(0, 2, 1)
    upper = second[:, *np.triu_indices(3)]
    np.testing.assert_allclose(dataset["quadrupole"].values, upper, atol=5e-3)
    orders = dataset["bond_orders"].values.reshape(50, -1)
    assert 0.6 < orders.min() < orders.max() < 2.5


@pytest.mark.parametrize(
    "form, parts",
    [
        ("extxyz", ("3bpa", "train_300K.xyz")),
        ("extxyz", ("ethanol", "test_MD.xyz")),
        ("qm7x_npz", ("qm7x", "qm7x_250_small.npz")),
        ("spice", ("spice_fixture", "SPICE-1.1.4_n2.hdf5")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_real_gradients_are_in_the_units_that_gfn2_xtb_expects(form, parts):
    """Another method, the same molecules: sign, unit and order of atoms must fit."""
    dataset, _ = real_import(form, *parts)
    ranges = row_ranges(dataset)
    ours, theirs, work, difference = [], [], [], []
    for row in range(0, dataset.sizes["molecule"], 10):
        atoms = dataset["atomic_number"].values[slice(*ranges["atom"][row : row + 2])]
        conformers = slice(*ranges["conformer"][row : row + 2])
        whole = dataset["flag"].values[conformers] == ""
        gradients = dataset["gradients"].values[slice(*ranges["position"][row : row + 2])]
        gradients = gradients.reshape(-1, len(atoms), 3)[whole]
        positions = molecule_positions(dataset, row)[whole]
        energies = dataset["energy"].values[conformers][whole]
        for k in range(min(len(positions), 20)):
            ours.append(gradients[k].ravel())
            theirs.append(xtb_gradient(atoms, positions[k], dataset["net_charge"].values[row]))
        for k in range(len(positions) - 1):
            others = range(k + 1, min(k + 41, len(positions)))
            turned = [(row, *superposed(positions[row], positions[k])) for row in others]
            row, step, turn = min(turned, key=lambda found: np.square(found[1]).sum())
            if np.square(step).sum() < 0.3**2 * len(atoms):
                work.append(0.5 * ((gradients[k] + gradients[row] @ turn) * step).sum())
                difference.append(energies[row] - energies[k])
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.93
    assert 0.85 < (ours @ theirs) / (ours @ ours) < 1.15
    # the trapezoidal rule between frames up to 0.3 Å per atom apart: rough, but the sign is clear
    assert np.corrcoef(work, difference)[0, 1] > 0.7


def xtb_gradient(numbers, positions, charge) -> np.ndarray:
    """GFN2-xTB, flat, kcal/mol/Å."""
    calculator = Calculator("GFN2-xTB", numbers, positions / BOHR, charge=float(charge))
    calculator.set("verbosity", 0)
    return calculator.singlepoint().get("gradient").ravel() * HARTREE / BOHR


def superposed(moving, fixed) -> tuple[np.ndarray, np.ndarray]:
    """Step from `fixed` to `moving` once turned onto it (Kabsch), and the turn [3, 3]."""
    moving, fixed = moving - moving.mean(axis=0), fixed - fixed.mean(axis=0)
    left, _, right = np.linalg.svd(moving.T @ fixed)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ sign @ right
    return moving @ turn - fixed, turn
