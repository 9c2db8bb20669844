"""Grimme's D3 with Becke-Johnson damping, added by us to every engine alike.

Debian's Psi4 1.3.2 needs executables that no package brings; s-dftd3 agrees with
Psi4's own route to 1e-12 Hartree. Two-body unless s9 says otherwise.
"""

import numpy as np


def d3bj(symbols, geometry, parameters: dict) -> tuple[float, np.ndarray]:
    """Dispersion energy (Hartree) and gradient [atoms, 3] (Hartree/Bohr).

    Grimme, Ehrlich & Goerigk, J. Comput. Chem. 32, 1456 (2011).

    geometry: [atoms, 3] Bohr        parameters: s6, s8, a1, a2, s9 of the functional
    """
    from dftd3.interface import DispersionModel, RationalDampingParam
    from qcelemental import periodictable

    numbers = np.array([periodictable.to_Z(symbol) for symbol in symbols])
    model = DispersionModel(numbers, np.reshape(geometry, (-1, 3)))
    result = model.get_dispersion(RationalDampingParam(**parameters), grad=True)
    return float(result["energy"]), np.asarray(result["gradient"])
