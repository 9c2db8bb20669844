"""Terms of which a rung has one or the other. No torch: configurations are read where it is not."""

LENNARD_JONES = ("lennard_jones", "lennard_jones_96")
EITHER = (("bond_harmonic", "bond_quartic"), ("angle_harmonic", "angle_quartic"), LENNARD_JONES)
