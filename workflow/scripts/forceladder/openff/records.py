"""Records of QCPortal → lines of a records file: QCSchema JSON as `qm.records` writes it.

Energies in Hartree, gradients in Hartree/Bohr, Hessians in Hartree/Bohr², geometries in Bohr,
moments in e·Bohr and e·Bohr², as QCSchema has them. What a record does not hold is absent, and
its driver is 'gradient' only if it has one. `extras.forceladder.qcarchive` says whence it came.
"""

import numpy as np

from forceladder.errors import MoleculeError
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.openff.conversion import SPLIT_FRACTIONS, described_molecule
from forceladder.provenance import digest
from forceladder.qm.datasets import qcschema_molecule
from forceladder.units import BOHR_IN_ANGSTROM

# Psi4 before 1.4 gives multipole variables in Debye and Debye Å, with its own factors.
E_BOHR_IN_DEBYE = 2.541746473  # D
PSI4_BOHR_IN_ANGSTROM = 0.52917720859  # Å
AXES = ("x", "y", "z")


def singlepoint_line(record, smiles: str, server: str) -> dict:
    """One qcportal SinglepointRecord with the driver energy, gradient or hessian.

    smiles: mapped SMILES of its molecule, atoms in the record's order
    """
    known = {"geometry_kind": "imported"} | ours_of(record.molecule)
    line = record_line(record, record.molecule, smiles, server, known, record.specification)
    return with_properties(line, record)


def optimization_line(record, last, smiles: str, server: str) -> dict:
    """The final geometry of one qcportal OptimizationRecord.

    last: the SinglepointRecord at that geometry, for gradient and moments; None if not kept
    """
    keywords = record.specification.keywords
    held = (keywords.get("constraints") or {}).values()
    kind = "imported" if any(held) else "minimum"
    procedure = {
        "kind": kind,
        "convergence": keywords.get("convergence_set", "GAU"),
        "converged": True,
        "steps": len(record.energies),
    }
    known = ours_of(record.final_molecule) | {"geometry_kind": kind}
    known.pop("scan", None)
    return final_line(record, record.final_molecule, last, smiles, server, known, procedure)


def torsiondrive_lines(record, last: dict, smiles: str, server: str) -> list[dict]:
    """Every grid point of one qcportal TorsiondriveRecord, sorted by its angles.

    last: grid point → SinglepointRecord at its final geometry, or None
    """
    settings = record.specification.keywords
    scan = {
        "index": 0,
        "torsions": [list(torsion) for torsion in settings.dihedrals],
        "spacing_degrees": [float(spacing) for spacing in settings.grid_spacing],
    }
    lines = []
    for point, optimization in sorted(record.minimum_optimizations.items()):
        angles = [float(angle) for angle in point]
        known = {"geometry_kind": "torsion_scan", "scan": scan | {"angles_degrees": angles}}
        procedure = {
            "kind": "torsion_scan",
            "convergence": optimization.specification.keywords.get("convergence_set", "GAU"),
            "torsions": scan["torsions"],
            "angles_degrees": angles,
            "converged": True,
            "steps": len(optimization.energies),
        }
        molecule = optimization.final_molecule
        line = final_line(optimization, molecule, last.get(point), smiles, server, known, procedure)
        line["extras"]["forceladder"]["qcarchive"]["torsiondrive_id"] = record.id
        lines.append(line)
    return lines


def final_line(record, molecule, last, smiles, server, known, procedure) -> dict:
    """The line of an optimization's end; the energy is the optimization's own."""
    specification = record.specification.qc_specification
    line = record_line(record, molecule, smiles, server, known, specification)
    if last is not None:
        line = with_properties(line, last)
        line["extras"]["forceladder"]["qcarchive"]["singlepoint_id"] = last.id
    line["properties"]["return_energy"] = float(record.energies[-1])
    if line["driver"] == "energy":
        line["return_result"] = float(record.energies[-1])
    line["extras"]["forceladder"]["procedure"] = procedure
    return line


