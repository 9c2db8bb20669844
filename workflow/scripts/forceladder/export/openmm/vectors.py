"""Vectors between atoms of a row, in OpenMM's language of expressions.

A vector u is its three components ux, uy and uz. Definitions come before what they are made of.
"""


def bond(u: str, end: int, start: int) -> str:
    """Definition of u as the vector from one atom of the row to another."""
    return ";".join(f"{u}{axis}={axis}{end}-{axis}{start}" for axis in "xyz")


def cross(n: str, u: str, v: str) -> str:
    """Definition of n = u × v."""
    turns = ("xyz", "yzx", "zxy")
    return ";".join(f"{n}{i}={u}{j}*{v}{k}-{u}{k}*{v}{j}" for i, j, k in turns)


def dot(u: str, v: str) -> str:
    """u · v; of a vector with itself by squares, which differentiate to less."""
    products = (f"{u}{axis}^2" if u == v else f"{u}{axis}*{v}{axis}" for axis in "xyz")
    return f"({'+'.join(products)})"


def norm(u: str) -> str:
    """|u|."""
    return f"sqrt{dot(u, u)}"
