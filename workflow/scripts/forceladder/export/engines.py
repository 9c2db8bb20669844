"""What a release is written for beside OpenMM's Systems, by their names in the config.

Each is a module of this room with

  refusal(parameters)      a sentence why there are no files of this rung or molecule, or None
  write_<name>(parameters, positions, folder, stem)   the files
  missing()                a sentence if what runs the files is not installed, or None
  evaluate(parameters, positions)   terms → energy and gradient, as the engine itself has them
  precision()              of the engine's own numbers, relative; absent where it is float64's
"""

from importlib import import_module
from pathlib import Path

ENGINES = {
    "ffxml": "OpenMM ForceField", "lammps": "LAMMPS", "amber": "AMBER", "gromacs": "GROMACS",
    "offxml": "OpenFF",
}  # fmt: skip
ROOMS = {"ffxml": "openmm.ffxml"}  # of those that have another name


def engine_module(name: str):
    return import_module(f"forceladder.export.{ROOMS.get(name, name)}")


def write_engine(name: str, parameters: dict, positions, folder, stem: str) -> list[Path]:
    """Files of one molecule for one engine; raises ExportError with the refusal."""
    module = engine_module(name)
    return getattr(module, f"write_{name}")(parameters, positions, Path(folder), stem)


def precision(name: str) -> float:
    """Relative error that the engine's own arithmetic makes."""
    module = engine_module(name)
    return module.precision() if hasattr(module, "precision") else 0.0
