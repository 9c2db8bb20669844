"""Geometries that are there twice."""

import numpy as np


def repetitions(positions, energy, max_rmsd: float, max_energy: float):
    """Yield (geometry, the earlier one that it repeats, RMSD in Å) for all that repeat one.

    RMSD after optimal superposition (Kabsch, Acta Cryst. A32, 922, 1976), atom by atom: two
    minima that differ by a permutation of like atoms are two. A geometry that is near to none
    of those that stay, stays.

    positions: [geometries, atoms, 3]  Å      energy: [geometries]  kcal/mol
    max_rmsd, max_energy: what counts as the same, Å and kcal/mol
    """
    if not positions:
        return
    centred = np.array([x - x.mean(axis=0) for x in positions])
    # |σₖ(A) − σₖ(B)| ≤ ‖A − B R‖ (Mirsky 1960): singular values sift the pairs
    sizes = np.linalg.svd(centred, compute_uv=False) / np.sqrt(centred.shape[1])
    order = np.argsort(sizes[:, 0], kind="stable")
    largest, stays = sizes[order, 0], np.ones(len(centred), bool)
    for one in range(len(centred)):
        low, high = np.searchsorted(
            largest, [sizes[one, 0] - max_rmsd, sizes[one, 0] + max_rmsd + 1e-12]
        )
        near = np.sort(order[low:high])
        near = near[(near < one) & stays[near]]
        near = near[(np.abs(sizes[near] - sizes[one]) <= max_rmsd).all(axis=1)]
        for other in near:
            if abs(energy[one] - energy[other]) <= max_energy:
                distance = superposed_rmsd(centred[one], centred[other])
                if distance <= max_rmsd:
                    stays[one] = False
                    yield one, int(other), distance
                    break


def superposed_rmsd(one, other) -> float:
    """Least root-mean-square deviation over all rotations, Å; both [atoms, 3], centred."""
    left, _, right = np.linalg.svd(one.T @ other)
    left[:, -1] *= np.sign(np.linalg.det(left) * np.linalg.det(right))  # no reflection
    return float(np.sqrt(((one @ left @ right - other) ** 2).sum(axis=-1).mean()))
