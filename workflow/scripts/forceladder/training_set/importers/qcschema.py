"""QCSchema results, one JSON object per line: our own records, and those of others.

Both versions of QCSchema's AtomicResult are read (1: the input's keys lie in the result; 2:
under `input_data.specification`). Failed calculations are counted and left out.
"""

from collections.abc import Iterator

from forceladder.errors import ConfigError
from forceladder.job import log
from forceladder.molecules.listing import MAPPED
from forceladder.training_set.build import record_conformer, scans_of
from forceladder.training_set.importers.identity import (
    atomic_number,
    formula_label,
    groups_by_bonds,
)
from forceladder.training_set.importers.sources import json_lines, source_files

ENDINGS = tuple(f".jsonl{packed}" for packed in ("", ".gz", ".xz", ".bz2"))


def read_qcschema(path) -> Iterator[tuple]:
    """Molecules of a file of records, or of all such files of a folder; see `importers`.

    Records of one molecule at one level of theory belong together, wherever they lie.
    """
    blocks, failed = {}, 0
    for file in source_files(path, *ENDINGS):
        for line, record in json_lines(file, "a file of QCSchema records"):
            if record.get("success") is False:
                failed += 1
                continue
            said = what_it_says(record, f"line {line} of {file}")
            key = tuple(str(said.get(name)) for name in ("mapped_smiles", *IDENTITY))
            blocks.setdefault(key, (said, []))[1].append((record, f"line {line} of {file}"))
    if failed:
        log.warning("%s: %d failed calculations left out.", path, failed)
    for said, records in blocks.values():
        conformers = [conformer_of(record, where) for record, where in records]
        if "mapped_smiles" in said:
            ours = [record for record, _ in records if is_ours(record)]
            yield said, conformers, scans_of(ours)
            continue
        positions = [item["positions"] for item in conformers]
        energies = [item["energy"] for item in conformers]
        numbers, charge = said["atomic_numbers"], said["net_charge"]
        for rows in groups_by_bonds(numbers, positions, energies, charge):
            yield said, [conformers[row] for row in rows], []


IDENTITY = ("atomic_numbers", "net_charge", "multiplicity", "level_of_theory")


def what_it_says(record: dict, where: str) -> dict:
    """Identity and level of theory of one record."""
    molecule = part(record, "molecule", where)
    numbers = [atomic_number(symbol) for symbol in part(molecule, "symbols", where)]
    said = {
        "label": formula_label(numbers),
        "atomic_numbers": numbers,
        "net_charge": round(molecule.get("molecular_charge", 0)),
        "multiplicity": str(round(molecule.get("molecular_multiplicity", 1))),
        "level_of_theory": level_of_theory(record, where),
    }
    for place in ("identifiers", "extras"):
        if smiles := (molecule.get(place) or {}).get(MAPPED):
            return said | {"mapped_smiles": smiles}
    return said


def level_of_theory(record: dict, where: str) -> str:
    """As our own records say it; of others 'METHOD/BASIS' in capitals, as qm.tasks does."""
    if is_ours(record):
        return record["extras"]["forceladder"]["level_of_theory"]
    model = part(specification(record), "model", where)
    basis = model.get("basis")
    name = basis if isinstance(basis, str) else (basis or {}).get("name")
    return part(model, "method", where).upper() + (f"/{name.upper()}" if name else "")


def conformer_of(record: dict, where: str) -> dict:
    """What one successful result says, in house units."""
    return record_conformer(record if is_ours(record) else written_as_ours(record, where))


def written_as_ours(record: dict, where: str) -> dict:
    """Another program's result in the words of `qm.records`: atomic units, as QCSchema has them."""
    properties = dict(record.get("properties") or {})
    driver = part(specification(record), "driver", where)
    result = part(record, "return_result", where)
    found = {key: value for key, value in properties.items() if value is not None}
    found |= {"return_energy": result} if driver == "energy" else {}
    part(found, "return_energy", where)
    if has_moments_in_debye(record):
        found = {key: value for key, value in found.items() if not key.endswith("_moment")}
    ours = {"task_digest": ""} | ({"hessian": result} if driver == "hessian" else {})
    gradient = result if driver == "gradient" else found.get("return_gradient")
    return {
        "molecule": {
            "geometry": part(record["molecule"], "geometry", where),
            "extras": {"geometry_kind": "imported", "temperature_kelvin": 0.0},
        },
        "driver": "energy" if gradient is None else "gradient",
        "return_result": gradient,
        "properties": found,
        "extras": {"forceladder": ours},
    }


def is_ours(record: dict) -> bool:
    return "forceladder" in (record.get("extras") or {})


def specification(record: dict) -> dict:
    """Where driver and model stand: QCSchema 2 has a place of its own for them."""
    return (record.get("input_data") or {}).get("specification") or record


def has_moments_in_debye(record: dict) -> bool:
    """Psi4 before 1.4 wrote moments in Debye where QCSchema has atomic units: not taken."""
    source = record.get("provenance") or {}
    version = str(source.get("version", "")).lstrip("v").split(".")[:2]
    old = [int(digits) for digits in version if digits.isdigit()] < [1, 4]
    return source.get("creator", "").lower() == "psi4" and old


def part(value: dict, key: str, where: str):
    """One key of a record; ConfigError names it if it is absent."""
    if not isinstance(value, dict) or value.get(key) is None:
        has = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise ConfigError(f"{where} is no QCSchema result: it lacks {key!r}; it has {has}.")
    return value[key]
