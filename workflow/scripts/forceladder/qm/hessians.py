"""Hessians by central differences of gradients, without translations and rotations.

Each displaced gradient is a task of its own, so that a Hessian that was interrupted
costs nothing twice, and any engine that has gradients has Hessians.
"""

import numpy as np

# A molecule is linear whose atoms are this close to a line, relative to their distances from
# the middle. Too large a value costs two gradients and no accuracy, too small a one a bend.
LINEAR = 0.01


def vibrational_basis(positions) -> np.ndarray:
    """Orthonormal displacements without translation and rotation, [3 N − 6 or 5, 3 N].

    At a minimum a rigid motion changes neither energy nor the size of the gradient, so
    these directions hold all of the Hessian.

    positions: [atoms, 3], any unit
    """
    centred = np.asarray(positions, float) - np.mean(positions, axis=0)
    turns = np.array([np.cross(axis, centred).ravel() for axis in np.eye(3)])
    _, sizes, principal = np.linalg.svd(turns, full_matrices=False)
    turning = sizes > LINEAR * max(np.linalg.norm(centred), 1e-300)  # a single atom has none
    if not turning.all():  # about its own axis a linear molecule does not move
        turns = principal[turning]
    rigid = [*(np.tile(axis, len(centred)) for axis in np.eye(3)), *turns]
    rigid = [vector / np.linalg.norm(vector) for vector in rigid]
    vectors, _, _ = np.linalg.svd(np.array(rigid).T, full_matrices=True)
    return vectors[:, len(rigid) :].T


def hessian(gradient, positions, step: float) -> np.ndarray:
    """∂²E/∂x² [3 atoms, 3 atoms], symmetric; rigid motions have none.

    gradient: positions → energy, gradient [atoms, 3]      step: in the unit of positions
    """
    basis = vibrational_basis(positions)
    columns = []
    for direction in basis:
        move = step * direction.reshape(-1, 3)
        (_, above), (_, below) = gradient(positions + move), gradient(positions - move)
        columns.append(np.ravel(above - below) / (2.0 * step))
    internal = np.reshape(columns, basis.shape) @ basis.T
    return basis.T @ (0.5 * (internal + internal.T)) @ basis
