"""What templates should not have to work out: rows by what they are looked up by, numbers as read.

All rows are those of tables, as strings.
"""

import math
from collections import Counter

from forceladder.qm.verdicts import ACCEPTED
from forceladder.release.decision import reasons_against
from forceladder.release.gates import GATES, passed_fraction
from forceladder.release.regressions import idle_waivers
from forceladder.release.works import works_of
from forceladder.tables import number
from forceladder.training_set.chosen import FIRST, chosen_rows


def view_of(shown: dict, account: dict, molecules: list[dict]) -> dict:
    """Everything that a template may name.

    shown: of `read_shown`      account: of `account_of`      molecules: of `Contents`
    """
    tables = shown["tables"]
    verdicts = Counter(row["verdict"] for row in tables["verdicts"])
    by_cell = {(row["method"], row["split"]): row for row in tables["split_errors"]}
    by_molecule = {(row["molecule"], row["method"]): row for row in tables["molecule_errors"]}
    return shown | {
        "manifest": account,
        "molecules": molecules,
        "chosen": said_of_chosen(molecules, account["config"]["validation"]["max_molecules"]),
        "against": reasons_against(shown),
        "methods": list(dict.fromkeys(row["method"] for row in tables["split_errors"])),
        "splits": list(dict.fromkeys(row["split"] for row in tables["split_errors"])),
        "error_of": lambda method, split: by_cell.get((method, split)),
        "molecule_error_of": lambda molecule, method: by_molecule.get((molecule, method)),
        "gates": [gate_row(row) for row in tables["gates"]],
        "rejected": tables["rejected"] + tables["left_out"],
        "records": len(tables["verdicts"]),
        "accepted": verdicts.pop(ACCEPTED, 0),
        "refused": verdicts,
        "core_hours": core_hours(tables["ledger"]),
        "calculations": sum(int(row["calculations"]) for row in tables["ledger"]),
        "corrected": [
            rung
            for rung in account["rungs"]
            if "correction" in account["config"]["rungs"][rung]["terms"]
        ],
        "engines": {
            rung: engine_table(said["proof"], said["engines"])
            for rung, said in shown["rungs"].items()
        },
        "geometries": geometry_tables(tables.get("geometry_summary", [])),
        "probes": probe_table(tables.get("probe_summary", [])),
        "changes": changes_of(tables.get("changes", []), account["config"]["waivers"]),
        **failures_of(shown, account),
        "works": works_of(account),
        "moved": moved_parameters(tables.get("parameter_changes", []), account),
        "packages": {k: v for k, v in account["run"]["packages"].items() if v},
    }


def said_of_chosen(molecules: list[dict], most: int) -> str:
    """Which molecules have MD, relaxations and probes, where not all of them have.

    molecules: of `Contents`      most: the config's `validation.max_molecules`
    """
    splits = [row["split"] for row in molecules]
    chosen = [splits[row] for row in chosen_rows([row["id"] for row in molecules], splits, most)]
    if len(chosen) == len(splits):
        return ""
    parts = [f"{chosen.count(s)} of {splits.count(s)} {s}" for s in FIRST if s in splits]
    return (
        f"MD, relaxations and probes are of {len(chosen)} of {len(splits)} molecules: "
        f"{', '.join(parts)}; energies and forces are compared for all."
    )


def changes_of(rows: list[dict], waivers: list[dict]) -> dict:
    """Rows of changes.csv by what became of them, the largest first, before them those without a
    relative change; waived: those that need a waiver and have it; idle: waivers that nothing
    needs."""
    ordered = sorted(
        rows, key=lambda row: -abs(number(row["relative"])) if row["relative"] else -math.inf
    )
    found = {
        change: [row for row in ordered if row["change"] == change]
        for change in ("worse", "better", "not comparable")
    }
    waived = [row for row in found["worse"] if row["waiver"]]
    return found | {"rows": rows, "waived": waived, "idle": idle_waivers(rows, waivers)}


def failures_of(shown: dict, account: dict, most: int = 3) -> dict:
    """Of a rung: worst_of, its molecules of largest force error; worst_groups_of, held-out groups
    likewise, where the run has them; broken_of, molecules and temperatures, or time
    steps of NVE, at which a trajectory broke. Of all: unmeasured, rows without a number; charged,
    rungs that have charges; charge_sum, the largest error of a sum of charges."""
    tables, methods = shown["tables"], account["methods"]

    def largest(rows):
        known = [row for row in rows if row["force_rmse"]]
        return sorted(known, key=lambda row: -number(row["force_rmse"]))[:most]

    def of_method(table, rung):
        return [row for row in tables.get(table, []) if row["method"] == methods[rung]]

    def broken_of(rung):
        found = []
        for row in shown["rungs"][rung]["stability"]:
            steps = row["nve_drift"].items()  # without a drift: died
            lives = row["survival"] | {
                f"constant energy, {step}": 0.0 for step, drift in steps if drift is None
            }
            found += [
                {"molecule": row["molecule"], "where": where, "survival": alive}
                for where, alive in lives.items()
                if alive < 1.0
            ]
        return found

    sums = [
        abs(number(row["difference"]))
        for said in shown["rungs"].values()
        for row in said["proof"]
        if row["quantity"] == "sum"
    ]
    rungs = account["config"]["rungs"]
    return {
        "worst_of": lambda rung: largest(of_method("molecule_errors", rung)),
        "worst_groups_of": lambda rung: largest(
            row for row in of_method("group_errors", rung) if row["split"] == "test"
        ),
        "broken_of": broken_of,
        "unmeasured": [row for row in tables["molecule_errors"] if not row["force_rmse"]],
        "charged": [rung for rung in account["rungs"] if "coulomb" in rungs[rung]["terms"]],
        "charge_sum": max(sums, default=None),
    }


