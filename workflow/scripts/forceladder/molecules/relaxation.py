"""Geometry optimization, free or with torsions held, on whatever gives a gradient.

The steps are geomeTRIC's (Wang & Song, J. Chem. Phys. 144, 214108, 2016). A gradient is a
function: positions [atoms, 3] Å → energy kcal/mol, gradient [atoms, 3] kcal/mol/Å.
"""

import logging
import tempfile
from typing import NamedTuple

import numpy as np

from forceladder.errors import RelaxationError
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

# geomeTRIC reports that it came within this of a constraint; torsiondrive uses the same
ENFORCE = 0.1  # rad
STRAIGHT = 0.02  # sine of the angle below which a torsion through it means nothing


class Relaxation(NamedTuple):
    """positions [atoms, 3] Å and energy kcal/mol of the last step; how many gradients it took."""

    positions: np.ndarray
    energy: float
    converged: bool
    steps: int


def relax(
    gradient, symbols, positions, torsions=(), angles=(), max_steps=100, convergence="GAU",
    hessian=None,
) -> Relaxation:  # fmt: skip
    """Follow `gradient` downhill from `positions`; torsions are held at `angles`, degrees.

    torsions: atoms (i, j, k, l) of each, from zero
    convergence: name of one of geomeTRIC's sets: GAU (maximum gradient 4.5e-4 Hartree/Bohr),
        GAU_LOOSE (2.5e-3), GAU_TIGHT (1.5e-5)
    hessian: [3 atoms, 3 atoms] kcal/mol/Å² to start from; a cheap method's saves half the steps
    raises: RelaxationError where geomeTRIC cannot go on; what `gradient` raises passes through
    """
    from geometric.errors import GeomOptNotConvergedError
    from geometric.internal import DelocalizedInternalCoordinates
    from geometric.molecule import Molecule
    from geometric.optimize import Optimizer, OptParams
    from geometric.prepare import parse_constraints

    logging.getLogger("geometric.nifty").setLevel(logging.CRITICAL)  # it tells every step
    check_start(np.asarray(positions, float), torsions)
    molecule = Molecule()
    molecule.elem, molecule.xyzs = list(symbols), [np.array(positions, float)]
    molecule.build_topology()
    engine = _Engine(molecule, gradient)
    settings = {"convergence_set": convergence, "maxiter": max_steps, "frequency": False}
    if hessian is not None:
        settings["hess_data"] = (hessian / HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2).tolist()
    constraints, values = None, [None]
    if torsions:
        settings["enforce"] = ENFORCE
        lines = [
            f"dihedral {' '.join(str(atom + 1) for atom in torsion)} {angle:.10f}"
            for torsion, angle in zip(torsions, angles, strict=True)
        ]
        constraints, values = parse_constraints(molecule, "\n".join(["$set", *lines]))
    try:
        with tempfile.TemporaryDirectory() as folder:
            coordinates = DelocalizedInternalCoordinates(
                molecule, build=True, connect=False, addcart=False,
                constraints=constraints, cvals=values[0],
            )  # fmt: skip
            start = np.ravel(positions) / BOHR_IN_ANGSTROM
            parameters = OptParams(**settings)
            optimizer = Optimizer(
                start, molecule, coordinates, engine, folder, parameters, print_info=False
            )
            try:
                optimizer.optimizeGeometry()
                converged = True
            except GeomOptNotConvergedError:
                converged = False
    except Exception as error:  # geomeTRIC raises all kinds; what the gradient raised is its own
        if error is engine.error:
            raise
        raise RelaxationError(
            f"geomeTRIC stopped after {engine.calls} steps: {str(error).strip()[-300:]}"
        ) from error
    return Relaxation(
        np.reshape(optimizer.X, (-1, 3)) * BOHR_IN_ANGSTROM,
        float(optimizer.E) * HARTREE_IN_KCAL, converged, engine.calls,
    )  # fmt: skip


def check_start(positions, torsions):
    """Raise RelaxationError for a start that geomeTRIC would never come back from."""
    if not np.isfinite(positions).all():
        raise RelaxationError("the start of a relaxation is not finite")
    for atoms in torsions:
        for i, j, k in (atoms[:3], atoms[1:]):
            u, v = positions[i] - positions[j], positions[k] - positions[j]
            across = np.linalg.norm(np.cross(u, v))
            if not across > STRAIGHT * np.linalg.norm(u) * np.linalg.norm(v):
                names = "-".join(str(atom + 1) for atom in atoms)
                raise RelaxationError(f"the held torsion {names} is straight at atom {j + 1}")


class _Engine:
    """What geomeTRIC asks for energies and gradients; Bohr and Hartree on its side."""

    def __init__(self, molecule, gradient):
        self.M, self.gradient, self.calls, self.error = molecule, gradient, 0, None

    def calc(self, coords, dirname, **_):
        self.calls += 1
        try:
            energy, gradient = self.gradient(np.reshape(coords, (-1, 3)) * BOHR_IN_ANGSTROM)
        except Exception as error:
            self.error = error
            raise
        gradient = np.ravel(gradient) / HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
        return {"energy": energy / HARTREE_IN_KCAL, "gradient": gradient}

    def clearCalcs(self):
        pass

    def save_guess_files(self, dirname):
        pass

    def load_guess_files(self, dirname):
        pass
