"""The whole workflow on four molecules and three poison ones, with Psi4 as the reference."""

import csv
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import openmm
import pytest
import qcelemental.models.v1 as qcschema

from checkout import PROJECT, PSI4_SPEC
from forceladder import files
from forceladder.provenance import file_digest
from forceladder.release.manifest import verify
from forceladder.release.sameness import same_release
from forceladder.training_set.dataset import read_training_set

pytestmark = pytest.mark.workflow

LADDER = ("class1", "class2", "delta", "mlff", "bespoke")


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def released_weights(run, rung) -> dict:
    with np.load(run.release / "models" / rung / "weights.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_the_run_ends_with_the_release_its_errors_and_its_gates(run):
    _, end = run.output.split("The release is in results/tiny/releases/tiny-0.0.1")
    for words in ("force RMSE", *LADDER, "MMFF94", "UFF", "GFN2-xTB", "passed"):
        assert words in end


def test_poison_molecules_are_listed_with_line_and_reason_and_cost_nothing_else(run):
    """A duplicate is no poison, but just as little a molecule of the release."""
    rejected = {row["id"]: row for row in table(run.results / "rejected.csv")}
    assert {name: (row["line"], row["code"]) for name, row in rejected.items()} == {
        "open-ring": ("5", "parse_failed"),
        "selenol": ("6", "element_not_allowed"),
        "doublet-methane": ("7", "impossible_multiplicity"),
        "twin": ("8", "duplicate"),
    }
    assert "Se" in rejected["selenol"]["reason"]
    assert "multiplicity 2" in rejected["doublet-methane"]["reason"]
    accepted = {row["id"] for row in table(run.results / "molecules.csv")}
    assert accepted == {"methanol", "water", "ammonium", "formaldehyde"}


def test_records_are_qcschema_with_gradients_of_the_level_asked_for(run):
    paths = list((run.results / "qm" / PSI4_SPEC / "records").glob("*/*.jsonl.xz"))
    assert len(paths) == 5  # the twin's too: the same tasks, found in the cache
    for path in paths:
        records = files.read_json_lines(path)
        assert len(records) == 4  # one conformer, three frames
        for record in records:
            result = qcschema.AtomicResult(**record)
            assert result.provenance.creator == "Psi4"
            assert (result.model.method, result.model.basis) == ("b3lyp-d3bj", "dzvp")
            assert np.shape(result.return_result) == (len(result.molecule.symbols), 3)
            assert np.abs(result.return_result).max() > 1e-4


def test_training_set_is_complete_and_keeps_the_split(run):
    dataset = read_training_set(run.results / "training_set.nc")
    split = dict(zip(dataset["molecule_id"].values, dataset["split"].values, strict=True))
    assert split == {
        "methanol": "train", "water": "train", "ammonium": "train", "formaldehyde": "test"
    }  # fmt: skip
    assert dataset.sizes["conformer"] == 16
    assert (dataset["grid_count"].values > 100).all()
    provenance = json.loads(dataset.attrs["provenance"])
    assert provenance["level_of_theory"] == "B3LYP-D3BJ/DZVP"


def test_release_says_what_it_was_made_from(run, psi4_version):
    manifest = json.loads((run.release / "manifest.json").read_text())
    assert manifest["level_of_theory"] == "B3LYP-D3BJ/DZVP"
    assert manifest["engine"] == {"engine": "psi4", "version": psi4_version}
    packages = manifest["run"]["packages"]
    assert packages["torch"] and packages["rdkit"]
    assert set(manifest["inputs"]["accepted"]) <= set(manifest["inputs"]["qm_records"])
    assert manifest["inputs"]["splits"]["formaldehyde"] == "test"
    assert manifest["seeds"]["fit"] == dict.fromkeys(LADDER, 0)
    assert set(manifest["inputs"]["qm_records"]) == run.cached()
    assert manifest["config"]["run"] == "tiny"
    assert manifest["molecules"] == {"train": 3, "validation": 0, "test": 1}
    on_disk = {
        path.relative_to(run.release).as_posix()
        for path in run.release.rglob("*")
        if path.is_file()
    }
    outside = {"manifest.json", "manifest.sha256", ".snakemake_timestamp"}
    assert set(manifest["files"]) == on_disk - outside


def test_verify_passes_and_names_a_changed_byte(run, tmp_path):
    assert verify(run.release) == []
    copy = tmp_path / "release"
    shutil.copytree(run.release, copy)
    target = copy / "systems" / "class1" / "water.xml"
    content = bytearray(target.read_bytes())
    content[100] ^= 1
    target.write_bytes(content)
    command = [sys.executable, "-m", "forceladder", "verify", str(copy)]
    answer = subprocess.run(
        command, capture_output=True, text=True, cwd=run.folder / "workflow" / "scripts"
    )
    assert answer.returncode == 1
    assert "systems/class1/water.xml was changed" in answer.stderr


@pytest.mark.parametrize("rung", LADDER)
def test_nothing_in_the_release_is_pickled(run, rung):
    import forceladder

    assert not [p for p in run.release.rglob("*") if p.suffix in (".pt", ".pkl", ".pickle")]
    assert {value.dtype.str for value in released_weights(run, rung).values()} == {"<f8"}
    assert forceladder.load(run.release, rung).model is not None


def test_every_rung_is_fitted_released_and_has_its_pictures(run):
    """One model each; the mechanics of delta are class2's to the bit, as is bespoke's network."""
    models = {rung: released_weights(run, rung) for rung in LADDER}
    for rung in LADDER:
        assert (run.release / "systems" / rung / "methanol.xml").is_file()
        for plot in ("history", "stability"):
            path = run.results / "validation" / rung / "seed-0" / f"{plot}.svg"
            assert path.stat().st_size > 1000
    for name, weight in models["class2"].items():
        if name != "atomic_energy":
            assert np.array_equal(models["delta"][name], weight), name
        assert np.array_equal(models["bespoke"][name], weight), name
    refined = files.read_json(run.release / "models" / "bespoke" / "model.json")
    assert len(refined["bespoke_molecules"]) == 3  # those of the training split
    assert any(name.startswith("correction.") for name in models["delta"])
    assert models["mlff"]["atomic_energy"][[1, 6, 7, 8]].all()
    record = files.read_json(run.results / "models" / "delta" / "seed-0" / "fit.json")
    weights = run.results / "models" / "class2" / "seed-0" / "weights.npz"
    assert record["base_sha256"] == [file_digest(weights)]


@pytest.mark.parametrize("rung", ["class1", "class2", "bespoke"])
def test_released_system_and_freshly_parametrized_molecule_have_the_same_energy(run, rung):
    import forceladder
    from forceladder.export.openmm.evaluation import openmm_energy_and_gradient

    molecule = forceladder.load(run.release, rung).parametrize("CO")
    text = (run.release / "systems" / rung / "methanol.xml").read_text()
    positions = molecule.positions()
    energy, gradient = openmm_energy_and_gradient(molecule.to_openmm(), positions)
    again, same = openmm_energy_and_gradient(openmm.XmlSerializer.deserialize(text), positions)
    assert again == pytest.approx(energy, abs=1e-9)
    assert np.abs(gradient - same).max() < 1e-9


WITHOUT_THE_WORKFLOWS_PACKAGES = """
import sys
absent = "ase dftd3 dgl jinja2 jsonschema matplotlib openff qcelemental snakemake tblite"
for name in absent.split():
    sys.modules[name] = None
"""


def test_the_readmes_ten_lines_run_with_what_pip_installs(run):
    """The packages of pyproject.toml alone; all others are made impossible to import."""
    readme = (PROJECT / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len([line for line in code.splitlines() if line and "import" not in line]) <= 10
    released = "results/quickstart/releases/quickstart-0.1.0"
    assert released in code
    code = code.replace(released, str(run.release))
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_WORKFLOWS_PACKAGES + code],
        cwd=run.folder / "workflow" / "scripts", capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().endswith("kJ/mol")


def test_a_molecule_of_unknown_elements_is_refused_in_one_sentence(run):
    import forceladder
    from forceladder.errors import MoleculeError

    with pytest.raises(MoleculeError, match="holds Cl; this release was fitted to C, H, N, O"):
        forceladder.load(run.release, "class1").parametrize("CCl")


class Sources(HTMLParser):
    """What the tags of a page, but for its links, lead to."""

    def handle_starttag(self, tag, attributes):
        self.found = getattr(self, "found", [])
        self.found += [v for k, v in attributes if k in ("src", "href", "data") and tag != "a"]


def test_report_needs_no_network(run):
    """test_reports.py opens it in a browser, where there is one."""
    html, page = (run.release / "report.html").read_text(), Sources()
    page.feed(html)
    assert page.found == [] and "@import" not in html
    assert html.count("<svg") >= 2 + 2 * len(LADDER) + 4  # of all, of each rung, of molecules
    assert "open-ring" in html and "parse_failed" in html


def test_snakemakes_own_report_holds_the_pictures(run):
    answer = run.run("--report", "report.html")
    assert (run.folder / "report.html").stat().st_size > 100_000, answer.stdout[-2000:]


def test_the_summary_can_be_asked_for_at_any_time(run):
    command = [sys.executable, "-m", "forceladder", "summary", "config/config.yaml", "tiny.yaml"]
    path = str(run.folder / "workflow" / "scripts")
    answer = subprocess.run(
        command,
        cwd=run.folder,
        env=run.environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
    )
    assert "The release is in results/tiny/releases/tiny-0.0.1" in answer.stdout
    assert "passed  class1" in answer.stdout


def test_unchanged_rerun_does_nothing(run):
    answer = run.run()
    assert answer.returncode == 0
    assert "Nothing to be done" in answer.stdout


def test_an_edited_room_reruns_its_rules_and_no_qm(run):
    room = run.folder / "workflow" / "scripts" / "forceladder" / "validate" / "errors.py"
    text = room.read_text()
    try:
        room.write_text(text + "\n# edited\n")
        plan = run.planned()
    finally:
        room.write_text(text)
    assert "score_errors" in plan and "assemble_release" in plan
    assert "compute_qm" not in plan and "fit_rung" not in plan


def test_a_new_molecule_reruns_only_its_own_qm(run):
    """Placed last but one: it changes the molecule file for good."""
    before = run.cached()
    path = run.folder / "molecules.csv"
    text = path.read_text()
    path.write_text(text + "hydrogen-peroxide,OO,,,train\n")
    plan = run.planned()
    assert plan["compute_qm"] == plan["generate_geometries"] == 1
    path.write_text(text)
    assert run.cached() == before


def test_the_second_release_says_what_changed_since_the_first(run):
    """Nothing has: the same models, so that a fix of the version is enough."""
    run.configure(release={"version": "0.0.2"})
    try:
        answer = run.run()
    finally:
        run.configure()
    assert answer.returncode == 0, answer.stdout[-4000:]
    assert "fit_rung" not in run.jobs_done(answer.stdout)
    folder = run.results / "releases" / "tiny-0.0.2"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["previous"]["version"] == "0.0.1"
    known = json.loads((folder / "validation/previous.json").read_text())
    assert (known["level"], known["why"], known["refusal"]) == ("Z", [], "")
    rows = table(folder / "validation/changes.csv")
    assert {row["kind"] for row in rows} >= {"split", "molecule", "gate", "stability"}
    assert {row["change"] for row in rows} <= {"same", "not comparable"}
    assert {row["rung"] for row in rows} == set(LADDER)
    html = (folder / "report.html").read_text()
    assert "Against tiny 0.0.1" in html and "Nothing got worse." in html
    # the same data and selection, so but for its name the same release
    differing = same_release(run.release, folder, tolerance=0.0)
    assert {phrase.split(" is ")[0] for phrase in differing} == {
        "version",
        "config.release.version",
    }


def test_a_missed_gate_stops_the_release_and_the_report_says_by_how_much(run):
    limits = {"max_test_force_rmse_kcal_per_angstrom": 1.0e-3}
    run.configure(release={"version": "0.0.3"}, gates=limits)
    try:
        answer = run.run()
        told = run.forceladder("summary", "--stopped", "config/config.yaml", "tiny.yaml")
    finally:
        run.configure()
    assert answer.returncode != 0
    assert not (run.results / "releases" / "tiny-0.0.3").exists()
    html = (run.results / "report.html").read_text()
    for text in (answer.stdout, told.stdout, html):
        for rung in LADDER:
            assert f"{rung}: held-out force RMSE (max_test_force_rmse_kcal_per_angstrom)" in text
        assert "kcal/mol/Å, limit 0.001, missed by" in text
    assert "There is no release; results/tiny/report.html shows why." in told.stdout


def test_deleted_results_come_back_from_the_cache_alone(run, tmp_path):
    """Placed last: it runs the whole workflow once more. The release is the same, to the bit on
    the same machine."""
    before, cached = read_training_set(run.results / "training_set.nc"), run.cached()
    kept = {rung: released_weights(run, rung) for rung in LADDER}
    shutil.copytree(run.release, tmp_path / "release")
    shutil.rmtree(run.results)
    answer = run.run()
    assert answer.returncode == 0, answer.stdout[-4000:]
    for path in (run.results / "logs" / "compute_qm" / PSI4_SPEC).glob("*.log"):
        said = re.search(r"(\d+) calculations done \((\d+) from the", path.read_text())
        done, found = said.groups()
        assert done == found
    assert run.cached() == cached
    after = read_training_set(run.results / "training_set.nc")
    assert after.drop_attrs().identical(before.drop_attrs())
    for rung, weights in kept.items():
        again = released_weights(run, rung)
        assert all(np.array_equal(again[name], value) for name, value in weights.items()), rung
    assert same_release(tmp_path / "release", run.release, tolerance=0.0) == []
