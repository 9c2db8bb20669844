"""Points around a molecule where its electrostatic potential is taken."""

import numpy as np

# van der Waals radii, Å: Bondi, J. Phys. Chem. 68, 441 (1964); H from Rowland & Taylor
# (1996); B and Si from Mantina et al., J. Phys. Chem. A 113, 5806 (2009)
VDW_RADII = {
    "H": 1.10, "B": 1.92, "C": 1.70, "N": 1.55, "O": 1.52, "F": 1.47,
    "Si": 2.10, "P": 1.80, "S": 1.80, "Cl": 1.75, "Br": 1.85, "I": 1.98,
}  # fmt: skip


def esp_grid(symbols, positions, shells, points_per_square_angstrom) -> np.ndarray:
    """Merz-Kollman shells: points on scaled van der Waals spheres, outside all the others.

    Besler, Merz & Kollman, J. Comput. Chem. 11, 431 (1990); spheres are covered by
    Fibonacci lattices, so the grid is a function of its arguments alone.

    positions: [atoms, 3] Å          shells: multiples of the van der Waals radii
    returns:   [points, 3] Å
    """
    positions = np.asarray(positions, float)
    radii = np.array([VDW_RADII[symbol] for symbol in symbols])
    points = []
    for shell in shells:
        for centre, radius in zip(positions, shell * radii, strict=True):
            count = max(round(4.0 * np.pi * radius**2 * points_per_square_angstrom), 4)
            sphere = centre + radius * fibonacci_sphere(count)
            distance = np.linalg.norm(sphere[:, None] - positions[None], axis=-1)
            points.append(sphere[(distance >= shell * radii - 1e-9).all(axis=1)])
    return np.concatenate(points)


def fibonacci_sphere(count: int) -> np.ndarray:
    """`count` nearly even points on the unit sphere, [count, 3]."""
    index = np.arange(count) + 0.5
    height = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
