"""Putting a release together from what the other rules made."""

import shutil
from pathlib import Path

from forceladder import files
from forceladder.molecules.domain import DOMAIN
from forceladder.release.account import account_of
from forceladder.release.contents import contents_of
from forceladder.release.decision import require_release
from forceladder.release.ensemble import copy_models
from forceladder.release.lineage import LINEAGE, lineage_of
from forceladder.release.manifest import write_manifest
from forceladder.release.report import (
    render_citation,
    render_model_card,
    render_report,
    render_summary,
)
from forceladder.release.shown import copy_shown, read_shown
from forceladder.release.view import view_of
from forceladder.training_set.dataset import read_training_set

MOLECULE_TABLES = ("molecules", "rejected", "left_out")  # at the top of a release
TEXTS = {"report": "report.html", "summary": "summary.txt", "card": "MODEL_CARD.md",
         "citation": "CITATION.cff"}  # fmt: skip


def write_report(outputs, inputs, shown: dict, methods: dict[str, str], config: dict):
    """Write what people read of a run, whether or not its gates pass, and what it was made from.

    inputs, outputs: named paths as rule write_report lists them
    shown: name → path or paths, those of the inputs that the report shows
    methods: rung → its name in the error tables
    """
    contents = contents_of(read_training_set(inputs.training_set))
    account = account_of(inputs, methods, config, contents)
    content = read_shown(shown, list(methods))
    if (previous := content["facts"].get("previous")) is not None:
        account["previous"] = {key: previous[key] for key in ("name", "version", "manifest_sha256")}
    view = view_of(content, account, contents.molecules)
    files.write_text(outputs.report, render_report(view))
    files.write_text(outputs.summary, render_summary(view))
    files.write_text(outputs.card, render_model_card(view))
    files.write_text(outputs.citation, render_citation(view))
    files.write_json(outputs.account, account)


def assemble_release(folder: Path, inputs, shown: dict, config: dict):
    """Fill an empty folder with the release; its manifest is written last.

    inputs: named paths as rule assemble_release lists them; models, systems one per rung,
        ensemble one per rung and further seed
    shown: the inputs among these that the report shows
    raises: GateError, before anything is copied
    """
    account = files.read_json(inputs.account)
    rungs, seeds = account["rungs"], config["fit"]["seeds"]
    content = read_shown(shown, rungs)
    require_release(content, inputs.report)
    more = len(seeds) - 1  # models of a rung beside the released one
    hidden = shutil.ignore_patterns(".*")  # Snakemake's marks
    for k, rung in enumerate(rungs):
        members = [inputs.models[k], *inputs.ensemble[k * more : (k + 1) * more]]
        copy_models(dict(zip(seeds, members, strict=True)), folder / "models" / rung)
        shutil.copytree(inputs.systems[k], folder / "systems" / rung, ignore=hidden)
    for name in MOLECULE_TABLES:
        shutil.copyfile(inputs[name], folder / f"{name}.csv")
    validated = {name: path for name, path in shown.items() if name not in MOLECULE_TABLES}
    copy_shown(validated, rungs, folder)
    files.write_json(folder / "config.json", config)
    dataset, tables = read_training_set(inputs.training_set), content["tables"]
    files.write_json(folder / DOMAIN, contents_of(dataset).domain._asdict())
    lineage = lineage_of(dataset, tables["verdicts"], tables["ledger"], account)
    files.write_json(folder / LINEAGE, lineage)
    for name, target in TEXTS.items():
        shutil.copyfile(inputs[name], folder / target)
    write_manifest(folder, account)


def said_of_release(folder) -> str:
    """Where a release is, with its errors and gates."""
    text = Path(folder, "summary.txt").read_text()
    return f"The release is in {folder}; open its report.html.\n\n{text}"


def said_of_stopped(results) -> str:
    """Where the report of a run is that its gates stopped, with its errors and gates."""
    text = Path(results, "summary.txt").read_text()
    return f"There is no release; {Path(results, 'report.html')} shows why.\n\n{text}"
