"""Dataset files of QCSubmit → our molecules and geometries, checked by QCSubmit's own classes."""

import lzma
import zlib

import numpy as np

from forceladder.errors import ConfigError, CorruptFileError, MoleculeError
from forceladder.job import log
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.listing import MAPPED, entry_names
from forceladder.molecules.read import molecule_from_mapped_smiles, read_row
from forceladder.openff.conversion import SPLIT_FRACTIONS, described_molecule
from forceladder.openff.packages import openff_needed
from forceladder.units import BOHR_IN_ANGSTROM

# What QCSubmit's classes raise on values that do not fit; pydantic's errors are ValueErrors
UNFIT = (ValueError, TypeError, LookupError, AttributeError)


def read_dataset(
    path,
    elements: list[str] | None = None,
    max_atoms: int | None = None,
    split_fractions: dict = SPLIT_FRACTIONS,
    rejected: list | None = None,
) -> list[tuple[dict, list[dict]]]:
    """Molecules and geometries of a BasicDataset, OptimizationDataset or TorsionDriveDataset.

    path: .json, .json.xz, .json.gz or .json.bz2
    elements, max_atoms, split_fractions: as in the config's `molecules` section; None: no limit
    rejected: list to which id, code and reason of each entry that is left out are added;
        without one, the first such entry is an error
    returns: pairs of a molecule (as `read_row` returns it) and its geometries (as
        `geometries_from_sdf` does, Å). Atoms are put in the order of `read_row`'s mapped
        SMILES; entries of one molecule are joined, their torsion drives are its scans.
        QCSubmit keeps eight decimals of a geometry in Bohr.
    raises: MissingProgramError, ConfigError, CorruptFileError, MoleculeError
    """
    dataset = loaded_dataset(path)
    found = {}
    names = entry_names(dataset.dataset)
    for name, entry in zip(names, dataset.dataset.values(), strict=True):
        try:
            said = entry_molecule(entry)
            row = {"id": name, "source": said["smiles"], "format": "smiles"}
            row |= {"charge": said["net_charge"], "multiplicity": said["multiplicity"]}
            limits = elements or entry.initial_molecules[0].symbols, max_atoms or 10**9
            molecule = read_row(row, *limits, split_fractions)
        except MoleculeError as error:
            if rejected is None:
                raise
            log.warning("%s rejected: %s", name, error)
            rejected.append({"id": name, "code": error.code, "reason": str(error)})
            continue
        _, geometries = found.setdefault(molecule["mapped_smiles"], (molecule, []))
        order = order_of_rows(said["mapped_smiles"], molecule["mapped_smiles"])
        scan = entry_scan(entry, dataset, geometries, order)
        geometries += [entry_geometry(initial, order, scan) for initial in entry.initial_molecules]
    return list(found.values())


def loaded_dataset(path):
    """The dataset of a file, as an object of QCSubmit's class for it."""
    with openff_needed():
        from openff.qcsubmit import datasets

    classes = [datasets.BasicDataset, datasets.OptimizationDataset, datasets.TorsiondriveDataset]
    by_type = {cls.__fields__["type"].default: cls for cls in classes}
    return qcsubmit_value(path, by_type, "a dataset")


def qcsubmit_value(path, classes: dict, what: str):
    """The object of a QCSubmit file whose key `type` says which of `classes` it is.

    what: 'a dataset', for messages
    """
    with openff_needed():
        from openff.qcsubmit.exceptions import QCSubmitException
        from openff.qcsubmit.serializers import deserialize
        from qcelemental.exceptions import ValidationError

    try:
        value = deserialize(str(path))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; correct the path.") from error
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, QCSubmitException) as error:
        raise CorruptFileError(f"{path} cannot be read ({_short(error)}); copy it anew.") from error
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in classes:
        raise ConfigError(
            f"{path} is not {what} of QCSubmit: its type is {kind!r}, not {' or '.join(classes)}."
        )
    try:
        return classes[kind](**value)
    except (*UNFIT, QCSubmitException, ValidationError) as error:
        raise CorruptFileError(
            f"{path} is not {what} that QCSubmit accepts ({_short(error)}); mend it, or copy it "
            "anew."
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def entry_molecule(entry) -> dict:
    """What is said of an entry's molecule, which all its geometries must agree with."""
    said = [
        described_molecule(
            getattr(entry.attributes, MAPPED), initial.symbols, initial.molecular_charge,
            int(initial.molecular_multiplicity), SPLIT_FRACTIONS,
        )
        for initial in entry.initial_molecules
    ]  # fmt: skip
    if any(other != said[0] for other in said):
        raise MoleculeError(
            "atoms_disagree", f"the geometries of {entry.index} are not of one spin state."
        )
    return said[0]


def order_of_rows(theirs: str, ours: str) -> np.ndarray:
    """[atoms], the row in the first mapped SMILES of each atom of the second, same molecule."""
    one, two = molecule_from_mapped_smiles(theirs), molecule_from_mapped_smiles(ours)
    if theirs == ours:  # of many equivalent orders the one that changes nothing
        return np.arange(one.GetNumAtoms())
    match = one.GetSubstructMatch(two, useChirality=True) or one.GetSubstructMatch(two)
    if len(match) != one.GetNumAtoms():
        raise MoleculeError("atoms_disagree", f"{theirs[:80]} is not the same as {ours[:80]}.")
    return np.array(match)


def entry_scan(entry, dataset, geometries: list[dict], order) -> dict | None:
    """The scan of a torsion drive's entry, numbered after those of `geometries`."""
    if not hasattr(entry, "dihedrals"):
        return None
    known = [geometry["scan"]["index"] for geometry in geometries if "scan" in geometry]
    spacing = entry.keywords.grid_spacing or dataset.grid_spacing
    return {
        "index": max(known, default=-1) + 1,
        "torsions": ordered_torsions(entry.dihedrals, order),
        "spacing_degrees": [float(step) for step in spacing],
    }


def ordered_torsions(torsions, order) -> list[list[int]]:
    """Torsions of a file in the order that its atoms are put in, see `order_of_rows`."""
    row_of = np.argsort(order)
    return [[int(row_of[atom]) for atom in torsion] for torsion in torsions]


def entry_geometry(initial, order, scan: dict | None) -> dict:
    """One geometry, Å; where its file is one of ours, all that was known of it.

    initial: qcelemental.models.Molecule      order: see `order_of_rows`
    """
    positions = np.reshape(initial.geometry, (-1, 3))[order] * BOHR_IN_ANGSTROM
    extras = initial.extras or {}
    geometry = {
        "positions": positions,
        "kind": extras.get("geometry_kind", "imported" if scan is None else "torsion_scan"),
        "temperature": float(extras.get("temperature_kelvin", 0.0)),
    }
    if "scan" in extras:
        torsions = ordered_torsions(extras["scan"]["torsions"], order)
        return geometry | {"scan": extras["scan"] | {"torsions": torsions}}
    if scan is not None:
        angles = torsion_angle(positions[scan["torsions"]]).tolist()
        return geometry | {"scan": scan | {"angles_degrees": angles}}
    return geometry
