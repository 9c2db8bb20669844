"""Models of one rung in a release that differ in the seed of their fit alone.

The first is the force field: it is what validation, MD and the gates saw. The others lie within its
folder and say, by how far they scatter, how sure it is of each parameter. Their mean is no model
that anyone has tested.
"""

import shutil
from pathlib import Path

ENSEMBLE = "ensemble"


def copy_models(models: dict[int, Path], folder: Path):
    """Put models of a rung, seed → folder, the released one first, into its folder of a release."""
    hidden = shutil.ignore_patterns(".*")  # Snakemake's marks
    first, *others = models.items()
    shutil.copytree(first[1], folder, ignore=hidden)
    for seed, model in others:
        shutil.copytree(model, folder / ENSEMBLE / f"seed-{seed}", ignore=hidden)


def member_folders(folder: Path) -> list[Path]:
    """Folders of the models of a rung, the released one first, the others by seed; what else lies
    there is none of them."""
    members = (path for path in folder.glob(f"{ENSEMBLE}/seed-*") if path.name[5:].isdecimal())
    return [folder, *sorted(members, key=seed_of_folder)]


def seed_of_folder(folder: Path) -> int:
    return int(folder.name.partition("-")[2])
