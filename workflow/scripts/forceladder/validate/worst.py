"""The geometries that a method gets most wrong, with the numbers of both sides."""

import numpy as np
from rdkit.Chem import GetPeriodicTable

from forceladder.training_set.dataset import row_ranges
from forceladder.validate.errors import errors_of_each

ELEMENTS = GetPeriodicTable()
COLUMNS = [
    "method", "molecule", "split", "geometry", "kind", "temperature_kelvin", "force_rmse",
    "qm_energy", "predicted_energy", "atom", "element", "qm_force", "predicted_force",
    "force_error",
]  # fmt: skip


def worst_cases(dataset, predictions, count: int) -> list[dict]:
    """Of every method the `count` molecules with the largest force error of a single geometry,
    each with that geometry, the worst first.

    geometry          conformer of the molecule, counted from zero
    force_rmse        kcal/mol/Å, per component, over the atoms of this geometry
    qm_energy, predicted_energy      kcal/mol, relative to the molecule's mean on either side
    atom, element     the worst one, counted from zero within the molecule
    qm_force, predicted_force        kcal/mol/Å, lengths of the forces on it
    force_error       kcal/mol/Å, length of the difference of the two
    atom_errors       [atoms] kcal/mol/Å, that length for every atom (no column of the table)
    """
    cases: dict[str, list[dict]] = {}
    for errors in errors_of_each(dataset, predictions):
        square = np.where(errors.known.all(axis=1), (errors.force**2).mean(axis=(1, 2)), np.nan)
        if np.isfinite(square).any():
            worst = int(np.nanargmax(square))
            case = described(dataset, errors, worst) | {"force_rmse": float(np.sqrt(square[worst]))}
            cases.setdefault(errors.method, []).append(case)
    return [
        case
        for found in cases.values()
        for case in sorted(found, key=lambda case: -case["force_rmse"])[:count]
    ]


def described(dataset, errors, geometry: int) -> dict:
    """A row of `worst_cases` but for its force_rmse."""
    ranges, m = row_ranges(dataset), errors.molecule
    conformers = slice(*ranges["conformer"][m : m + 2])
    energy = dataset["energy"].values[conformers]
    relative = float(energy[geometry] - energy.mean())
    size = errors.force.shape[1]
    first = ranges["position"][m] + geometry * size
    force = -dataset["gradients"].values[first : first + size]
    numbers = dataset["atomic_number"].values[slice(*ranges["atom"][m : m + 2])]
    sizes = np.linalg.norm(errors.force[geometry], axis=1)
    atom = int(sizes.argmax())
    return {
        "method": errors.method,
        "index": m,
        "molecule": str(dataset["molecule_id"].values[m]),
        "split": str(dataset["split"].values[m]),
        "geometry": geometry,
        "kind": str(dataset["geometry_kind"].values[conformers][geometry]),
        "temperature_kelvin": float(dataset["temperature"].values[conformers][geometry]),
        "qm_energy": relative,
        "predicted_energy": relative + float(errors.energy[geometry]),
        "atom": atom,
        "element": ELEMENTS.GetElementSymbol(int(numbers[atom])),
        "qm_force": float(np.linalg.norm(force[atom])),
        "predicted_force": float(np.linalg.norm(force[atom] - errors.force[geometry, atom])),
        "force_error": float(sizes[atom]),
        "atom_errors": sizes,
    }
