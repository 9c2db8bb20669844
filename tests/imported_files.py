"""QM data of a few molecules, written as each format's own world writes it."""

import gzip
import json
import lzma
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pyarrow
import qcelemental
from ase.calculators.singlepoint import SinglePointCalculator
from qcelemental.models import v1, v2
from rdkit import Chem

from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.importers.collect import import_data

# GFN2-xTB energies and gradients of ethanol, dimethyl ether (its atoms in ethanol's order of
# elements) and acetate; ethanol also with O–H stretched to 2.1 Å, and shaken by 110 kcal/mol.
FRAMES = json.loads((Path(__file__).parent / "data/xtb_frames.json").read_text())["molecules"]
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
