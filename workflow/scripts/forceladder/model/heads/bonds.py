"""Parameters of bonds."""

import torch

from forceladder.model import priors
from forceladder.model.heads.head import Head, Writing
from forceladder.model.heads.quartic import quartic_well
from forceladder.model.readout import Readout, bounded

# Limits of the deviations: lengths ± 35 %, force constants × or ÷ 4.5
LENGTH_LOG = 0.3
FORCE_CONSTANT_LOG = 1.5
LENGTH_SCALE = 0.1  # a deviation of one moves a length by 10 %

# Morse's series, K₃/K₂ = −a and K₄/K₂ = 7a²/12, with a = 1.9/Å, about that of C–C and C–H
MORSE_WIDTH = 1.9
MORSE_CUBIC, MORSE_QUARTIC = -MORSE_WIDTH, 7.0 / 12.0 * MORSE_WIDTH**2


def readout(outputs: int):
    return lambda settings: Readout(
        atoms=2, width=settings["width"], extra=len(settings["bond_features"]), outputs=outputs
    )


def bond_features(topology):
    return topology.bond_features


def length_and_force_constant(topology, deviation):
    """b₀ Å and k kcal/mol/Å² [bonds], about the priors."""
    atoms = topology.atoms["bond"]
    length = priors.bond_length(topology, priors.bond_order(topology), atoms)
    force_constant = priors.bond_force_constant(topology, length)
    return (
        length * torch.exp(bounded(LENGTH_SCALE * deviation[:, 0], LENGTH_LOG)),
        force_constant * torch.exp(bounded(deviation[:, 1], FORCE_CONSTANT_LOG)),
    )


def harmonic(writing: Writing, deviation):
    length, force_constant = length_and_force_constant(writing.topology, deviation)
    return {"length": length, "force_constant": force_constant}


def quartic(writing: Writing, deviation):
    length, force_constant = length_and_force_constant(writing.topology, deviation)
    quadratic = 0.5 * force_constant
    well = quartic_well(quadratic, MORSE_CUBIC, MORSE_QUARTIC, deviation[:, 2:])
    return {"length": length, "quadratic": quadratic, **well}


HARMONIC = Head(readout(2), "bond", harmonic, bond_features)
QUARTIC = Head(readout(4), "bond", quartic, bond_features)
