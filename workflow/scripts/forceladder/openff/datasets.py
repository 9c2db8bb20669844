"""The datasets of `qm.datasets`, built by QCSubmit's factories and the OpenFF toolkit.

`qm.dataset_builder: qcsubmit` takes these functions instead of those with the same names in
`qm.datasets`. Names, descriptions and levels of theory are taken from there; molecules, bonds,
charges, CMILES and validation are OpenFF's. Both end in the same file, but for

    provenance          names the packages that built it
    CMILES              OpenFF brackets every atom, has another model of aromaticity, and does
                        not know the cis and trans of 1,4-dimethylcyclohexane; the mapped SMILES,
                        which is a molecule's identity, is ours in both
    defaults            QCSubmit writes out all its settings, QCElemental `name`, `validated` and
                        `provenance` of each molecule

Radicals are beyond OpenFF; and where we give digits beyond the eighth to a geometry in Bohr, only
a molecule that says `validated` keeps them when QCSubmit reads it.
"""

import contextlib
import io
import json

import numpy as np

from forceladder.molecules.listing import MAPPED
from forceladder.openff.conversion import openff_molecule
from forceladder.openff.packages import openff_needed
from forceladder.qm import datasets as plain
from forceladder.units import BOHR_IN_ANGSTROM


def gradient_dataset(molecule: dict, geometries: list[dict], spec_name: str, spec: dict) -> dict:
    """QCSubmit BasicDataset: the gradient of every geometry.

    molecule: as `read_row` returns it       geometries: as `geometries_from_sdf` does, Å
    returns: the dataset's own JSON; geometries in Bohr. No dates, so that equal inputs give
        equal files.
    raises: MissingProgramError; MoleculeError not_in_openff
    """
    with openff_needed():
        from openff.qcsubmit.factories import BasicDatasetFactory

    wanted = plain.gradient_dataset(molecule, geometries, spec_name, spec)
    dataset = empty_dataset(BasicDatasetFactory(driver=wanted["driver"]), wanted)
    add_entry(dataset, molecule["id"], molecule, geometries)
    return as_json(dataset)


def optimization_dataset(
    molecule: dict, geometries: list[dict], spec_name: str, spec: dict
) -> dict:
    """QCSubmit OptimizationDataset: a minimum from every geometry; see `gradient_dataset`."""
    with openff_needed():
        from openff.qcsubmit.factories import OptimizationDatasetFactory

    wanted = plain.optimization_dataset(molecule, geometries, spec_name, spec)
    dataset = empty_dataset(OptimizationDatasetFactory(), wanted)
    add_entry(dataset, molecule["id"], molecule, geometries)
    return as_json(dataset)


def torsiondrive_dataset(
    molecule: dict, geometries: list[dict], spec_name: str, spec: dict
) -> dict:
    """QCSubmit TorsionDriveDataset: one entry per scan, which starts from all its points."""
    with openff_needed():
        from openff.qcsubmit.factories import TorsiondriveDatasetFactory

    wanted = plain.torsiondrive_dataset(molecule, geometries, spec_name, spec)
    factory = TorsiondriveDatasetFactory(
        grid_spacing=wanted["grid_spacing"], energy_upper_limit=wanted["energy_upper_limit"]
    )
    dataset = empty_dataset(factory, wanted)
    for index in sorted({geometry["scan"]["index"] for geometry in geometries}):
        points = [geometry for geometry in geometries if geometry["scan"]["index"] == index]
        scan = points[0]["scan"]
        add_entry(
            dataset, f"{molecule['id']}-scan-{index}", molecule, points,
            dihedrals=scan["torsions"],
            keywords={"grid_spacing": [round(step) for step in scan["spacing_degrees"]]},
        )  # fmt: skip
    return as_json(dataset)


def empty_dataset(factory, wanted: dict):
    """The dataset that a factory of QCSubmit makes of no molecules, described as `wanted`."""
    from openff.qcsubmit.common_structures import Metadata
    from openff.qcsubmit.procedures import GeometricProcedure
    from qcelemental.models.procedures import OptimizationProtocols

    factory.priority = wanted["priority"]
    factory.dataset_tags, factory.compute_tag = wanted["dataset_tags"], wanted["compute_tag"]
    factory.clear_qcspecs()
    for specification in wanted["qc_specifications"].values():
        factory.add_qc_spec(**specification)
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar for no molecules
        dataset = factory.create_dataset(
            dataset_name=wanted["dataset_name"],
            molecules=[],
            description=wanted["description"],
            tagline=wanted["dataset_tagline"],
            metadata=Metadata(submitter=wanted["metadata"]["submitter"]),
            toolkit_registry=rdkit_alone(),
            verbose=False,
        )
    if "optimization_procedure" in wanted:  # the factory would not hand its own on
        dataset.optimization_procedure = GeometricProcedure(**wanted["optimization_procedure"])
        dataset.protocols = OptimizationProtocols(**wanted.get("protocols", {}))
    return dataset


def rdkit_alone():
    """Toolkits for CMILES: a licensed OpenEye would spell them in another way."""
    from openff.toolkit.utils.toolkits import RDKitToolkitWrapper, ToolkitRegistry

    return ToolkitRegistry([RDKitToolkitWrapper])


def add_entry(dataset, index: str, molecule: dict, geometries: list[dict], **more):
    """Add one entry with all geometries of a molecule to a dataset of QCSubmit."""
    from openff.qcsubmit.common_structures import MoleculeAttributes
    from openff.toolkit.utils.toolkit_registry import toolkit_registry_manager

    with toolkit_registry_manager(rdkit_alone()):
        made = openff_molecule(molecule, [geometry["positions"] for geometry in geometries])
        attributes = MoleculeAttributes.from_openff_molecule(made)
        dataset.add_molecule(
            index=index,
            molecule=None,
            attributes=attributes.copy(update={MAPPED: molecule["mapped_smiles"]}),
            initial_molecules=[
                qcelemental_molecule(made, molecule, geometry, row)
                for row, geometry in enumerate(geometries)
            ],
            **more,
        )


def qcelemental_molecule(made, molecule: dict, geometry: dict, row: int):
    """qcelemental.models.Molecule of conformer `row` of an OpenFF molecule; its frame is kept."""
    identity = {MAPPED: molecule["mapped_smiles"]}
    extras = {"geometry_kind": geometry["kind"], "temperature_kelvin": geometry["temperature"]}
    extras |= {"scan": geometry["scan"]} if "scan" in geometry else {}
    validated = made.to_qcschema(molecule["multiplicity"], row, dict(extras))
    # OpenFF's Bohr is that of another CODATA, and QCElemental rounds to eight decimals.
    exact = np.asarray(geometry["positions"], float) / BOHR_IN_ANGSTROM
    return type(validated)(
        **validated.dict()
        | {
            "geometry": exact,
            "identifiers": identity,
            "extras": identity | extras,
            "fix_com": True,
            "fix_orientation": True,
            "fix_symmetry": "c1",
        }
    )


def as_json(dataset) -> dict:
    """The dataset's own JSON, without a date and with its sets in order."""
    value = json.loads(dataset.json())
    del value["metadata"]["creation_date"]
    value["metadata"]["elements"].sort()
    for entry in value["dataset"].values():
        entry["attributes"]["unique_fixed_hydrogen_inchi_keys"].sort()
    return value
