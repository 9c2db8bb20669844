"""Wilson out-of-plane bending of CFF93 and COMPASS."""

from torch import Tensor

from forceladder.energy.term import Term


def out_of_plane_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = K χ², χ the mean of the three Wilson angles of a planar centre.

    χ: [instances] rad      quadratic K: kcal/mol/rad²
    returns: [instances] kcal/mol, bounded below by zero for K > 0; its slopes
    """
    (chi,) = coordinates
    k = parameters["quadratic"]
    return k * chi**2, (2.0 * k * chi,)


OUT_OF_PLANE = Term(
    table="improper",
    coordinates=(("out_of_plane", 0),),
    parameters={"quadratic": "kcal/mol/radian^2"},
    energy=out_of_plane_energy,
)
