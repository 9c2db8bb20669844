"""The files of one molecule: NAME.data, NAME.in and, for some couplings, NAME.colvars."""

from pathlib import Path

from forceladder.errors import ExportError
from forceladder.export.lammps.couplings import COUPLINGS, colvars_text, energies
from forceladder.export.lammps.data_file import Types, data_text
from forceladder.export.lammps.input_file import input_text
from forceladder.export.lammps.styles import STYLED, interactions_of
from forceladder.export.parameters import title
from forceladder.files import write_text
from forceladder.model.alternatives import LENNARD_JONES
from forceladder.model.rung import CORRECTION

WRITTEN = {*STYLED, *COUPLINGS, *LENNARD_JONES, "coulomb"}


def refusal(parameters: dict) -> str | None:
    """Why the rung cannot be written for LAMMPS, in a sentence; None if it can."""
    if CORRECTION in parameters:
        return (
            "the rung has a correction by a neural network, for which LAMMPS has no style; run it "
            "in OpenMM, or export a rung without it."
        )
    if unknown := sorted(parameters["terms"].keys() - WRITTEN):
        return (
            f"the rung has the term {unknown[0]!r}, for which LAMMPS has no style; run it in "
            "OpenMM, or export a rung without it."
        )
    return None


def write_lammps(parameters: dict, positions, folder, name: str) -> list[Path]:
    """Write NAME.data and NAME.in, and NAME.colvars where couplings need it.

    parameters: of one molecule, as `molecule_parameters` returns them      positions: [atoms, 3] Å
    returns: the paths of what was written; a NAME.colvars of another rung is removed
    raises: ExportError where `refusal` has a reason
    """
    if reason := refusal(parameters):
        raise ExportError(reason)
    kinds = {kind: Types(rows) for kind, rows in interactions_of(parameters).items()}
    couplings = energies(parameters)
    texts = {
        "data": data_text(parameters, positions, kinds),
        "in": input_text(parameters, kinds, name, colvars=bool(couplings)),
    }
    if couplings:
        texts["colvars"] = colvars_text(couplings, title(parameters))
    else:
        Path(folder, f"{name}.colvars").unlink(missing_ok=True)
    paths = {ending: Path(folder, f"{name}.{ending}") for ending in texts}
    for ending, path in paths.items():
        write_text(path, texts[ending])
    return list(paths.values())
