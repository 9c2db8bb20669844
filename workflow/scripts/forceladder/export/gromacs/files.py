"""GROMACS's top and gro, and an mdp for one point in vacuum.

GROMACS has the same equations: half force constants, AMBER's mixing and scaling, 1–4 pairs and
exclusions by bonds (nrexcl 3), amplitudes of either sign. The text is ours, not ParmEd's, which
gives lengths five decimals of a nanometre: 0.05 kcal/mol/Å on a stiff bond. Here a number has all
its digits.
"""

import math
from pathlib import Path

import numpy as np

from forceladder.export import class1
from forceladder.export.openmm.units import PER_SQUARE_NM
from forceladder.export.parameters import title
from forceladder.files import write_text
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ

PROPER, IMPROPER = 9, 4  # functions of [ dihedrals ]: several cosines, and the same of impropers
SMALLEST_CUTOFF = 1.0  # nm
# GROMACS runs no molecule without a box; in this one no atom meets an image, and nothing is cut
MDP = """\
; one point in vacuum: no pair is cut off or shifted; the time step (ps) moves nothing, but
; grompp holds it against the fastest bond
integrator              = md
nsteps                  = 0
dt                      = 0.0001
continuation            = yes
comm-mode               = None
pbc                     = xyz
cutoff-scheme           = Verlet
verlet-buffer-tolerance = -1
coulombtype             = Cut-off
coulomb-modifier        = None
vdwtype                 = Cut-off
vdw-modifier            = None
rlist                   = {cutoff:.6f}
rcoulomb                = {cutoff:.6f}
rvdw                    = {cutoff:.6f}
DispCorr                = no
nstfout                 = 1
nstenergy               = 1
nstcalcenergy           = 1
"""


def refusal(parameters: dict) -> str | None:
    """Why GROMACS cannot hold the parameters, in a sentence; None if it can."""
    return class1.refusal(parameters, "GROMACS")


def write_gromacs(parameters: dict, positions, folder, name: str) -> list[Path]:
    """Write `name`.top, `name`.gro and `name`.mdp of one molecule in vacuum; their paths.

    parameters: as `molecule_parameters` returns them
    positions: [atoms, 3] Å; in the file they are moved to the middle of a box
    raises: ExportError for terms that GROMACS does not have
    """
    class1.checked(refusal(parameters))
    nm = np.asarray(positions, float) * ANGSTROM_IN_NM
    nm = nm - nm.min(axis=0)
    cutoff = max(SMALLEST_CUTOFF, 1.1 * float(np.linalg.norm(nm.max(axis=0))))
    side = 2.5 * cutoff
    nm = nm + 0.5 * (side - nm.max(axis=0))
    texts = {
        "top": topology_text(parameters),
        "gro": coordinate_text(parameters, nm, side),
        "mdp": MDP.format(cutoff=cutoff),
    }
    paths = [Path(folder, f"{name}.{end}") for end in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths


def topology_text(parameters: dict) -> str:
    """The top; nm, kJ/mol, degrees, e."""
    prefix = class1.digest(parameters)
    sections = {
        "defaults": [(1, 2, "yes", LENNARD_JONES_14, COULOMB_14)],
        "atomtypes": atom_types(parameters, prefix),
        "moleculetype": [(prefix, 3)],
        "atoms": atoms(parameters, prefix),
        "pairs": [(i + 1, j + 1, 1) for i, j in class1.pairs_14(parameters)],
        "bonds": [
            (i + 1, j + 1, 1, length * ANGSTROM_IN_NM, constant * PER_SQUARE_NM)
            for (i, j), length, constant in class1.bonds(parameters)
        ],
        "angles": [
            (*(k + 1 for k in ends), 1, math.degrees(angle), constant * KCAL_IN_KJ)
            for ends, angle, constant in class1.rows(
                parameters, "angle_harmonic", "angle", "force_constant"
            )
        ],
        "dihedrals": [
            *(dihedral(cosine, PROPER) for cosine in class1.propers(parameters)),
            *(dihedral(cosine, IMPROPER) for cosine in class1.impropers(parameters)),
        ],
        "system": [(title(parameters),)],
        "molecules": [(prefix, 1)],
    }
    lines = ["; forceladder, class1"]
    for section, rows in sections.items():
        if rows:
            lines += ["", f"[ {section} ]", *(" ".join(map(word, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def word(value) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def atom_types(parameters: dict, prefix: str) -> list[tuple]:
    """Name, name of the bonded type (unused, but OpenMM's reader wants one), atomic number, mass,
    charge, kind, sigma and epsilon; each type once."""
    types = class1.lennard_jones_types(parameters)
    said = zip(
        types, parameters["atomic_number"], parameters["mass"], class1.of_atoms(parameters),
        strict=True,
    )  # fmt: skip
    found = {
        kind: (f"{prefix}_{kind}", f"{prefix}_{kind}", number, mass, 0.0, "A",
               sigma * ANGSTROM_IN_NM, epsilon * KCAL_IN_KJ)
        for kind, number, mass, (_, sigma, epsilon) in said
    }  # fmt: skip
    return list(found.values())


def atoms(parameters: dict, prefix: str) -> list[tuple]:
    """Number, type, residue, name, charge group, charge and mass."""
    said = zip(
        class1.lennard_jones_types(parameters), class1.atom_names(parameters),
        class1.of_atoms(parameters), parameters["mass"], strict=True,
    )  # fmt: skip
    return [
        (k, f"{prefix}_{kind}", 1, class1.RESIDUE, name, k, charge, mass)
        for k, (kind, name, (charge, *_), mass) in enumerate(said, start=1)
    ]


def dihedral(cosine: class1.Cosine, function: int) -> tuple:
    phase, amplitude = math.degrees(cosine.phase), cosine.amplitude * KCAL_IN_KJ
    return (*(k + 1 for k in cosine.atoms), function, phase, amplitude, cosine.order)


def coordinate_text(parameters: dict, nm: np.ndarray, side: float) -> str:
    """The gro with twelve decimals of a nanometre, which its readers count; a cubic box."""
    lines = [title(parameters), f"{len(nm):5d}"]
    for k, (name, x) in enumerate(zip(class1.atom_names(parameters), nm, strict=True), start=1):
        numbers = "".join(f"{value:17.12f}" for value in x)
        lines.append(f"{1:5d}{class1.RESIDUE:<5}{name[:5]:>5}{k % 100000:5d}{numbers}")
    return "\n".join([*lines, " ".join(3 * [f"{side:.6f}"])]) + "\n"
