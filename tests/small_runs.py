"""What the rules leave of a small run: as much of it as a report and a release are made from."""

import re
from pathlib import Path

import yaml

from conftest import SCRIPTS
from force_fields import topology
from forceladder import files
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS as PROOF_COLUMNS
from forceladder.model.checkpoint import save_model
from forceladder.qm.ledger import COLUMNS as LEDGER_COLUMNS
from forceladder.release.assemble import assemble_release, write_report
from forceladder.release.gates import COLUMNS as GATE_COLUMNS
from forceladder.tables import write_table
from forceladder.training_set.dataset import row_ranges, write_training_set
from ladder import LADDER, ladder_rung

CONFIG = yaml.safe_load((SCRIPTS.parents[1] / "config/config.yaml").read_text())
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>{}</title></svg>'
FORCE = "max_test_force_rmse_kcal_per_angstrom"
RUNGS = ("class1", "class2")


class Named(dict):
    """Paths by name, as Snakemake hands them to a script."""

    def __getattr__(self, name):
        return self[name]


class SmallRun:
    """Files of a run with two rungs of random models, whose errors are made up.

    inputs: all that the rules write_report and assemble_release have; shown: those of the report
    """

    def __init__(self, folder: Path, dataset, models=None, version="0.1.0"):
        self.folder, self.dataset, self.methods = folder, dataset, {rung: rung for rung in RUNGS}
        graph = topology("CCO")
        self.models = models or {rung: ladder_rung(graph, LADDER[rung]) for rung in RUNGS}
        release = CONFIG["release"] | {"name": "small", "version": version}
        self.config = CONFIG | {"run": "small", "release": release}
        write_training_set(dataset, folder / "training_set.nc")
        files.write_json(folder / "engine.json", {"engine": "gfn2-xtb", "version": "0.8.0"})
        (folder / "table.csv").write_text("id,smiles\n")
        self.write_models()
        self.shown = Named(self.tables() | self.of_rungs() | self.pictures())
        self.inputs = Named(
            self.shown,
            training_set=str(folder / "training_set.nc"),
            molecule_file=str(folder / "table.csv"),
            engine=str(folder / "engine.json"),
            models=[str(folder / "models" / rung) for rung in RUNGS],
            systems=[str(folder / "systems" / rung) for rung in RUNGS],
            ensemble=[],
        )
        names = {"report": "report.html", "summary": "summary.txt", "card": "MODEL_CARD.md",
                 "citation": "CITATION.cff",
                 "account": "account.json"}  # fmt: skip
        self.outputs = Named({name: str(folder / file) for name, file in names.items()})

    def write_models(self):
        for rung, model in self.models.items():
            (self.folder / "models" / rung).mkdir(parents=True)
            save_model(model, self.folder / "models" / rung)
            settings = {"terms": list(LADDER[rung]), **CONFIG["fit"]}
            fit = {"seed": 0, "device": "cpu", "threads": 1, "settings": settings}
            files.write_json(self.folder / "models" / rung / "fit.json", fit)
            (self.folder / "systems" / rung).mkdir(parents=True)
            for parameters in molecule_parameters(model, self.dataset):
                name = files.as_name(parameters["id"])
                files.write_json(self.folder / "systems" / rung / f"{name}.json", parameters)

    def tables(self) -> dict:
        names, splits = (list(map(str, self.dataset[k].values)) for k in ("molecule_id", "split"))
        first = row_ranges(self.dataset)["conformer"]
        of_molecules = [
            {"id": name, "split": split, "smiles": name, "mapped_smiles": mapped}
            for name, split, mapped in zip(
                names, splits, map(str, self.dataset["mapped_smiles"].values), strict=True
            )
        ]
        verdicts = [
            {"molecule": name, "geometry": row, "kind": "sampled", "verdict": "accepted",
             "cpu_seconds": 2.0,
             "digest": str(self.dataset["record_digest"].values[first[m] + row])}
            for m, name in enumerate(names) for row in range(first[m + 1] - first[m])
        ]  # fmt: skip
        bad = {"molecule": names[0], "geometry": 99, "kind": "sampled", "verdict": "net_force"}
        verdicts.append(bad | {"cpu_seconds": 2.0, "digest": "f" * 64})
        ledger = [
            {"level_of_theory": "GFN2-xTB", "molecule": name, "kind": "gradients",
             "outcome": "success", "calculations": 5, "core_seconds": 10.0, "retries": 0,
             "retry_core_seconds": 0.0}
            for name in names
        ]  # fmt: skip
        errors = [
            {"method": method, "molecule": name, "split": split, "conformers": 5,
             "force_components": 15, "force_rmse": 3.0 + k, "energy_rmse": 1.0}
            for method in RUNGS for k, (name, split) in enumerate(zip(names, splits, strict=True))
        ]  # fmt: skip
        split_errors = [
            {"method": method, "split": split, "molecules": 2, "missing": 0, "force_rmse": 5.0,
             "force_rmse_low": "", "force_rmse_high": "", "energy_rmse": 1.0,
             "energy_rmse_low": "", "energy_rmse_high": ""}
            for method in RUNGS for split in ("train", "test")
        ]  # fmt: skip
        rejected = [{"id": "selenol", "line": 5, "code": "element_not_allowed", "reason": "Se"}]
        columns = ["id", "line", "code", "reason"]
        return {
            "molecules": self.table("molecules", of_molecules),
            "rejected": self.table("rejected", rejected, columns),
            "left_out": self.table("left_out", [], columns),
            "verdicts": self.table("verdicts", verdicts),
            "ledger": self.table("ledger", ledger, LEDGER_COLUMNS),
            "molecule_errors": self.table("molecule_errors", errors),
            "split_errors": self.table("split_errors", split_errors),
            "gates": self.gates(),
        }

    def gates(self, value=5.0, limit=15.0, waiver="") -> str:
        """gates.csv of one gate."""
        rows = [
            {"rung": rung, "gate": FORCE, "value": value, "limit": limit,
             "passed": value <= limit, "waiver": waiver}
            for rung in RUNGS
        ]  # fmt: skip
        return self.table("gates", rows, GATE_COLUMNS)

    def of_rungs(self) -> dict:
        found: dict[str, list] = {"stability": [], "proof": [], "engines": []}
        for rung in RUNGS:
            rows = [
                {"molecule": str(name), "survival": {"300 K": 1.0}, "survival_ps": {"300 K": 9.0},
                 "nve_drift": {"0.5 fs": 0.1}, "nve_fluctuation": {"0.5 fs": 0.1}}
                for name in self.dataset["molecule_id"].values
            ]  # fmt: skip
            files.write_json(self.folder / rung / "stability.json", rows)
            found["stability"].append(str(self.folder / rung / "stability.json"))
            found["proof"].append(self.table(f"{rung}/proof", [], PROOF_COLUMNS))
            columns = ["engine", "outcome", "reason", "molecules"]
            found["engines"].append(self.table(f"{rung}/engines", [], columns))
        return found

    def pictures(self) -> dict:
        of_all = ("verdicts", "measures", "ledger", "errors", "parity", "torsion_scans")
        return {f"{name}_plot": self.picture(name) for name in of_all} | {
            f"{name}_plot": [self.picture(f"{rung}/{name}") for rung in RUNGS]
            for name in ("stability", "history")
        }

    def table(self, name, rows, columns=None) -> str:
        write_table(self.folder / f"{name}.csv", rows, columns or list(rows[0]))
        return str(self.folder / f"{name}.csv")

    def picture(self, name) -> str:
        files.write_text(self.folder / f"{name}.svg", PICTURE.format(name))
        return str(self.folder / f"{name}.svg")


def texts(run) -> dict[str, str]:
    """The outputs of rule write_report by name."""
    write_report(run.outputs, run.inputs, run.shown, run.methods, run.config)
    return {name: open(path).read() for name, path in run.outputs.items()}


def release(run, folder):
    """What rule assemble_release makes, after `texts`."""
    folder.mkdir()
    assemble_release(folder, Named(run.inputs | run.outputs), run.shown, run.config)
    return folder


def words(html: str) -> str:
    """What a reader sees of a page."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.S).split())
