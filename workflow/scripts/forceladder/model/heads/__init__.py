"""What writes the parameters of each term: a readout, and its numbers' physical ranges.

The network predicts dimensionless deviations from the priors. Each head turns them into
parameters that never leave the range in which the energy is bounded below: force constants
stay positive, lengths near their prior, angles within (0, π), couplings within the shares
that `couplings` deals out. Deviations of zero are the prior exactly.
"""

from forceladder.model.heads import angles, bonds, couplings, impropers, nonbonded, torsions
from forceladder.model.heads.head import Head

HEADS: dict[str, Head] = {
    # the order in which they are written: couplings need the bonds and angles that they couple
    "bond_harmonic": bonds.HARMONIC,
    "bond_quartic": bonds.QUARTIC,
    "angle_harmonic": angles.HARMONIC,
    "angle_quartic": angles.QUARTIC,
    "torsion_cosine": torsions.COSINE,
    "improper_cosine": impropers.COSINE,
    "out_of_plane": impropers.OUT_OF_PLANE,
    "bond_bond": couplings.BOND_BOND,
    "bond_angle": couplings.BOND_ANGLE,
    "angle_angle": couplings.ANGLE_ANGLE,
    "angle_angle_torsion": couplings.ANGLE_ANGLE_TORSION,
    "bond_bond_13": couplings.BOND_BOND_13,
    "bond_angle_13": couplings.BOND_ANGLE_13,
    "angle_angle_13": couplings.ANGLE_ANGLE_13,
    "middle_bond_torsion": torsions.MIDDLE_BOND,
    "end_bond_torsion": torsions.END_BOND,
    "angle_torsion": torsions.ANGLE,
    "torsion_torsion": torsions.TORSION_TORSION,
    "lennard_jones": nonbonded.LENNARD_JONES,
    "lennard_jones_96": nonbonded.LENNARD_JONES_96,
    "coulomb": nonbonded.COULOMB,
}
