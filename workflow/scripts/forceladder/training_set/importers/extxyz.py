"""Extended XYZ, as ASE and most machine-learned potentials write it."""

from collections import defaultdict
from collections.abc import Iterator

from forceladder.errors import ConfigError, MissingProgramError
from forceladder.job import log
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.identity import formula_label, groups_by_bonds
from forceladder.training_set.importers.sources import damage_named, source_files
from forceladder.units import (
    EV_IN_KCAL,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
    KCAL_IN_KJ,
)

# Positions of an XYZ file are in Å.
ENERGY_UNITS = {
    "eV": EV_IN_KCAL, "kcal/mol": 1.0, "kJ/mol": 1.0 / KCAL_IN_KJ, "Hartree": HARTREE_IN_KCAL,
}  # fmt: skip
FORCE_UNITS = {
    **{f"{unit}/angstrom": factor for unit, factor in ENERGY_UNITS.items()},
    "Hartree/bohr": HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
}


def read_extxyz(
    path, energy_key: str = "energy", forces_key: str | None = "forces", energy_unit: str = "eV",
    force_unit: str = "eV/angstrom", smiles: str | None = None, charge: int = 0,
) -> Iterator[tuple]:  # fmt: skip
    """Frames of one .xyz file or of those in a folder, grouped into molecules; see `importers`.

    energy_key, forces_key: names in the file; null for a file without forces
    energy_unit, force_unit: keys of ENERGY_UNITS and FORCE_UNITS
    smiles: of the file's only molecule; without it, perceived bonds tell molecules apart
    charge: e, of each molecule whose bonds are perceived
    """
    per_energy = known_unit("energy_unit", energy_unit, ENERGY_UNITS)
    per_force = known_unit("force_unit", force_unit, FORCE_UNITS)
    blocks = defaultdict(list)  # atomic numbers → conformers
    for file in source_files(path, ".xyz", ".extxyz"):
        periodic = 0
        for number, frame in enumerate(frames(file), start=1):
            periodic += bool(frame.pbc.any())
            energy, forces = labels(frame, energy_key, forces_key, f"frame {number} of {file}")
            known = {} if forces is None else {"gradients": -forces * per_force}
            blocks[tuple(frame.numbers.tolist())].append(
                conformer(frame.positions, energy * per_energy, "imported", **known)
            )
        if periodic:
            log.warning("%s: pbc of %d frames ignored; a molecule has no cell.", file, periodic)
    for numbers, conformers in blocks.items():
        said = {"label": formula_label(numbers), "atomic_numbers": list(numbers)}
        if smiles is not None:
            yield said | {"smiles": smiles}, conformers, []
            continue
        positions = [item["positions"] for item in conformers]
        energies = [item["energy"] for item in conformers]
        for rows in groups_by_bonds(numbers, positions, energies, charge):
            yield said, [conformers[row] for row in rows], []


def known_unit(key: str, unit: str, units: dict) -> float:
    """The factor of a unit to ours."""
    if unit not in units:
        raise ConfigError(f"{key} {unit!r} is not one of {', '.join(units)}.")
    return units[unit]


def frames(path):
    """ASE's Atoms, one per frame."""
    try:
        from ase.io import iread
    except ImportError as error:
        raise MissingProgramError("extended XYZ needs the package ase: pip install ase.") from error

    with damage_named(path, "an extended XYZ file"):
        empty = True
        for frame in iread(str(path), index=":", format="extxyz"):
            empty = False
            yield frame
        if empty:
            raise ValueError("it holds no frame")


def labels(frame, energy_key: str, forces_key: str | None, where: str):
    """Energy and forces [atoms, 3] in the file's units; forces None where none are asked for.

    A lone atom, as files list to give zeros of energy, needs no forces.
    """
    found = frame.info | frame.arrays | (frame.calc.results if frame.calc else {})
    if energy_key not in found:
        raise ConfigError(
            f"{where} has no {energy_key!r}; it has {', '.join(sorted(found))}. "
            "Name the right one in energy_key."
        )
    if forces_key is None or (forces_key not in found and len(frame) == 1):
        return float(found[energy_key]), None
    if forces_key not in found:
        raise ConfigError(
            f"{where} has no {forces_key!r}; it has {', '.join(sorted(found))}. "
            "Name the right one in forces_key, or null if there are none."
        )
    return float(found[energy_key]), found[forces_key]
