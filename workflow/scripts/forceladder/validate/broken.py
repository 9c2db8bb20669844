"""Trajectories in which a molecule died: kept, to be looked at."""

from typing import NamedTuple

import numpy as np
from rdkit import Chem

from forceladder import files
from forceladder.molecules.positions import with_positions
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.tables import write_table

COLUMNS = ["file", "molecule", "trajectory", "cause", "time_ps", "frames", "phrase"]


class Death(NamedTuple):
    """Frames around the death of one molecule: its looks before and after it.

    died: ps      time: [frames] ps      energy: [frames] kcal/mol
    deviation: [frames] Å      positions: [frames, atoms, 3] Å
    """

    molecule: str
    mol: Chem.Mol
    trajectory: str
    cause: str
    phrase: str
    died: float
    time: np.ndarray
    energy: np.ndarray
    deviation: np.ndarray
    positions: np.ndarray


def deaths(dataset, trajectories) -> list[Death]:
    """Of all trajectories of a method, in the order of the molecules.

    dataset: the training set      trajectories: a dataset of MD_FIELDS
    """
    found, frame, row = [], 0, 0
    smiles = {
        str(name): str(s)
        for name, s in zip(
            dataset["molecule_id"].values, dataset["mapped_smiles"].values, strict=True
        )
    }  # fmt: skip
    for k, m in enumerate(trajectories["broken_molecule"].values):
        name = str(trajectories["molecule_id"].values[m])
        mol = molecule_from_mapped_smiles(smiles[name])
        count, atoms = int(trajectories["broken_frame_count"].values[k]), mol.GetNumAtoms()
        here, there = slice(frame, frame + count), slice(row, row + count * atoms)
        frame, row = frame + count, row + count * atoms
        trajectory = str(trajectories["broken_name"].values[k])
        found.append(
            Death(
                name, mol, trajectory, *_how(trajectories, m, trajectory),
                float(trajectories["broken_time"].values[k]),
                trajectories["broken_frame_time"].values[here],
                trajectories["broken_energy"].values[here],
                trajectories["broken_deviation"].values[here],
                trajectories["broken_positions"].values[there].reshape(count, atoms, 3),
            )
        )  # fmt: skip
    return found


def _how(trajectories, molecule: int, name: str) -> tuple[str, str]:
    """Cause and phrase of a trajectory, by its name: nve-0.5fs, nvt-300K-1."""
    kind, setting, *replica = name.split("-")
    if kind == "nve":
        steps = [f"{step:g}fs" for step in trajectories["nve_timestep"].values]
        place = molecule, steps.index(setting)
    else:
        kelvins = [f"{kelvin:g}K" for kelvin in trajectories["nvt_temperature"].values]
        place = molecule, kelvins.index(setting), int(replica[0])
    cause, phrase = (str(trajectories[f"{kind}_{what}"].values[place])
                     for what in ("cause", "phrase"))  # fmt: skip
    return cause, phrase


def write_broken(folder, dataset, trajectories):
    """A folder with one SDF file of many geometries for each death, and deaths.csv, which lists
    them; its rows are none where nothing broke."""
    rows = []
    with files.atomic_directory(folder) as temporary:
        for death in deaths(dataset, trajectories):
            name = files.as_name(f"{death.molecule}_{death.trajectory}") + ".sdf"
            files.write_text(temporary / name, "".join(_records(death)))
            rows.append(
                {
                    "file": name, "molecule": death.molecule, "trajectory": death.trajectory,
                    "cause": death.cause, "time_ps": round(death.died, 6),
                    "frames": len(death.time), "phrase": death.phrase,
                }
            )  # fmt: skip
        write_table(temporary / "deaths.csv", rows, COLUMNS)


def _records(death: Death):
    """SDF records, bonds as drawn."""
    for time, energy, deviation, x in zip(
        death.time, death.energy, death.deviation, death.positions, strict=True
    ):
        # far fragments do not fit the ten columns of a V2000 coordinate
        far = bool(np.abs(x).max() > 9999.0)
        block = Chem.MolToMolBlock(with_positions(death.mol, x), forceV3000=far)
        title = f"{death.molecule} {death.trajectory} {time:.4f} ps"
        said = {
            "time_ps": f"{time:.4f}", "after_death": str(bool(time >= death.died - 1e-9)),
            "energy_kcal_per_mol": f"{energy:.6f}", "bond_deviation_angstrom": f"{deviation:.4f}",
            "cause": death.cause,
        }  # fmt: skip
        yield title + block[block.index("\n") :]
        yield "".join(f">  <{key}>\n{value}\n\n" for key, value in said.items()) + "$$$$\n"
