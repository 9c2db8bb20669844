"""Coupling of an end bond of a torsion with the angle at the torsion's other end."""

from forceladder.energy.term import Term


def bond_angle_13_energy(coordinates: tuple, parameters: dict):
    """E = (P₁ + Q₁ cos φ)(b₁ − b₁⁰)(θ₂ − θ₂⁰) + (P₃ + Q₃ cos φ)(b₃ − b₃⁰)(θ₁ − θ₁⁰).

    CFF has no such term; in conjugated and aromatic systems it is as large as those it has.

    b₁, b₃: [instances] Å      θ₁, θ₂, φ: rad
    length_1, length_3: Å      angle_1, angle_2: rad
    coupling_1 P₁, coupling_3 P₃, turned_1 Q₁, turned_3 Q₃: kcal/mol/Å/rad
    returns: [instances] kcal/mol and its slopes; bounded below together with the bonds' and
    angles' own energies (model.bounds)
    """
    b_1, b_3, theta_1, theta_2, phi = coordinates
    stretch_1, stretch_3 = b_1 - parameters["length_1"], b_3 - parameters["length_3"]
    bend_1, bend_2 = theta_1 - parameters["angle_1"], theta_2 - parameters["angle_2"]
    cosine, sine = phi.cosine[:, 0], phi.sine[:, 0]
    first = parameters["coupling_1"] + parameters["turned_1"] * cosine
    third = parameters["coupling_3"] + parameters["turned_3"] * cosine
    energy = first * stretch_1 * bend_2 + third * stretch_3 * bend_1
    turned = (
        parameters["turned_1"] * stretch_1 * bend_2 + parameters["turned_3"] * stretch_3 * bend_1
    )
    slopes = first * bend_2, third * bend_1, third * stretch_3, first * stretch_1, -turned * sine
    return energy, slopes


BOND_ANGLE_13 = Term(
    table="torsion",
    coordinates=(("bond", 0), ("bond", 2), ("angle", 0), ("angle", 1), ("torsion", 0)),
    parameters={"length_1": "angstrom", "length_3": "angstrom",
                "angle_1": "radian", "angle_2": "radian"}
    | dict.fromkeys(("coupling_1", "coupling_3", "turned_1", "turned_3"),
                    "kcal/mol/angstrom/radian"),
    energy=bond_angle_13_energy,
)  # fmt: skip
