"""The short-range correction of a rung as a force of OpenMM, computed by torch.

It is attached to a System when that is about to be used and never stored with one: OpenMM
would write such a force as a pickle, which runs code when it is read. What is stored is the
System of the mechanical terms, and the model.
"""

from functools import partial

import numpy as np
import openmm
import torch
from torch import Tensor

from forceladder.energy.neighbours import Neighbours
from forceladder.errors import VersionError
from forceladder.model.corrections import make_correction
from forceladder.model.corrections.correction import Correction
from forceladder.model.rung import CORRECTION, Rung
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ


def attach_correction(
    system: openmm.System, model: Rung, parameters: dict, dtype=torch.float64, device="cpu"
) -> openmm.System:
    """A copy of the System with the rung's correction as one more force, CORRECTION.

    parameters: of the molecule, as `molecule_parameters` returns them
    dtype: of the network; dynamics do with float32, a fifth faster on one thread
    device: that computes the network
    """
    found = parameters[CORRECTION]
    if found["settings"] != model.settings[CORRECTION]:
        raise VersionError(
            f"the parameters of {parameters['id']} and the model are not of one rung: their "
            "corrections differ in settings."
        )
    correction = make_correction(model.settings[CORRECTION], model.settings["width"])
    correction = correction.to(device, dtype)  # first: loading rounds to what it finds
    correction.load_state_dict(model.correction.state_dict())
    compute = partial(
        energy_and_forces,
        correction.requires_grad_(False),
        torch.tensor(found["embedding"], dtype=dtype, device=device),
        all_neighbours(len(parameters["mass"]), parameters["bonds"], device),
    )
    force = openmm.PythonForce(compute, {})
    force.setName(CORRECTION)
    force.setForceGroup(system.getNumForces())
    system = openmm.XmlSerializer.clone(system)
    system.addForce(force)
    return system


def energy_and_forces(
    correction: Correction, embedding: Tensor, neighbours: Neighbours, state: openmm.State
) -> tuple[float, np.ndarray]:
    """Energy kJ/mol and forces [atoms, 3] kJ/mol/nm at the positions of an OpenMM State."""
    nm = state.getPositions(asNumpy=True)._value
    angstrom = torch.as_tensor(nm / ANGSTROM_IN_NM)
    positions = angstrom.to(embedding.device, embedding.dtype).requires_grad_()
    atoms = torch.arange(len(positions), device=embedding.device)
    energy = correction(embedding, atoms, positions, neighbours).sum()
    (gradient,) = torch.autograd.grad(energy, positions)
    forces = gradient.double().numpy(force=True) * -(KCAL_IN_KJ / ANGSTROM_IN_NM)
    return float(energy.detach()) * KCAL_IN_KJ, forces


def all_neighbours(atoms: int, bonds, device="cpu") -> Neighbours:
    """Every atom a neighbour of every other, however far: a list that no step makes stale.

    bonds: [bonds, 2]
    """
    own = np.arange(atoms)
    index = np.stack([np.delete(own, atom) for atom in own])
    relation = np.take_along_axis(bonds_between_atoms(atoms, bonds), index, axis=1)
    return Neighbours(
        torch.as_tensor(index, device=device),
        torch.ones(index.shape, dtype=bool, device=device),
        torch.as_tensor(relation, device=device),
    )


def bonds_between_atoms(atoms: int, bonds) -> np.ndarray:
    """Bonds on the shortest path of any two atoms [atoms, atoms]: 1, 2, 3, or 0 if more."""
    bonded = np.zeros((atoms, atoms), bool)
    for i, j in bonds:
        bonded[i, j] = bonded[j, i] = True
    found, reached = np.zeros((atoms, atoms), int), np.eye(atoms, dtype=bool)
    for distance in (1, 2, 3):
        near = reached @ bonded
        found[near & ~reached] = distance
        reached |= near
    return found
