"""Run by Psi4's own interpreter, `psi4 -k -i psi4_runner.py`: Psi4 1.3.2 as well as 1.11.

Energies in Hartree, gradients in Hartree/Bohr, dipole in e·Bohr, ESP in Hartree/e.
"""

import os
import sys

import numpy as np
import psi4

sys.path.insert(0, os.environ["FORCELADDER_RUNNERS"])
from protocol import run

E_BOHR_IN_DEBYE = 2.541746473  # Psi4 1.3.2 gives its dipole variables in Debye


def compute(task):
    """Energy, gradient [3 N], dipole [3] and, if a grid is asked for, ESP [points]; in a.u."""
    spec = task["spec"]
    psi4.core.clean()
    psi4.core.clean_options()
    molecule = psi4.core.Molecule.from_arrays(
        geom=task["geometry"],
        elem=task["symbols"],
        units="Bohr",
        molecular_charge=task["molecular_charge"],
        molecular_multiplicity=task["molecular_multiplicity"],
        fix_com=True,
        fix_orientation=True,
        fix_symmetry="c1",
    )
    reference = "rks" if task["molecular_multiplicity"] == 1 else "uks"
    options = {"basis": spec["basis"], "scf_type": "df", "reference": reference}
    options.update(spec["keywords"] or {})
    psi4.set_options(options)
    gradient, wavefunction = psi4.gradient(spec["method"], molecule=molecule, return_wfn=True)
    psi4.oeprop(wavefunction, "DIPOLE")
    result = {
        "energy": float(wavefunction.energy()),
        "gradient": np.asarray(gradient).ravel().tolist(),
        "dipole": dipole(),
    }
    if task["esp_grid"] is not None:
        result["esp"] = electrostatic_potential(wavefunction, task["esp_grid"])
    return result


def dipole():
    """SCF dipole in e·Bohr: one array from Psi4 1.4 on, three numbers in Debye before."""
    variables = psi4.core.variables()
    if "SCF DIPOLE" in variables:
        return np.asarray(variables["SCF DIPOLE"]).ravel().tolist()
    return [variables["SCF DIPOLE " + axis] / E_BOHR_IN_DEBYE for axis in "XYZ"]


def electrostatic_potential(wavefunction, grid):
    """GRID_ESP reads grid.dat in the molecule's units (Bohr) and writes grid_esp.dat."""
    np.savetxt("grid.dat", np.reshape(grid, (-1, 3)), fmt="%.14f")
    if os.path.exists("grid_esp.dat"):
        os.unlink("grid_esp.dat")  # never take the potential of the task before for this one's
    psi4.oeprop(wavefunction, "GRID_ESP")
    potential = np.loadtxt("grid_esp.dat", ndmin=1)
    if len(potential) != len(grid) // 3:
        raise ValueError(f"Psi4 returned {len(potential)} ESP values for {len(grid) // 3} points")
    return potential.tolist()


psi4.set_memory(int(os.environ["FORCELADDER_MEMORY"]))
run(compute)
