"""All checks of one molecule by one method."""

from collections.abc import Iterator

import numpy as np

from forceladder.errors import MethodError
from forceladder.job import seed_of
from forceladder.model.checkpoint import load_model
from forceladder.training_set.dataset import molecule_positions, row_ranges
from forceladder.validate.checks import Unmeasured, check_rows
from forceladder.validate.clash import CLASH, clash_checks
from forceladder.validate.geometry import start_of
from forceladder.validate.methods import NO_PARAMETERS, Subject, method_surfaces
from forceladder.validate.physics import PHYSICS, physics_checks
from forceladder.validate.probes import PROBES, Curve, probe_checks
from forceladder.validate.relatives import Relatives, baseline_relatives, rung_relatives

PARTS = {"physics": PHYSICS, "probes": PROBES | CLASH}


def probed_molecules(
    label: str, dataset, settings: dict, systems=None, model=None
) -> Iterator[tuple[str, list[dict], list[Curve]]]:
    """Name, rows of `checks.COLUMNS` and curves of every molecule of a training set.

    label, systems, model: as `method_surfaces` takes them
    settings: the config's `validation.probes`
    """
    fitted = None if model is None else load_model(model)
    for subject in method_surfaces(dataset, label, systems, model):
        values = {check: Unmeasured(NO_PARAMETERS) for limits in PARTS.values() for check in limits}
        curves = []
        if subject.surface is not None:
            if fitted is None:
                relatives = baseline_relatives(label, subject)
            else:
                relatives = rung_relatives(subject, dataset, systems, fitted)
            found, curves = checks_of(subject, relatives, dataset, settings)
            values |= found
        rows = [
            row
            for part, limits in PARTS.items()
            for row in check_rows(label, subject.name, part, values, limits)
        ]
        yield subject.name, rows, curves


def checks_of(
    subject: Subject, relatives: Relatives, dataset, settings: dict
) -> tuple[dict, list[Curve]]:
    """Check → value, of all PARTS, and the curves of the bonds.

    Physics is asked at the reference's geometry of highest energy, off any symmetry; probes start
    from the one of lowest energy, minimized by the method.
    """
    surface, mol = subject.surface, subject.mol
    positions = molecule_positions(dataset, subject.index)
    energy = dataset["energy"].values[
        slice(*row_ranges(dataset)["conformer"][subject.index : subject.index + 2])
    ]
    low, high = positions[np.argmin(energy)], positions[np.argmax(energy)]
    charge = int(dataset["net_charge"].values[subject.index])
    seed = seed_of("probes", settings["seed"], subject.name)
    try:
        physics = physics_checks(surface, relatives.reordered, relatives.pair, high, charge, seed)
        start = start_of(surface, mol, low)
    except MethodError as error:
        silent = Unmeasured(str(error))
        return {check: silent for limits in PARTS.values() for check in limits}, []
    probes, curves = probe_checks(surface, mol, start, low, settings["stretch_points"])
    clash = clash_checks(relatives.pair, mol, start, settings | {"seed": seed})
    return physics | probes | clash, curves
