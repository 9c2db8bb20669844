"""Couplings along chains of four or five atoms: within a torsion, and of two torsions."""

import re

import openmm

from forceladder.energy.terms import TERMS
from forceladder.export.openmm.couplings import REST, add_numbers, in_row, numbers_in_row
from forceladder.export.openmm.custom import compound_force
from forceladder.export.openmm.vectors import bond, cross, dot, norm

# Powers of cos φ, and what each term multiplies them by.
FACTORS = {
    "1": {
        "bond_bond_13": "coupling*q1*q2",
        "bond_angle_13": "coupling_1*q1*q4+coupling_3*q2*q3",
        "angle_angle_13": "coupling*q1*q2",
    },
    "c1": {
        "bond_angle_13": "turned_1*q1*q4+turned_3*q2*q3",
        "angle_angle_torsion": "coupling*q1*q2",
    },
}
# Of A₁ cos φ + A₂ cos 2φ + A₃ cos 3φ = (A₁ − 3A₃) c + 2A₂ (c² − ½) + 4A₃ c³, the numbers in
# brackets become the amplitudes.
SERIES = {
    "middle_bond_torsion": "amplitude*q1",
    "end_bond_torsion": "amplitude_1*q1+amplitude_3*q2",
    "angle_torsion": "amplitude_1*q1+amplitude_2*q2",
}
POWERS = ("c1", "(c1^2-0.5)", "c1^3")
# So too with cos 2φ = 2 (c² − ½) and sin 2φ = 2 s c.
TORSION_TORSION = (
    "c1*(cosine_1*c2+cosine_2*h2)+h1*(cosine_3*c2+cosine_4*h2)"
    "+s1*s2*(sine_1+sine_2*c2+c1*(sine_3+sine_4*c2));h1=c1^2-0.5;h2=c2^2-0.5"
)
TWICE = (1.0, 2.0, 2.0, 4.0)  # by the orders of φ₁ and φ₂ in each amplitude

TERMS_IN_CHAINS = {*FACTORS["1"], *FACTORS["c1"], *SERIES, "torsion_torsion"}


def chain_forces(terms: dict[str, dict]) -> list[openmm.Force]:
    """One force, a row for each row of the table of these terms."""
    atoms = next(iter(terms.values()))["atoms"]
    rows = [{} for _ in atoms]
    for name, values in terms.items():
        values = by_powers(name, values)
        for row, numbers in enumerate(rows):
            add_numbers(numbers, numbers_in_row(values, name, row, displacements(name)))
    return [compound_force(f"{energy(terms)};{coordinates(len(atoms[0]))}", atoms, rows)]


def energy(terms) -> str:
    if "torsion_torsion" in terms:
        return in_row(TORSION_TORSION, "torsion_torsion", [])
    factors = {power: dict(found) for power, found in FACTORS.items()}
    for n, power in enumerate(POWERS, start=1):
        for name, factor in SERIES.items():
            wave = re.sub(r"(amplitude\w*)", rf"\1_{n}", factor)
            factors.setdefault(power, {})[name] = wave
    sums = {
        power: "+".join(in_row(found[t], t, displacements(t)) for t in terms if t in found)
        for power, found in factors.items()
    }
    return "+".join(f"{power}*({factor})" for power, factor in sums.items() if factor)


def by_powers(name: str, values: dict) -> dict:
    """A term with the amplitudes of powers instead of those of cos nφ and sin nφ."""
    if name == "torsion_torsion":
        twice = {p: [[f * a for f, a in zip(TWICE, row, strict=True)] for row in values[p]]
                 for p in TERMS[name].parameters}  # fmt: skip
        return values | twice
    if name not in SERIES:
        return values
    return values | {
        p: [[a_1 - 3.0 * a_3, 2.0 * a_2, 4.0 * a_3] for a_1, a_2, a_3 in values[p]]
        for p in TERMS[name].parameters
        if p.startswith("amplitude")
    }


def displacements(term: str) -> list[str]:
    """d and a of the bonds and angles of a term, which its `coordinates` count along the chain."""
    return [
        f"{kind[0].replace('b', 'd')}{member + 1}"
        for kind, member in TERMS[term].coordinates
        if kind != "torsion"
    ]


def coordinates(atoms: int) -> str:
    """Bond u_k leads from atom k to the next, angle k is between it and bond k + 1, torsion k is
    about bond k + 1. With the normals n of two planes, n_k = u_k × u_{k+1} and m_k = |n_k|,

        cos φ_k = n_k · n_{k+1} / (m_k m_{k+1}),   sin φ_k = |u_{k+1}| u_k · n_{k+1} / (m_k m_{k+1})
    """
    bonds, angles, torsions = (range(1, atoms - n) for n in (0, 1, 2))
    found = [f"d{k}=b{k}-{REST}d{k}" for k in bonds]
    # A straight angle has no derivative here, but no torsion has a straight angle.
    found += [f"a{k}=acos(-{dot(f'u{k}', f'u{k + 1}')}/(b{k}*b{k + 1}))-{REST}a{k}" for k in angles]
    for k in torsions:
        found.append(f"c{k}={dot(f'n{k}', f'n{k + 1}')}/(m{k}*m{k + 1})")
        found.append(f"s{k}=b{k + 1}*{dot(f'u{k}', f'n{k + 1}')}/(m{k}*m{k + 1})")
    found += [f"m{k}={norm(f'n{k}')}" for k in angles]
    found += [cross(f"n{k}", f"u{k}", f"u{k + 1}") for k in angles]
    found += [f"b{k}={norm(f'u{k}')}" for k in bonds]
    return ";".join([*found, *(bond(f"u{k}", k + 1, k) for k in bonds)])
