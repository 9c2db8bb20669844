"""From each molecule of a release back to the QM records behind it."""

from collections import Counter

from forceladder.molecules.domain import molecules_by_environment
from forceladder.qm.verdicts import ACCEPTED
from forceladder.tables import number

LINEAGE = "lineage.json.xz"  # in a release


def lineage_of(dataset, verdicts: list[dict], ledger: list[dict], account: dict) -> dict:
    """level_of_theory, engine: of the release's own QM
    molecules: name → mapped_smiles, inchikey, split, level_of_theory; geometries, kind → how many
        the fit saw; records, all of them: digest (its address in the QM cache), kind, verdict,
        core_seconds; calculations and core_seconds, with all steps, of the ledger
    environments: → names of the training molecules that have such an atom
    imports: provenance of the data sets of others; theirs are molecules named import.label,
        whose records have no verdict of ours

    dataset: the training set      verdicts, ledger: rows of the tables, as strings
    account: of `account_of`
    """
    molecules = dict(described_molecules(dataset))
    for row in verdicts:
        if row["molecule"] in molecules:  # those with too few records are not in the training set
            molecules[row["molecule"]]["records"].append(
                {"digest": row["digest"], "kind": row["kind"], "verdict": row["verdict"],
                 "core_seconds": number(row["cpu_seconds"]) if row["cpu_seconds"] else None}
            )  # fmt: skip
    for row in ledger:
        if row["molecule"] in molecules:
            entry = molecules[row["molecule"]]
            entry["calculations"] += int(row["calculations"])
            entry["core_seconds"] += number(row["core_seconds"]) + number(row["retry_core_seconds"])
    training = {
        name: entry["mapped_smiles"]
        for name, entry in molecules.items()
        if entry["split"] == "train"
    }
    return {
        "level_of_theory": account["level_of_theory"],
        "engine": account["engine"],
        "molecules": molecules,
        "environments": molecules_by_environment(training),
        "imports": account["imports"],
    }


def described_molecules(dataset):
    """(name, entry of `lineage_of` without its own records) of every molecule of a training set."""
    keys = ("mapped_smiles", "inchikey", "split", "level_of_theory")
    first = 0
    for m, name in enumerate(dataset["molecule_id"].values):
        end = first + int(dataset["conformer_count"].values[m])
        entry: dict = {key: str(dataset[key].values[m]) for key in keys}
        kinds = dataset["geometry_kind"].values[first:end]
        entry |= {"geometries": dict(Counter(map(str, kinds))), "records": []}
        yield str(name), entry | {"calculations": 0, "core_seconds": 0.0}
        first = end


def accepted(entry: dict) -> list[dict]:
    """The records of a molecule that the fit could use."""
    return [record for record in entry["records"] if record["verdict"] == ACCEPTED]
