"""Putting a release together from what the other rules made."""

import shutil
from pathlib import Path

from forceladder import __version__, files, provenance
from forceladder.molecules.domain import DOMAIN
from forceladder.qm.tasks import level_of_theory
from forceladder.release.contents import Contents, contents_of
from forceladder.release.ensemble import copy_models
from forceladder.release.gates import require_gates
from forceladder.release.manifest import write_manifest
from forceladder.release.report import render_model_card, render_report, render_summary
from forceladder.tables import read_table

PLOTS = ("errors", "parity", "torsion_scans", "verdicts", "measures", "ledger")


def assemble_release(folder: Path, inputs, methods: dict[str, str], config: dict):
    """Fill an empty folder with the release; its manifest is written last.

    inputs: named paths as rule assemble_release lists them; models, systems one per rung,
        ensemble one per rung and further seed, validation five files per rung
    methods: rung → its name in the error tables
    raises: GateError, before anything is copied
    """
    gates = read_table(inputs.gates)
    require_gates(gates)
    seeds, per_rung = config["fit"]["seeds"], {}
    more = len(seeds) - 1  # models of a rung beside the released one
    for k, rung in enumerate(methods):
        own = inputs.validation[5 * k : 5 * k + 5]
        stability, proof, engines, stability_plot, history_plot = own
        hidden = shutil.ignore_patterns(".*")  # Snakemake's marks
        members = [inputs.models[k], *inputs.ensemble[k * more : (k + 1) * more]]
        copy_models(dict(zip(seeds, members, strict=True)), folder / "models" / rung)
        shutil.copytree(inputs.systems[k], folder / "systems" / rung, ignore=hidden)
        for path in own:
            _copy(path, folder / "validation" / rung / Path(path).name)
        per_rung[rung] = {
            "stability": files.read_json(stability),
            "proof": read_table(proof),
            "engines": read_table(engines),
            "stability_plot": Path(stability_plot).read_text(),
            "history_plot": Path(history_plot).read_text(),
            "fit": files.read_json(Path(inputs.models[k], "fit.json")),
        }
    for name in ("molecules", "rejected", "left_out"):
        _copy(inputs[name], folder / f"{name}.csv")
    for name in ("verdicts", "ledger", "molecule_errors", "split_errors", "gates"):
        _copy(inputs[name], folder / "validation" / f"{name}.csv")
    for name in PLOTS:
        _copy(inputs[f"{name}_plot"], folder / "validation" / f"{name}.svg")
    files.write_json(folder / "config.json", config)
    contents = contents_of(inputs.training_set)
    files.write_json(folder / DOMAIN, contents.domain._asdict())
    content = manifest_content(inputs, methods, config, per_rung, contents)
    report = {
        "manifest": content,
        "molecules": contents.molecules,
        "rejected": read_table(inputs.rejected) + read_table(inputs.left_out),
        "verdicts": read_table(inputs.verdicts),
        "molecule_errors": read_table(inputs.molecule_errors),
        "split_errors": read_table(inputs.split_errors),
        "gates": gates,
        "rungs": per_rung,
        "ledger": read_table(inputs.ledger),
        "plots": {name: Path(inputs[f"{name}_plot"]).read_text() for name in PLOTS},
    }
    files.write_text(folder / "summary.txt", render_summary(report))
    files.write_text(folder / "MODEL_CARD.md", render_model_card(report))
    files.write_text(folder / "report.html", render_report(report))
    write_manifest(folder, content)


def said_of_release(folder) -> str:
    """Where a release is, with its errors and gates."""
    text = Path(folder, "summary.txt").read_text()
    return f"The release is in {folder}; open its report.html.\n\n{text}"


def manifest_content(inputs, methods, config, per_rung, contents: Contents) -> dict:
    """Everything that the release was made from; the digests of its files come on top."""
    spec = config["qm"]["specs"][config["qm"]["reference"]]
    return {
        "name": config["release"]["name"],
        "version": config["release"]["version"],
        "forceladder": __version__,
        "rungs": list(methods),
        "methods": methods,
        "elements": contents.domain.elements,
        "level_of_theory": level_of_theory(spec),
        "spec": spec,
        "engine": files.read_json(inputs.engine),
        "seeds": {
            "geometries": config["geometries"]["seed"],
            "fit": {rung: per_rung[rung]["fit"]["seed"] for rung in methods},
            "ensemble": config["fit"]["seeds"][1:],
            "md": {
                rung: (config["md"] | config["rungs"][rung].get("md", {}))["seed"]
                for rung in methods
            },
            "bootstrap": config["validation"]["bootstrap_seed"],
        },
        "molecules": {
            split: sum(row["split"] == split for row in contents.molecules)
            for split in ("train", "validation", "test")
        },
        "geometries": contents.kinds,
        "imports": contents.imports,
        "fitted_to": ["energies", "forces", "dipoles"]
        + (["electrostatic potentials"] if spec.get("esp") else []),
        "inputs": {
            "training_set_sha256": provenance.file_digest(inputs.training_set),
            "molecules_sha256": provenance.file_digest(inputs.molecule_file),
            "qm_records": [row["digest"] for row in read_table(inputs.verdicts)],
        },
        "code": provenance.code_commit(),
        "packages": provenance.package_versions(),
        "machine": provenance.machine(),
        "config": config,
    }


def _copy(source, target: Path):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