def record_line(record, molecule, smiles: str, server: str, known: dict, specification) -> dict:
    """A line without energies: which molecule, which geometry, which level of theory.

    molecule: qcelemental.models.Molecule        known: extras of the molecule
    raises: MoleculeError where the geometry is not one of this molecule
    """
    said = described_molecule(
        smiles, molecule.symbols, molecule.molecular_charge,
        int(molecule.molecular_multiplicity), SPLIT_FRACTIONS,
    )  # fmt: skip
    geometry = np.asarray(molecule.geometry, float)
    qcschema = qcschema_molecule(
        molecule_from_mapped_smiles(said["mapped_smiles"]),
        said,
        {"positions": geometry * BOHR_IN_ANGSTROM, "kind": "imported", "temperature": 0.0},
    )
    qcschema["geometry"] = geometry.ravel().tolist()  # to the last digit as it came
    qcschema["extras"] |= known
    source = {"server": server, "record_type": record.record_type, "record_id": record.id}
    address = digest(source | {"geometry": qcschema["geometry"]})
    return {
        "id": address,
        "schema_name": "qcschema_output",
        "schema_version": 1,
        "molecule": qcschema,
        "driver": "energy",
        "model": {"method": specification.method, "basis": specification.basis},
        "keywords": dict(specification.keywords),
        "properties": {"calcinfo_natom": len(geometry)},
        "return_result": None,
        "provenance": {"creator": specification.program, "version": "", "routine": "QCArchive"},
        "success": True,
        "extras": {
            "forceladder": {
                "task_digest": address,
                "level_of_theory": level_name(specification.method, specification.basis),
                "qcarchive": source,
            }
        },
    }


def level_name(method: str, basis: str | None) -> str:
    """As `qm.tasks.level_of_theory` writes it: 'B3LYP-D3BJ/DZVP', 'GFN2-xTB'."""
    name = "GFN2-xTB" if method.lower() in ("gfn2-xtb", "gfn2xtb") else method.upper()
    return name + (f"/{basis.upper()}" if basis else "")


def ours_of(molecule) -> dict:
    """What our own datasets say of a geometry, if it began as one of theirs."""
    extras = molecule.extras or {}
    known = ("geometry_kind", "temperature_kelvin", "scan")
    return {key: extras[key] for key in known if key in extras}


def with_properties(line: dict, record) -> dict:
    """The line with energy, gradient, Hessian, moments and bond orders of a SinglepointRecord."""
    values = {key.replace("_", " "): value for key, value in (record.properties or {}).items()}
    driver, result = record.specification.driver.value, record.return_result
    energy = result if driver == "energy" else values.get("return energy")
    if energy is None:
        raise MoleculeError(
            "no_energy", f"QCArchive's record {record.id} of the driver {driver} holds no energy."
        )
    gradient = result if driver == "gradient" else values.get("return gradient")
    if gradient is None:
        line |= {"driver": "energy", "return_result": float(energy)}
    else:
        line |= {"driver": "gradient", "return_result": np.ravel(gradient).tolist()}
    line["properties"]["return_energy"] = float(energy)
    for name, value in (("dipole", dipole(values)), ("quadrupole", quadrupole(values))):
        if value is not None:
            line["properties"][f"scf_{name}_moment"] = value
    ours = line["extras"]["forceladder"]
    if driver == "hessian":
        ours["hessian"] = np.ravel(result).tolist()
    if (orders := values.get("wiberg lowdin indices")) is not None:
        ours["wiberg_bond_orders"] = np.ravel(orders).tolist()
    return line


def dipole(values: dict) -> list[float] | None:
    """[3] e·Bohr; three separate numbers mean that Psi4 wrote Debye, whatever the others say."""
    if all(f"scf dipole {axis}" in values for axis in AXES):
        return [float(values[f"scf dipole {axis}"]) / E_BOHR_IN_DEBYE for axis in AXES]
    return numbers(values.get("scf dipole moment", values.get("scf dipole")), 3)


def quadrupole(values: dict) -> list[float] | None:
    """Second moments xx xy xz yx … zz, [9] e·Bohr², with trace; units as for `dipole`."""
    names = ["scf quadrupole " + "".join(sorted(one + two)) for one in AXES for two in AXES]
    if all(name in values for name in names):
        factor = E_BOHR_IN_DEBYE * PSI4_BOHR_IN_ANGSTROM
        return [float(values[name]) / factor for name in names]
    return numbers(values.get("scf quadrupole moment", values.get("scf quadrupole")), 9)


def numbers(values, count: int) -> list[float] | None:
    """A flat list of so many numbers; None for nothing, or for something else."""
    flat = [] if values is None else np.ravel(values).tolist()
    return flat if len(flat) == count else None