# Measures of geometry_summary.csv that the report shows, all others are in the file: their headings
GEOMETRIES = {
    "profile_rmse": "torsion profiles, RMSE",
    "barrier_error": "highest barrier, error",
    "boltzmann_distance": "Boltzmann weights at 300 K, total variation",
    "minimum_rmsd": "minima, RMSD",
    "minimum_tfd": "minima, TFD",
    "dde": "ΔΔE of minima, RMSE",
    "frequency_rmse": "vibrations, RMSE",
    "zero_point_error": "zero-point energy, error",
}


def geometry_tables(rows: list[dict]) -> list[dict]:
    """Of each split that has any, held-out molecules first: its name, how many molecules, headings
    (title, unit) of the measures that have values, and method → their rows in that order."""
    tables = []
    for split in ("test", "validation", "train"):
        cells = {
            (row["method"], row["measure"]): row
            for row in rows
            if row["split"] == split and row["value"]
        }
        measures = [name for name in GEOMETRIES if any(name == key[1] for key in cells)]
        if measures:
            units = {key[1]: row["unit"] for key, row in cells.items()}
            table = {
                method: [cells.get((method, name)) for name in measures]
                for method in dict.fromkeys(method for method, _ in cells)
            }
            most = max(int(row["molecules"]) for row in cells.values())
            headings = [(GEOMETRIES[name], units[name]) for name in measures]
            tables.append({"split": split, "molecules": most, "headings": headings, "rows": table})
    return tables


def probe_table(rows: list[dict]) -> list[dict]:
    """Of each method: physics and probes, the fraction of checks that passed, and rows of the
    checks that failed."""
    table = []
    for method in dict.fromkeys(row["method"] for row in rows):
        here = [row for row in rows if row["method"] == method]
        table.append(
            {"method": method, "failed": [row for row in here if row["failed"] != "0"]}
            | {part: passed_fraction(part)({"probes": here}) for part in ("physics", "probes")}
        )
    return table


def moved_parameters(rows: list[dict], account: dict, most: int = 8) -> list[dict]:
    """Of each rung the parameters that moved most, if at all; rows of parameter_changes.csv."""
    tolerance = account["config"]["release"]["parameter_tolerance_fraction"]
    moved = [row for row in rows if number(row["largest_relative"]) > tolerance]
    return [
        row for rung in account["rungs"] for row in [r for r in moved if r["rung"] == rung][:most]
    ]


def engine_table(proof: list[dict], outcomes: list[dict]) -> list[dict]:
    """One row per engine: molecules and terms that were held against the training code, the
    largest differences in energy and force, and why there are not more.

    proof, outcomes: rows of proof.csv and engines.csv
    """
    engines = ["OpenMM", *dict.fromkeys(row["engine"] for row in outcomes)]
    table = []
    for engine in engines:
        rows = [row for row in proof if row["engine"] == engine]
        counts = {"proven": len({row["molecule"] for row in rows})}
        for row in outcomes:
            if row["engine"] == engine and row["outcome"] != "proven":
                counts[row["outcome"]] = counts.get(row["outcome"], 0) + int(row["molecules"])
        worst = {
            quantity: max(
                (abs(number(r["difference"])) for r in rows if r["quantity"] == quantity),
                default=None,
            )
            for quantity in ("energy", "force")
        }
        reasons = [row["reason"] for row in outcomes if row["engine"] == engine and row["reason"]]
        terms = {row["term"] for row in rows if "+" not in row["term"]}
        table.append({"engine": engine, **worst, "counts": counts, "terms": len(terms),
                      "reasons": list(dict.fromkeys(reasons))})  # fmt: skip
    return table


def core_hours(ledger: list[dict]) -> float:
    """Of all calculations, retries included."""
    columns = ("core_seconds", "retry_core_seconds")
    return sum(number(row[column]) for row in ledger for column in columns) / 3600.0


def gate_row(row: dict) -> dict:
    """A gate for reading; small numbers keep their exponent."""
    gate, passed = GATES[row["gate"]], row["passed"] == "True"
    outcome = "passed" if passed else "waived" if row["waiver"] else "missed"
    value, limit = three_digits(row["value"]), three_digits(row["limit"])
    if value == limit and not passed:
        value = f"{number(row['value']):.6g}"  # never as if it had kept the limit
    return {
        "rung": row["rung"], "label": gate.label, "unit": gate.unit, "sign": gate.sign,
        "value": value, "limit": limit,
        "passed": passed, "waiver": row["waiver"], "outcome": outcome,
    }  # fmt: skip


def percent(fraction: float) -> str:
    """A tenth of a per cent, never rounded up; a dash where there is no number."""
    return f"{math.floor(1000.0 * fraction) / 10.0:.1f} %" if fraction == fraction else "–"


def three_digits(value) -> str:
    """Three significant digits; a dash where there is no number."""
    value = number(value) if isinstance(value, str) else value
    if value is None or value != value:
        return "–"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3g}"


def interval(row: dict, quantity: str = "") -> str:
    """'[low, high]' of a quantity in a row of split_errors, or of a row that has but one; empty
    where none was drawn."""
    low, high = (row[f"{quantity}_{end}" if quantity else end] for end in ("low", "high"))
    return f"[{three_digits(low)}, {three_digits(high)}]" if low and high else ""


def is_numeral(cell) -> bool:
    """Whether a cell of a table says a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
