"""Parameters → an OpenMM System, in its units: nm, kJ/mol, rad, e."""
