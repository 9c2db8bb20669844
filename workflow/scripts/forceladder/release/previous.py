"""The release before this one: which it is, and what of it can be compared."""

from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError, ReleaseError
from forceladder.provenance import file_digest
from forceladder.release.manifest import MANIFEST
from forceladder.release.versions import numbers_of
from forceladder.tables import read_table

AUTO = "auto"


def find_previous(previous: str | None, name: str, version: str, releases) -> Path | None:
    """Folder of the release to compare with, None for none.

    previous: the config's release.previous: a folder, null, or 'auto', the highest lower version
        of this name in `releases`, the folder of the run's own
    raises: ReleaseError for a folder that is no release
    """
    if previous is None:
        return None
    if previous != AUTO:
        folder = Path(previous)
        if not (folder / MANIFEST).is_file():
            raise ReleaseError(
                f"release.previous is {previous}, which has no {MANIFEST}; name a release's "
                "folder, auto, or null."
            )
        return folder
    found = []
    for folder in Path(releases).glob(f"{name}-*"):
        try:
            found.append((numbers_of(folder.name.removeprefix(f"{name}-")), folder))
        except ValueError:
            continue
    earlier = [(v, f) for v, f in found if v < numbers_of(version) and (f / MANIFEST).is_file()]
    return max(earlier, default=(None, None))[1]


def read_previous(folder: Path) -> dict:
    """name, version, level_of_theory, manifest_sha256; rungs: name → settings of its fit;
    splits: InChIKey → split; gates: rows; stability: rung → rows.

    raises: ReleaseError where the format is one that this version cannot compare with
    """
    try:
        manifest = files.read_json(folder / MANIFEST)
        models = {rung: folder / "models" / rung for rung in manifest["rungs"]}
        fits = {rung: files.read_json(model / "fit.json") for rung, model in models.items()}
        return {
            "name": manifest["name"],
            "version": manifest["version"],
            "level_of_theory": manifest["level_of_theory"],
            "manifest_sha256": file_digest(folder / MANIFEST),
            "rungs": {rung: fit["settings"] for rung, fit in fits.items()},
            "splits": {row["inchikey"]: row["split"] for row in molecules_of(folder)},
            "gates": read_table(folder / "validation/gates.csv"),
            "stability": {
                rung: files.read_json(folder / "validation" / rung / "stability.json")
                for rung in manifest["rungs"]
            },
        }
    except (OSError, LookupError, TypeError, ValueError, CorruptFileError) as error:
        raise unreadable(folder, error) from error


def molecules_of(folder: Path) -> list[dict]:
    """inchikey and split of every molecule; releases from before lineages list their own alone."""
    from forceladder.release.lineage import LINEAGE  # brings rdkit; the Snakefile has none

    if (folder / LINEAGE).exists():
        return list(files.read_json(folder / LINEAGE)["molecules"].values())
    return read_table(folder / "molecules.csv")


def splits_of(old: dict, dataset) -> dict[str, str]:
    """Molecule of a training set → its split in the previous release, '' where it was not in it."""
    keys = dataset["inchikey"].values.astype(str)
    names = dataset["molecule_id"].values.astype(str)
    return {name: old["splits"].get(key, "") for name, key in zip(names, keys, strict=True)}


def unreadable(folder: Path, error: Exception) -> ReleaseError:
    """One sentence on a release that cannot be compared with."""
    reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
    return ReleaseError(
        f"the release {folder} cannot be compared with ({reason}); name another as "
        "release.previous, or null."
    )
