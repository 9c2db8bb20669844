"""A whole file of someone else's QM data → a training set of its own, and what was rejected."""

from collections import Counter

import numpy as np

from forceladder.errors import ConfigError, MoleculeError, TooManyFailuresError
from forceladder.files import as_name
from forceladder.job import log
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.molecules.listing import ID
from forceladder.molecules.read import drawn_split, molecule_from_mapped_smiles
from forceladder.molecules.topology import FEATURE_ELEMENTS
from forceladder.provenance import code_commit, package_versions
from forceladder.training_set.build import conformer_set, join_molecules
from forceladder.training_set.importers.extxyz import read_extxyz
from forceladder.training_set.importers.identity import identified
from forceladder.training_set.importers.openff_industry import read_openff_industry
from forceladder.training_set.importers.openff_torsiondrives import read_openff_torsiondrives
from forceladder.training_set.importers.qcschema import read_qcschema
from forceladder.training_set.importers.qm7x_npz import read_qm7x_npz
from forceladder.training_set.importers.sources import source_digests
from forceladder.training_set.importers.spice import read_spice
from forceladder.training_set.importers.torsions_npz import read_torsions_npz

FORMATS = {
    "extxyz": read_extxyz,
    "spice": read_spice,
    "qcschema": read_qcschema,
    "torsions_npz": read_torsions_npz,
    "qm7x_npz": read_qm7x_npz,
    "openff_torsiondrives": read_openff_torsiondrives,
    "openff_industry": read_openff_industry,
}
# Keys of an import that its reader takes; the others are for all formats
READER_OPTIONS = {
    "extxyz": ("energy_key", "forces_key", "energy_unit", "force_unit", "smiles", "charge"),
}
FRACTIONS = {"validation": 0.1, "test": 0.1}  # as config/config.yaml has them
HOT_KCAL_PER_ATOM = 2.0  # equipartition puts 3/2 kT of potential energy on an atom: 670 K
MAX_ID, MAX_NAME = 80, 40  # characters, of a molecule's id (molecules.listing.ID) and an import's
REJECTED_COLUMNS = ("id", "code", "reason")


def import_data(
    name: str, path, settings: dict, elements=FEATURE_ELEMENTS, split_fractions=FRACTIONS
):
    """Training set of one import, and its rejected molecules (id, code, reason).

    name: of the import; ids of its molecules begin with it
    settings: an entry of the config's `imports` section; its path is not looked at
    elements, split_fractions: as the config's `molecules` section has them
    raises: ConfigError, CorruptFileError, MissingProgramError, TooManyFailuresError
    """
    if not ID.fullmatch(name) or len(name) > MAX_NAME:
        raise ConfigError(
            f"the name of an import, {name!r}, begins the names of files: letters, digits and "
            f"_.+- only, at most {MAX_NAME}, a letter or digit first."
        )
    parts, rejected, count, ids = [], [], Counter(), set()
    for said, conformers, scans in triples(path, settings):
        identifier = free_id(f"{name}.{said['label']}", ids)
        try:
            molecule = imported_molecule(said, conformers, settings, elements, split_fractions)
            kept = suspects_flagged(molecule, finished(conformers), settings)
            kept = thinned(kept, settings.get("max_conformers_per_molecule"))
            parts.append(conformer_set(molecule | {"id": identifier}, kept, scans))
        except MoleculeError as error:
            log.warning("%s rejected: %s", identifier, error)
            rejected.append({"id": identifier, "code": error.code, "reason": str(error)})
            count["rejected_molecules"] += 1
            continue
        count["molecules"] += 1
        count["conformers"] += len(kept)
        count["unfinished"] += len(conformers) - len(finished(conformers))
        count.update(item["flag"] for item in kept if item["flag"])
    if not parts:
        raise TooManyFailuresError(
            f"no molecule of {path} could be imported"
            + "".join(f"; {line['id']}: {line['reason']}" for line in rejected[:1])
        )
    levels = sorted({part["level_of_theory"][0] for part in parts})
    provenance = {
        "import": name,
        "format": settings["format"],
        "sha256": source_digests(path),
        "levels_of_theory": levels,
        "settings": settings,
        "counts": dict(sorted(count.items())),
        "packages": package_versions(),
        "code": code_commit(),
    }
    log.info("%s: %s", name, ", ".join(f"{k} {v}" for k, v in provenance["counts"].items()))
    return join_molecules(parts, provenance), rejected


def triples(path, settings: dict):
    """What the reader of the format yields."""
    form = settings["format"]
    if form not in FORMATS:
        raise ConfigError(f"there is no import format {form!r}; known are {', '.join(FORMATS)}.")
    keys = READER_OPTIONS.get(form, ())
    return FORMATS[form](path, **{key: settings[key] for key in keys if key in settings})


def imported_molecule(said, conformers, settings, elements, split_fractions) -> dict:
    """The molecule of one triple of a reader, with its level of theory and its split."""
    found = finished(conformers)
    if not found and "unreadable" not in said:
        raise MoleculeError("nothing_finished", "none of its energies and positions is a number.")
    molecule = identified(said, found, settings.get("charge", 0), elements)
    level = settings.get("level_of_theory") or said.get("level_of_theory")
    if not level:
        raise ConfigError(
            f"files of format {settings['format']} do not say their level of theory; "
            "name it in level_of_theory of the import."
        )
    split = settings.get("split") or drawn_split(molecule["inchikey"], split_fractions)
    return molecule | {"level_of_theory": level, "split": split}


def finished(conformers: list[dict]) -> list[dict]:
    """Those whose energy and positions are numbers; some sets keep failed calculations as NaN."""
    return [
        item
        for item in conformers
        if np.isfinite(item["energy"]) and np.isfinite(item["positions"]).all()
    ]


def thinned(conformers: list[dict], limit: int | None) -> list[dict]:
    """At most `limit` of the conformers, evenly spread over the file's order."""
    if limit is None or len(conformers) <= limit:
        return conformers
    rows = np.linspace(0, len(conformers) - 1, limit).round().astype(int)
    return [conformers[row] for row in rows]


def suspects_flagged(molecule: dict, conformers: list[dict], settings: dict) -> list[dict]:
    """The conformers, `flag` set where one is 'connectivity_changed' or 'hot'.

    hot: more than hot_kcal_per_atom kcal/mol times the number of atoms above the lowest
    conformer that is still the molecule
    """
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    drawn = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}
    intact = [perceived_bonds(numbers, item["positions"]) == drawn for item in conformers]
    energies = np.array([item["energy"] for item in conformers])
    zero = energies[intact].min() if any(intact) else energies.min()
    limit = settings.get("hot_kcal_per_atom", HOT_KCAL_PER_ATOM) * len(numbers)
    return [
        item | {"flag": ("hot" if hot else "") if whole else "connectivity_changed"}
        for item, whole, hot in zip(conformers, intact, energies - zero > limit, strict=True)
    ]


def free_id(wanted: str, taken: set[str]) -> str:
    """`wanted` as a file name that differs from all taken ones by more than case; takes it."""
    plain = as_name(wanted)[:MAX_ID]
    identifier, number = plain, 1
    while identifier.lower() in taken:
        number += 1
        suffix = f"-{number}"
        identifier = plain[: MAX_ID - len(suffix)] + suffix
    taken.add(identifier.lower())
    return identifier
