"""GFN2-xTB through tblite, in our own Python.

Never a QM reference: for tests, for pretraining, and as a second level of theory.
tblite has no potential on a grid; atomic charges come instead.
"""

import os
import sys

import numpy as np
from tblite.interface import Calculator

sys.path.insert(0, os.environ["FORCELADDER_RUNNERS"])
from protocol import run


def compute(task):
    """Energy, gradient [3 N], dipole [3], atomic charges [N] and Wiberg-Mayer bond orders [N²],
    in a.u.; the driver energy gets the energy alone."""
    calculator = Calculator(
        "GFN2-xTB",
        np.array(task["atomic_numbers"]),
        np.reshape(task["geometry"], (-1, 3)),
        charge=float(task["molecular_charge"]),
        uhf=task["molecular_multiplicity"] - 1,
    )
    calculator.set("verbosity", 0)
    for key, value in {
        **(task["spec"]["keywords"] or {}),
        **(task.get("scf_helpers") or {}),
    }.items():
        calculator.set(key, value)
    if task["driver"] == "energy":
        return {"energy": float(calculator.singlepoint().get("energy"))}
    result = calculator.singlepoint()
    return {
        "energy": float(result.get("energy")),
        "gradient": result.get("gradient").ravel().tolist(),
        "dipole": result.get("dipole").ravel().tolist(),
        "charges": result.get("charges").ravel().tolist(),
        "wiberg_bond_orders": result.get("bond-orders").ravel().tolist(),
    }


run(compute)
