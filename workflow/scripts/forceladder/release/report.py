"""What people read of a release: summary, model card and HTML report."""

from collections import Counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rdkit.Chem import MolFromSmiles

from forceladder.job import log
from forceladder.qm.verdicts import ACCEPTED
from forceladder.release.gates import GATES
from forceladder.tables import number


def render_report(report: dict) -> str:
    """One HTML file that needs nothing else: pictures inline, no network."""
    drawings = {row["id"]: molecule_drawing(row["smiles"]) for row in report["molecules"]}
    return _template("report.html.j2").render(**_view(report), drawings=drawings)


def render_model_card(report: dict) -> str:
    """Markdown: scope, data, errors, gates and licences of a release."""
    return _template("MODEL_CARD.md.j2").render(**_view(report))


def render_summary(report: dict) -> str:
    """Plain text for a terminal: errors by method and split, then the gates."""
    return _template("summary.txt.j2").render(**_view(report))


def _template(name: str):
    folder = Path(__file__).parent / "templates"
    html = name.endswith(".html.j2")
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=html, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["three"] = three_digits
    environment.filters["interval"] = interval
    return environment.get_template(name)


def _view(report: dict) -> dict:
    """The report's data with what templates should not have to work out."""
    verdicts = Counter(row["verdict"] for row in report["verdicts"])
    methods = list(dict.fromkeys(row["method"] for row in report["split_errors"]))
    splits = list(dict.fromkeys(row["split"] for row in report["split_errors"]))
    by_cell = {(row["method"], row["split"]): row for row in report["split_errors"]}
    by_molecule = {(r["molecule"], r["method"]): r for r in report["molecule_errors"]}
    return report | {
        "methods": methods,
        "splits": splits,
        "error_of": lambda method, split: by_cell.get((method, split)),
        "molecule_error_of": lambda molecule, method: by_molecule.get((molecule, method)),
        "gates": [_gate(row) for row in report["gates"]],
        "records": len(report["verdicts"]),
        "has_scans": any(row["kind"] == "torsion_scan" for row in report["verdicts"]),
        "accepted": verdicts.pop(ACCEPTED, 0),
        "refused": verdicts,
        "core_hours": core_hours(report["ledger"]),
        "calculations": sum(int(row["calculations"]) for row in report["ledger"]),
        "corrected": [
            rung
            for rung in report["manifest"]["rungs"]
            if "correction" in report["manifest"]["config"]["rungs"][rung]["terms"]
        ],
        "engines": {
            rung: engine_table(said["proof"], said["engines"])
            for rung, said in report["rungs"].items()
        },
        "packages": {k: v for k, v in report["manifest"]["packages"].items() if v},
    }


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


def _gate(row: dict) -> dict:
    """A gate for reading; small numbers keep their exponent."""
    gate, passed = GATES[row["gate"]], row["passed"] == "True"
    outcome = "passed" if passed else "waived" if row["waiver"] else "missed"
    return {
        "rung": row["rung"], "label": gate.label, "unit": gate.unit, "sign": gate.sign,
        "value": three_digits(row["value"]), "limit": three_digits(row["limit"]),
        "passed": passed, "waiver": row["waiver"], "outcome": outcome,
    }  # fmt: skip


def three_digits(value) -> str:
    """Three significant digits; a dash where there is no number."""
    value = number(value) if isinstance(value, str) else value
    if value is None or value != value:
        return "–"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3g}"


def interval(row: dict, quantity: str) -> str:
    """'[low, high]' of a row of split_errors, empty where none was drawn."""
    low, high = row[f"{quantity}_low"], row[f"{quantity}_high"]
    return f"[{three_digits(low)}, {three_digits(high)}]" if low and high else ""


def molecule_drawing(smiles: str) -> str:
    """SVG element of a molecule, to stand inline in HTML; empty where RDKit cannot draw."""
    try:
        from rdkit.Chem.Draw import rdMolDraw2D  # its wheel needs X libraries of the system
    except ImportError as error:
        log.warning("no drawing of %s: %s", smiles, error)
        return ""
    drawer = rdMolDraw2D.MolDraw2DSVG(150, 105)
    drawer.drawOptions().clearBackground = False
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, MolFromSmiles(smiles))
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    return text[text.index("<svg") :]
