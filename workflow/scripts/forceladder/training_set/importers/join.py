"""A run's own molecules and its imports → one training set."""

import numpy as np

from forceladder.errors import ConfigError
from forceladder.training_set.dataset import (
    join_datasets,
    provenance,
    select_conformers,
    select_molecules,
)


def join_imports(own, imports: dict, leave_out_flags: list[str], min_conformers: int):
    """Training set of a run's own molecules and then, by name, those of its imports.

    own: xarray.Dataset      imports: xarray.Dataset by name of the import
    leave_out_flags: imported conformers with one of these flags stay out
    returns: xarray.Dataset, list of rejections (id, code, reason)
    raises: ConfigError if an id stands for two molecules or twins sit in two splits
    """
    if not imports:
        return own, []
    parts, left_out = [own], []
    for dataset in imports.values():
        clean = select_conformers(dataset, ~np.isin(dataset["flag"].values, leave_out_flags))
        count = clean["conformer_count"].values
        for row in np.flatnonzero(count < min_conformers):
            left_out.append(
                {
                    "id": str(clean["molecule_id"].values[row]),
                    "code": "too_few_conformers",
                    "reason": f"{count[row]} imported conformers without a flag of training_set."
                    f"leave_out_flags, fewer than training_set.min_conformers {min_conformers}.",
                }
            )
        parts.append(select_molecules(clean, np.flatnonzero(count >= min_conformers)))
    sources = provenance(own) | {"imports": {k: provenance(v) for k, v in imports.items()}}
    joined = join_datasets(parts, sources)
    check_ids(joined)
    check_twins(joined)
    return joined, left_out


def check_ids(dataset):
    """Raise ConfigError if two ids differ by case alone: files are named after them."""
    seen = {}
    for name in map(str, dataset["molecule_id"].values):
        if seen.setdefault(name.lower(), name) is not name:
            raise ConfigError(
                f"the id {name} stands for two molecules; give the molecule of the molecule file, "
                "or the import, another name."
            )


def check_twins(dataset):
    """Raise ConfigError if near twins, own or imported, sit in different splits.

    Near twins share the first block of the InChIKey; see molecules.read.check_splits.
    """
    seen = {}
    columns = (dataset[name].values for name in ("molecule_id", "inchikey", "split"))
    for name, inchikey, split in zip(*columns, strict=True):
        twin, its_split = seen.setdefault(inchikey.split("-")[0], (name, split))
        if its_split != split:
            raise ConfigError(
                f"{twin} ({its_split}) and {name} ({split}) are the same molecule, or differ in "
                "stereochemistry, protonation or tautomer alone; put them in the same split, in "
                "the molecule file or by the split of an import, or one would test what the "
                "other has taught."
            )
