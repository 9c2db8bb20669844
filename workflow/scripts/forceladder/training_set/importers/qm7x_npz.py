"""QM7-X geometries in blocks, as one .npz of zero-padded arrays.

E [frames, 1] eV, F [frames, atoms, 3] eV/Å, R [frames, atoms, 3] Å, z [frames, atoms], 0 where
there is no atom. BLOCK frames in a row are one molecule; its bonds are perceived.
"""

from collections.abc import Iterator

import numpy as np

from forceladder.errors import CorruptFileError
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.identity import formula_label
from forceladder.training_set.importers.sources import npz_arrays
from forceladder.units import EV_IN_KCAL

BLOCK = 10  # frames


def read_qm7x_npz(path) -> Iterator[tuple]:
    """Molecules of a QM7-X file; see `importers`."""
    arrays = npz_arrays(path, ("E", "F", "R", "z"))
    energies = np.ravel(arrays["E"]) * EV_IN_KCAL
    gradients = -np.asarray(arrays["F"], float) * EV_IN_KCAL
    for first in range(0, len(energies), BLOCK):
        rows = range(first, min(first + BLOCK, len(energies)))
        z = arrays["z"][first]
        if (arrays["z"][rows.start : rows.stop] != z).any():
            raise CorruptFileError(
                f"{path}: frames {rows.start} to {rows.stop - 1} are not one molecule, as each "
                f"{BLOCK} frames in a row should be; copy it anew from where it came."
            )
        atoms = z > 0
        numbers = z[atoms].tolist()
        conformers = [
            conformer(
                arrays["R"][row][atoms], float(energies[row]), "imported",
                gradients=gradients[row][atoms],
            )
            for row in rows
        ]  # fmt: skip
        label = f"{formula_label(numbers)}-{first // BLOCK:03d}"
        yield {"label": label, "atomic_numbers": numbers}, conformers, []
