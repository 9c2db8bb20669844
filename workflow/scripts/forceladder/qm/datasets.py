"""QM datasets: one file per molecule, kind and level of theory, which openff-qcsubmit loads.

The schemas are those of `openff.qcsubmit.datasets`; they are written with plain JSON so
that the default path needs no OpenFF package.

kind            file                            QCSubmit's class
gradients       {id}.gradients.json.xz          BasicDataset, driver gradient
minima          {id}.minima.json.xz             OptimizationDataset
torsion_scans   {id}.torsion_scans.json.xz      TorsionDriveDataset
"""

import re
import sys

import numpy as np
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.provenance import package_versions
from forceladder.qm.engines import ENGINES
from forceladder.qm.tasks import level_of_theory
from forceladder.units import BOHR_IN_ANGSTROM


def build_datasets(
    molecule: dict, geometries: list[dict], spec_name, spec, procedures, builder=None
) -> dict[str, dict]:
    """Datasets of one molecule by kind; a kind without geometries is absent.

    molecule: as `read_row` returns it       geometries: as `geometries_from_sdf` does, Å
    procedures: the config's `qm.procedures`: how many minima, whether scans are relaxed
    builder: module with the functions below; this one, or openff.datasets
    returns: plain JSON; geometries in Bohr. It depends on its arguments and package
        versions alone (no dates), so that equal inputs give equal files.
    """
    scanned = [geometry for geometry in geometries if geometry["kind"] == "torsion_scan"]
    others = [geometry for geometry in geometries if geometry["kind"] != "torsion_scan"]
    minima = [geometry for geometry in others if geometry["kind"] == "conformer"]
    if procedures["torsion_scans"] == "fixed":
        others, scanned = others + scanned, []
    elif procedures["torsion_scans"] == "none":
        scanned = []
    builder = builder or sys.modules[__name__]
    chosen = {
        "gradients": (builder.gradient_dataset, others),
        "minima": (builder.optimization_dataset, minima[: procedures["minima_per_molecule"]]),
        "torsion_scans": (builder.torsiondrive_dataset, scanned),
    }
    return {
        kind: build(molecule, members, spec_name, spec)
        for kind, (build, members) in chosen.items()
        if members
    }


def gradient_dataset(molecule: dict, geometries: list[dict], spec_name: str, spec: dict) -> dict:
    """QCSubmit BasicDataset: the gradient of every geometry."""
    dataset, entry = _frame(molecule, geometries, spec_name, spec, "gradients")
    dataset |= {"type": "DataSet", "driver": "gradient"}
    dataset["metadata"]["collection_type"] = "DataSet"
    return dataset | {"dataset": {molecule["id"]: entry}}


def optimization_dataset(molecule: dict, geometries: list[dict], spec_name, spec) -> dict:
    """QCSubmit OptimizationDataset: a minimum from every geometry."""
    dataset, entry = _frame(molecule, geometries, spec_name, spec, "minima")
    dataset |= {
        "type": "OptimizationDataset",
        "driver": "deferred",
        "optimization_procedure": OPTIMIZATION,
        "protocols": {"trajectory": "all"},
    }
    dataset["metadata"]["collection_type"] = "OptimizationDataset"
    entry["constraints"] = {}
    return dataset | {"dataset": {molecule["id"]: entry}}


def torsiondrive_dataset(molecule: dict, geometries: list[dict], spec_name, spec) -> dict:
    """QCSubmit TorsionDriveDataset: one entry per scan, which starts from all its points."""
    dataset, entry = _frame(molecule, geometries, spec_name, spec, "torsion scans")
    spacing = geometries[0]["scan"]["spacing_degrees"]
    dataset |= {
        "type": "TorsionDriveDataset",
        "driver": "deferred",
        "optimization_procedure": OPTIMIZATION
        | {"enforce": 0.1, "reset": True, "epsilon": 0.0, "qccnv": True},
        "grid_spacing": [round(step) for step in spacing],
        "energy_upper_limit": 0.05,
        "dihedral_ranges": None,
        "energy_decrease_thresh": None,
    }
    dataset["metadata"]["collection_type"] = "TorsionDriveDataset"
    entries = {}
    for index in sorted({geometry["scan"]["index"] for geometry in geometries}):
        rows = [row for row, g in enumerate(geometries) if g["scan"]["index"] == index]
        scan = geometries[rows[0]]["scan"]
        name = f"{molecule['id']}-scan-{index}"
        entries[name] = entry | {
            "index": name,
            "initial_molecules": [entry["initial_molecules"][row] for row in rows],
            "dihedrals": scan["torsions"],
            "keywords": {"grid_spacing": [round(step) for step in scan["spacing_degrees"]]},
        }
    return dataset | {"dataset": entries}


OPTIMIZATION = {"program": "geometric", "coordsys": "tric", "convergence_set": "GAU"}


def _frame(molecule, geometries, spec_name, spec, what: str) -> tuple[dict, dict]:
    """What the datasets of a molecule share: the dataset without its entries, and one entry."""
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    level = level_of_theory(spec)
    name = f"forceladder {molecule['id']} {spec_name} {what}"
    description = f"{what.capitalize()} of {molecule['smiles']} at {level}"
    dataset = {
        "dataset_name": name,
        "dataset_tagline": description,
        "description": description,
        "priority": "normal",
        "dataset_tags": ["forceladder"],
        "compute_tag": "forceladder",
        "metadata": {
            "submitter": "forceladder",
            "dataset_name": name,
            "short_description": description,
            "long_description_url": None,
            "long_description": description,
            "elements": sorted({atom.GetSymbol() for atom in mol.GetAtoms()}),
        },
        "provenance": {
            package: version
            for package, version in package_versions().items()
            if version and package in ("rdkit", "tblite", "ase", "geometric", "torsiondrive")
        },
        "filtered_molecules": {},
        "qc_specifications": {spec_name: qc_specification(spec_name, spec, level)},
    }
    entry = {
        "index": molecule["id"],
        "initial_molecules": [qcschema_molecule(mol, molecule, g) for g in geometries],
        "attributes": attributes(mol, molecule),
        "extras": {},
        "keywords": {},
    }
    return dataset, entry


def qc_specification(spec_name: str, spec: dict, level: str) -> dict:
    """The level of theory in QCSubmit's words; D3(BJ) is part of the method's name there."""
    engine = ENGINES[spec["engine"]]
    method, _, basis = level.partition("/")
    return {
        "method": method if basis else method.lower(),  # 'gfn2-xtb', as QCEngine writes it
        "basis": basis or None,
        "program": engine.program,
        "spec_name": spec_name,
        "spec_description": level,
        "store_wavefunction": "none",
        "implicit_solvent": None,
        "maxiter": 200,
        "scf_properties": engine.scf_properties,
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
        "validated": True,  # else QCElemental rounds the geometry to eight decimals
        "identifiers": {MAPPED: molecule["mapped_smiles"]},
        "extras": {
            MAPPED: molecule["mapped_smiles"],
            "geometry_kind": geometry["kind"],
            "temperature_kelvin": geometry["temperature"],
            **({"scan": geometry["scan"]} if "scan" in geometry else {}),
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
