"""One QM calculation as plain JSON, and its content address.

A *spec* is a level of theory as the config names it:
    engine      psi4, gfn2-xtb, or another of engines.ENGINES
    method      'b3lyp', without its dispersion correction
    basis       'dzvp', or null
    dispersion  null, or the D3(BJ) parameters s6, s8, a1, a2, s9
    esp         null, or {shells: multiples of the Bondi radii, points_per_square_angstrom}
    keywords    passed to the engine as they are

A *task* is all that fixes the numbers of one calculation: molecule, spec, engine
version. Nothing else (threads, memory, names) enters its address.
"""

import numpy as np
from qcelemental import periodictable

from forceladder.provenance import digest
from forceladder.qm.engines import ENGINES
from forceladder.qm.esp_grid import esp_grid
from forceladder.units import BOHR_IN_ANGSTROM

# Raised when a runner's meaning of a result changes (a unit, an option it sets by itself):
# results computed before then no longer answer.
PROTOCOL = 2

# What of a spec can change a number; the rest (names, descriptions) cannot.
SPEC_KEYS = ("engine", "method", "basis", "dispersion", "esp", "keywords")


def level_of_theory(spec: dict) -> str:
    """Name as the field writes it: 'B3LYP-D3BJ/DZVP', 'GFN2-xTB'."""
    method = ENGINES[spec["engine"]].method_name(spec["method"])
    method += "-D3BJ" if spec.get("dispersion") else ""
    return method + (f"/{spec['basis'].upper()}" if spec.get("basis") else "")


def canonical(value):
    """The same JSON with 1.0 written as 1: however the config spells it, one address."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def make_task(molecule: dict, spec: dict, engine_version: str, driver: str = "gradient") -> dict:
    """The task of one qcschema molecule (symbols, geometry in Bohr, charge, multiplicity).

    driver: gradient, with all properties, or energy, without
    """
    spec = {key: canonical(spec.get(key)) for key in SPEC_KEYS}
    geometry = [float(x) + 0.0 for x in np.ravel(molecule["geometry"])]  # no −0.0
    task = {
        "symbols": list(molecule["symbols"]),
        "geometry": geometry,
        "molecular_charge": int(molecule["molecular_charge"]),
        "molecular_multiplicity": int(molecule["molecular_multiplicity"]),
        "driver": driver,
        "spec": spec,
        "engine_version": engine_version,
        "protocol": PROTOCOL,
    }
    # The grid follows from the geometry and the spec, so it is not part of the address.
    grid = None
    if spec["esp"] and driver == "gradient":
        positions = np.reshape(geometry, (-1, 3)) * BOHR_IN_ANGSTROM
        grid = esp_grid(task["symbols"], positions, **spec["esp"]) / BOHR_IN_ANGSTROM
    return {
        **task,
        "digest": digest(task),
        "atomic_numbers": [periodictable.to_Z(symbol) for symbol in task["symbols"]],
        "esp_grid": None if grid is None else grid.ravel().tolist(),
    }
