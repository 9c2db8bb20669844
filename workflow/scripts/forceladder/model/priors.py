"""What a sane force field is before any fit: element and environment rules.

Bond lengths, and force constants of bonds and angles, follow the Universal Force Field
(Rappé et al., J. Am. Chem. Soc. 114, 10024, 1992); electronegativities are Pauling's.
The network predicts deviations from these.
"""

import math

import torch
from torch import Tensor

from forceladder.energy.topology import Topology

# atomic number: (UFF single-bond radius Å, UFF effective charge e, Pauling electronegativity)
ELEMENTS = {
    1: (0.354, 0.712, 2.20),
    5: (0.838, 1.755, 2.04),
    6: (0.757, 1.912, 2.55),
    7: (0.700, 2.544, 3.04),
    8: (0.658, 2.300, 3.44),
    9: (0.668, 1.735, 3.98),
    14: (1.117, 2.323, 1.90),
    15: (1.101, 2.863, 2.19),
    16: (1.064, 2.703, 2.58),
    17: (1.044, 2.348, 3.16),
    35: (1.192, 2.519, 2.96),
    53: (1.382, 2.650, 2.66),
}
UFF_BOND_ORDER = 0.1332  # bond order correction of the bond length
UFF_FORCE_CONSTANT = 664.12  # kcal/mol Å/e²
RING_ANGLES = {3: 60.0, 4: 90.0, 5: 107.0}  # °
HARDNESS = 1.5  # Pauling units per e: gives water's oxygen −0.55 e
IMPROPER_AMPLITUDE = 15.0  # kcal/mol; Sage has 0.8 to 15 for the same form
OUT_OF_PLANE_QUADRATIC = 10.0  # kcal/mol/rad²; COMPASS has 3 to 30
DOUBLE_BOND_TWIST = 12.0  # kcal/mol, −V₂ per unit of bond order above one, whole bond


def element_property(topology: Topology, column: int) -> Tensor:
    """[atoms] of one column of ELEMENTS; an element that is not listed is a KeyError."""
    numbers, rows = torch.unique(topology.atomic_number, return_inverse=True)
    values = [ELEMENTS[number][column] for number in numbers.tolist()]
    return topology.formal_charge.new_tensor(values)[rows]


def atom_feature(topology: Topology, name: str) -> Tensor:
    return topology.atom_features[:, topology.atom_feature_names.index(name)]


def bond_order(topology: Topology) -> Tensor:
    """[bonds], resonance-averaged."""
    return topology.bond_features[:, topology.bond_feature_names.index("bond_order")]


def bond_length(topology: Topology, order: Tensor, atoms: Tensor) -> Tensor:
    """r₁ + r₂ − 0.1332 (r₁ + r₂) ln n, Å, for pairs of atoms [rows, 2] of bond order n."""
    radii = element_property(topology, 0)[atoms].sum(dim=1)
    return radii * (1.0 - UFF_BOND_ORDER * torch.log(order))


def bond_force_constant(topology: Topology, length: Tensor) -> Tensor:
    """664.12 Z₁Z₂/r³, kcal/mol/Å²."""
    charge = element_property(topology, 1)[topology.atoms["bond"]]
    return UFF_FORCE_CONSTANT * charge.prod(dim=1) / length**3


def is_linear(topology: Topology) -> Tensor:
    """[angles] bool: two-coordinate sp centre."""
    return atom_feature(topology, "is_linear")[topology.atoms["angle"][:, 1]] == 1


def equilibrium_angle(topology: Topology) -> Tensor:
    """[angles] rad, from the centre's coordination, planarity and ring."""
    centre = topology.atoms["angle"][:, 1]
    planar = atom_feature(topology, "is_planar")[centre] == 1
    number = topology.atomic_number[centre]
    four = atom_feature(topology, "has_4_neighbours")[centre] == 1
    degrees = torch.full_like(topology.formal_charge[centre], 109.47)
    degrees[~planar & ~four] = 107.0  # a lone pair presses
    degrees[~planar & ~four & (number > 10)] = 97.0  # S, P: nearly pure p orbitals
    degrees[planar] = 119.5
    for size, value in RING_ANGLES.items():
        degrees[topology.angle_ring == size] = value
    degrees[is_linear(topology)] = 180.0
    return degrees * math.pi / 180.0


def angle_force_constant(topology: Topology, theta: Tensor, lengths: Tensor) -> Tensor:
    """UFF's force constant of an angle, kcal/mol/rad², at its equilibrium geometry.

    theta: [angles] rad      lengths: [angles, 2] Å, of the two bonds
    """
    a, b = lengths[:, 0], lengths[:, 1]
    square = a**2 + b**2 - 2.0 * a * b * torch.cos(theta)
    charge = element_property(topology, 1)[topology.atoms["angle"][:, [0, 2]]].prod(dim=1)
    shape = 3.0 * a * b * torch.sin(theta) ** 2 - square * torch.cos(theta)
    return UFF_FORCE_CONSTANT * charge / square**2.5 * shape


def torsion_amplitudes(topology: Topology, orders: int) -> Tensor:
    """[torsions, orders] kcal/mol: zero, but for V₂ < 0 that keeps multiple bonds planar."""
    amplitude = topology.formal_charge.new_zeros(len(topology.torsion_paths), orders)
    middle = bond_order(topology)[topology.members["torsion"]["bond"][:, 1]]
    amplitude[:, 1] = -DOUBLE_BOND_TWIST * (middle - 1.0).clamp_min(0.0) / topology.torsion_paths
    return amplitude


def electronegativity(topology: Topology) -> Tensor:
    """[atoms], Pauling's, lowered so that a formal charge stays about where it is drawn."""
    return element_property(topology, 2) - HARDNESS * topology.formal_charge
