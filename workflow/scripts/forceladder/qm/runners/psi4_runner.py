"""Run by Psi4's own interpreter, `psi4 -k -i psi4_runner.py`: Psi4 1.3.2 as well as 1.11.

Energies in Hartree, gradients in Hartree/Bohr, dipole in e·Bohr, quadrupole in e·Bohr²,
ESP in Hartree/e.
"""

import os
import sys

import numpy as np
import psi4

sys.path.insert(0, os.environ["FORCELADDER_RUNNERS"])
from protocol import run

E_BOHR_IN_DEBYE = 2.541746473  # Psi4 1.3.2 gives its multipole variables in Debye (Å)
BOHR_IN_ANGSTROM = 0.52917720859  # and these are its own factors


def compute(task):
    """Energy, and for the driver gradient also gradient [3 N], dipole [3], quadrupole [9],
    Wiberg bond orders [N²] and, if a grid is asked for, ESP [points]; in a.u."""
    spec = task["spec"]
    psi4.set_memory(task["memory_bytes"])
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
    options.update(task.get("scf_helpers") or {})
    psi4.set_options(options)
    if task["driver"] == "energy":
        return {"energy": float(psi4.energy(spec["method"], molecule=molecule))}
    gradient, wavefunction = psi4.gradient(spec["method"], molecule=molecule, return_wfn=True)
    psi4.oeprop(wavefunction, "DIPOLE", "QUADRUPOLE", "WIBERG_LOWDIN_INDICES", title="SCF")
    result = {
        "energy": float(wavefunction.energy()),
        "gradient": np.asarray(gradient).ravel().tolist(),
        "dipole": dipole(),
        "quadrupole": quadrupole(),
        "wiberg_bond_orders": wiberg_bond_orders(wavefunction),
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


def quadrupole():
    """Second moments xx xy xz yx … zz in e·Bohr², with trace: one array from 1.4 on, six before."""
    variables = psi4.core.variables()
    if "SCF QUADRUPOLE" in variables:
        return np.asarray(variables["SCF QUADRUPOLE"]).ravel().tolist()
    factor = E_BOHR_IN_DEBYE * BOHR_IN_ANGSTROM
    return [
        variables["SCF QUADRUPOLE " + "".join(sorted(one + two))] / factor
        for one in "XYZ"
        for two in "XYZ"
    ]


def wiberg_bond_orders(wavefunction):
    """Wiberg indices in the Löwdin basis, [N²]; their name has spaces from Psi4 1.4 on."""
    known = dict(psi4.core.variables(), **wavefunction.variables())
    for name in ("WIBERG LOWDIN INDICES", "WIBERG_LOWDIN_INDICES"):
        for key in (name, "SCF " + name):
            if key in known:
                return np.asarray(known[key]).ravel().tolist()
    raise ValueError("Psi4 gave no Wiberg bond orders")


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


run(compute)
