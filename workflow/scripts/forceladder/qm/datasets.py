"""QM datasets: one file per molecule and level of theory, which openff-qcsubmit loads.

The schema is that of `openff.qcsubmit.datasets.BasicDataset`; it is written with plain
JSON so that the default path needs no OpenFF package.
"""

import re

import numpy as np
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.provenance import package_versions
from forceladder.qm.tasks import level_of_theory
from forceladder.units import BOHR_IN_ANGSTROM

MAPPED = "canonical_isomeric_explicit_hydrogen_mapped_smiles"


def build_dataset(molecule: dict, geometries: list[dict], spec_name: str, spec: dict) -> dict:
    """QCSubmit BasicDataset of one molecule's gradients at one level of theory.

    molecule: as `read_row` returns it       geometries: as `geometries_from_sdf` does, Å
    returns: plain JSON; geometries in Bohr. It depends on its arguments and package
        versions alone (no dates), so that equal inputs give equal files.
    """
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    elements = sorted({atom.GetSymbol() for atom in mol.GetAtoms()})
    level = level_of_theory(spec)
    name = f"forceladder {molecule['id']} {spec_name}"
    description = f"Energies and gradients of {molecule['smiles']} at {level}"
    return {
        "type": "DataSet",
        "dataset_name": name,
        "dataset_tagline": description,
        "description": description,
        "driver": "gradient",
        "priority": "normal",
        "dataset_tags": ["forceladder"],
        "compute_tag": "forceladder",
        "metadata": {
            "submitter": "forceladder",
            "collection_type": "DataSet",
            "dataset_name": name,
            "short_description": description,
            "long_description_url": None,
            "long_description": description,
            "elements": elements,
        },
        "provenance": {
            package: version
            for package, version in package_versions().items()
            if version and package in ("rdkit", "tblite", "ase")
        },
        "filtered_molecules": {},
        "qc_specifications": {spec_name: qc_specification(spec_name, spec, level)},
        "dataset": {
            molecule["id"]: {
                "index": molecule["id"],
                "initial_molecules": [
                    qcschema_molecule(mol, molecule, geometry) for geometry in geometries
                ],
                "attributes": attributes(mol, molecule),
                "extras": {},
                "keywords": {},
            }
        },
    }


def qc_specification(spec_name: str, spec: dict, level: str) -> dict:
    """The level of theory in QCSubmit's words; D3(BJ) is part of the method's name there."""
    is_psi4 = spec["engine"] == "psi4"
    return {
        "method": level.split("/")[0] if is_psi4 else "gfn2-xtb",
        "basis": level.split("/")[1] if is_psi4 else None,
        "program": "psi4" if is_psi4 else "xtb",
        "spec_name": spec_name,
        "spec_description": level,
        "store_wavefunction": "none",
        "implicit_solvent": None,
        "maxiter": 200,
        "scf_properties": ["dipole"],
        "keywords": spec.get("keywords") or {},
    }


def qcschema_molecule(mol: Chem.Mol, molecule: dict, geometry: dict) -> dict:
    """QCSchema molecule of one geometry, Å → Bohr; its frame is kept as it is."""
    return {
        "schema_name": "qcschema_molecule",
        "schema_version": 2,
        "symbols": [atom.GetSymbol() for atom in mol.GetAtoms()],
        "geometry": (np.ravel(geometry["positions"]) / BOHR_IN_ANGSTROM).tolist(),
        "molecular_charge": float(molecule["net_charge"]),
        "molecular_multiplicity": molecule["multiplicity"],
        "connectivity": connectivity(mol),
        "fix_com": True,
        "fix_orientation": True,
        "fix_symmetry": "c1",
        "identifiers": {MAPPED: molecule["mapped_smiles"]},
        "extras": {
            MAPPED: molecule["mapped_smiles"],
            "geometry_kind": geometry["kind"],
            "temperature_kelvin": geometry["temperature"],
        },
    }


def connectivity(mol: Chem.Mol) -> list[list]:
    """[atom, atom, bond order] of the Kekulé form, sorted."""
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    return sorted(
        [*sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), b.GetBondTypeAsDouble()]
        for b in kekule.GetBonds()
    )


def attributes(mol: Chem.Mol, molecule: dict) -> dict:
    """CMILES identifiers as QCSubmit wants them."""
    without_stereo = {"isomericSmiles": False}
    heavy = Chem.RemoveHs(mol)
    return {
        "canonical_smiles": Chem.MolToSmiles(heavy, **without_stereo),
        "canonical_isomeric_smiles": Chem.MolToSmiles(heavy),
        "canonical_explicit_hydrogen_smiles": Chem.MolToSmiles(mol, **without_stereo),
        "canonical_isomeric_explicit_hydrogen_smiles": Chem.MolToSmiles(mol),
        MAPPED: molecule["mapped_smiles"],
        "molecular_formula": re.sub(r"[+-]\d*$", "", CalcMolFormula(mol)),  # Hill, no charge
        "standard_inchi": Chem.MolToInchi(mol),
        "inchi_key": molecule["inchikey"],
        "fixed_hydrogen_inchi": (fixed := Chem.MolToInchi(mol, options="/FixedH")),
        "fixed_hydrogen_inchi_key": Chem.InchiToInchiKey(fixed),
        "unique_fixed_hydrogen_inchi_keys": [Chem.InchiToInchiKey(fixed)],
    }
