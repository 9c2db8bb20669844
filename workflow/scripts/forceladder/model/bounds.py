"""How deep a rung's energy can fall, whatever the geometry: nothing leads below this floor.

Every term is bounded by itself, or by the energies of the bonds and angles that it couples.
"""

import torch
from torch import Tensor

from forceladder.energy.terms import TERMS
from forceladder.energy.topology import Topology
from forceladder.model.heads.couplings import rows_of, shares_spent
from forceladder.model.heads.head import Writing
from forceladder.model.rung import Parameters
from forceladder.units import COULOMB

TORSION_COUPLINGS = ("middle_bond_torsion", "end_bond_torsion", "angle_torsion")


def energy_floor(parameters: Parameters, topology: Topology) -> Tensor:
    """Lower bound of the molecular mechanics energy of any geometry, [molecules] kcal/mol.

    The sum of the floors below; planar centres never have a negative energy, and the correction
    has a bound of its own. −∞ where opposite charges attract each other without a Lennard-Jones
    wall between them.
    """
    terms, floor = parameters.terms, torch.zeros_like(topology.net_charge)
    for table, values in (
        ("bond", displacement_floor(parameters, topology, "bond")),
        ("angle", displacement_floor(parameters, topology, "angle")),
        ("torsion", torsion_floor(terms, topology)),
        ("torsion_pair", torsion_pair_floor(terms, topology)),
        ("pair", pair_floor(terms, topology)),
    ):
        molecule = topology.molecule[topology.atoms[table][:, 0]]
        floor = floor.index_add(0, molecule, values)
    return floor


def displacement_floor(parameters: Parameters, topology: Topology, kind: str) -> Tensor:
    """Energy of bonds or angles with their part of all couplings, [rows of `kind`] kcal/mol.

    Quadratic couplings take shares of the quadratic energies K Δ², |c Δ Δ'| ≤ s K Δ² + s'K'Δ'²
    (`heads.couplings`); where one has a factor cos φ, that can but weaken it. Couplings with
    torsions obey Δ Σₙ Aₙ cos nφ ≥ −|Δ| Σₙ |Aₙ|. With S the sum of all these |Aₙ|, over all
    torsions that the bond or angle is part of, there remains

        (1 − Σ s) K Δ² + K₃Δ³ + K₄Δ⁴ − S |Δ|,

    which its quartic term holds; of a harmonic one, Σ s < 1.
    """
    terms = parameters.terms
    strength = topology.formal_charge.new_zeros(len(topology.atoms[kind]))
    for term in (term for term in TORSION_COUPLINGS if term in terms):
        amplitudes = [name for name in TERMS[term].parameters if name.startswith("amplitude")]
        for which, name in zip(TERMS[term].coordinates[:-1], amplitudes, strict=True):
            amplitude = terms[term][name].abs().sum(dim=-1)
            if which[0] == kind:
                strength = strength.index_add(0, rows_of(topology, term, which), amplitude)
    writing = Writing(topology, {}, parameters.deviations, terms, atoms={}, loads={})
    rest = 1.0 - shares_spent(writing)[kind]
    if (well := terms.get(f"{kind}_quartic")) is not None:
        return well_floor(rest * well["quadratic"], well["cubic"], well["quartic"], strength)
    if (well := terms.get(f"{kind}_harmonic")) is not None:
        return -(strength**2) / (4.0 * rest * 0.5 * well["force_constant"])
    return strength  # zero: couplings are written only beside the energies of what they couple


def well_floor(k2: Tensor, k3: Tensor, k4: Tensor, strength: Tensor) -> Tensor:
    """Minimum of k₂x² − |k₃|x³ + k₄x⁴ − S x for x ≥ 0, of each row.

    It is at zero or at a root of the derivative, an eigenvalue of the companion matrix of
    x³ = (3|k₃|/4k₄) x² − (k₂/2k₄) x + S/4k₄.
    """
    companion = k4.new_zeros(len(k4), 3, 3)
    companion[:, 0, 0] = 0.75 * k3.abs() / k4
    companion[:, 0, 1] = -0.5 * k2 / k4
    companion[:, 0, 2] = 0.25 * strength / k4
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    x = torch.linalg.eigvals(companion).real.clamp_min(0.0)
    k2, k3, k4, strength = (values[:, None] for values in (k2, k3.abs(), k4, strength))
    return (x * (x * (k2 + x * (k4 * x - k3)) - strength)).amin(dim=1).clamp_max(0.0)


def torsion_floor(terms: dict, topology: Topology) -> Tensor:
    """Σₙ Vₙ (1 + cos nφ) ≥ Σₙ min(0, 2 Vₙ), [torsions] kcal/mol."""
    if "torsion_cosine" not in terms:
        return topology.formal_charge.new_zeros(len(topology.atoms["torsion"]))
    return 2.0 * terms["torsion_cosine"]["amplitude"].clamp_max(0.0).sum(dim=-1)


def torsion_pair_floor(terms: dict, topology: Topology) -> Tensor:
    """A cos α cos β + B sin α sin β ≥ −max(|A|, |B|), [torsion pairs] kcal/mol.

    It is ½(A + B) cos(α − β) + ½(A − B) cos(α + β), and ½|A + B| + ½|A − B| = max(|A|, |B|).
    """
    if (values := terms.get("torsion_torsion")) is None:
        return topology.formal_charge.new_zeros(len(topology.atoms["torsion_pair"]))
    return -torch.maximum(values["cosine"].abs(), values["sine"].abs()).sum(dim=-1)


def pair_floor(terms: dict, topology: Topology) -> Tensor:
    """Lennard-Jones and Coulomb energy of two atoms at any distance, [pairs] kcal/mol.

    −ε where the charges repel each other. Where they attract, −C/r, half of the wall, W/rⁿ,
    stands against it: W/rⁿ − C/r ≥ −(1 − 1/n) C/r*, reached where r*ⁿ⁻¹ = n W/C. The other half
    and the dispersion come to −2 ε (12-6) or −4 ε (9-6).
    """
    zero = topology.formal_charge.new_zeros(len(topology.atoms["pair"]))
    n, wall, epsilon, depth = 12, zero, zero, 0.0
    if (pairs := terms.get("lennard_jones")) is not None:
        epsilon, depth = pairs["epsilon"], 2.0
        n, wall = 12, 2.0 * epsilon * pairs["sigma"] ** 12
    elif (pairs := terms.get("lennard_jones_96")) is not None:
        epsilon, depth = pairs["epsilon"], 4.0
        n, wall = 9, epsilon * pairs["minimum"] ** 9
    product = terms["coulomb"]["charge_product"] if "coulomb" in terms else zero
    attraction = -COULOMB * product
    nearest = (n * wall / attraction) ** (1.0 / (n - 1))
    attracted = -depth * epsilon - (1.0 - 1.0 / n) * attraction / nearest
    return torch.where(attraction > 0.0, attracted, -epsilon)
