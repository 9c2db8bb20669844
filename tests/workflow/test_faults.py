"""Bad input and failure: one clear sentence, a non-zero exit, nothing computed is lost."""

import os
import shutil
import subprocess
import sys

import pytest

from checkout import PSI4_SPEC, XTB_SPEC, Checkout, wait_until

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
WITH_XTB = {"qm": {"reference": XTB_SPEC, "threads": 1, "cost_per_shard": 100, "memory_mb": 500}}


def sentence(output: str, words: str) -> str:
    """The line of the output that holds `words`."""
    return next((line for line in output.splitlines() if words in line), output[-3000:])


def test_misspelt_config_key_is_named_with_what_was_meant(tmp_path):
    checkout = Checkout(tmp_path, TWO, geometries={"conformer_per_molecule": 3})
    answer = checkout.run("--dry-run")
    assert answer.returncode != 0
    assert "unknown key geometries.conformer_per_molecule; did you mean" in answer.stdout
    assert "'conformers_per_molecule'" in answer.stdout


def test_config_value_out_of_range_is_named_with_its_limit(tmp_path):
    checkout = Checkout(tmp_path, TWO, qm={"max_failed_fraction": 1.5})
    answer = checkout.run("--dry-run")
    assert answer.returncode != 0
    assert "qm.max_failed_fraction is 1.5; it must be at most 1" in answer.stdout


def test_unknown_element_in_the_config_is_named_with_the_known_ones(tmp_path):
    checkout = Checkout(tmp_path, TWO, molecules={"elements": ["H", "Xx"]})
    answer = checkout.run("--dry-run")
    assert answer.returncode != 0
    assert "molecules.elements.1 is 'Xx'; it must be one of H, C, N" in answer.stdout


def test_a_run_without_held_out_molecules_says_so_before_it_is_fitted(tmp_path):
    checkout = Checkout(tmp_path, "id,smiles,split\na,O,train\nb,N,train\n", **WITH_XTB)
    answer = checkout.run()
    assert answer.returncode != 0
    assert "none of the 2 accepted molecules is in the split 'test'" in answer.stdout


def test_an_id_given_twice_is_named_with_both_lines(tmp_path):
    checkout = Checkout(tmp_path, "id,smiles\nwater,O\nwater,OO\n")
    answer = checkout.run("--dry-run")
    assert answer.returncode != 0
    assert "line 3: id 'water' was given before, in line 2" in answer.stdout


def test_missing_psi4_is_one_sentence_with_three_ways_out(tmp_path):
    checkout = Checkout(tmp_path, TWO)
    answer = checkout.run(FORCELADDER_PSI4="/nonexistent/psi4")
    assert answer.returncode != 0
    said = sentence(answer.stdout, "Psi4 was not found")
    for way in ("apt-get install psi4", "conda install -c conda-forge psi4", "gfn2-xtb"):
        assert way in said
    assert "Traceback" not in answer.stdout
    assert answer.stdout.count("Psi4 was not found") <= 2  # once as it happens, once in a log


def test_without_psi4_gfn2_xtb_carries_the_whole_run(tmp_path):
    checkout = Checkout(tmp_path, TWO, **WITH_XTB)
    answer = checkout.run(FORCELADDER_PSI4="/nonexistent/psi4")
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert "fitted to GFN2-xTB" in answer.stdout
    assert "Empty file path" not in answer.stdout


def test_a_run_in_which_every_molecule_is_rejected_says_so(tmp_path):
    checkout = Checkout(tmp_path, "id,smiles\na,C1CC\nb,C[SeH]\n", **WITH_XTB)
    answer = checkout.run()
    assert answer.returncode != 0
    assert "no molecule reached the QM stage; rejected.csv says why" in answer.stdout
    assert (checkout.results / "rejected.csv").read_text().count("\n") == 3


def test_missed_gate_stops_the_release_and_says_by_how_much(tmp_path):
    checkout = Checkout(
        tmp_path, TWO, **WITH_XTB, gates={"max_test_force_rmse_kcal_per_angstrom": 0.001}
    )
    answer = checkout.run()
    assert answer.returncode != 0
    said = sentence(answer.stdout, "not released")
    assert "max_test_force_rmse_kcal_per_angstrom" in said and "missed by" in said
    assert not checkout.release.exists()
    assert (checkout.results / "validation" / "gates.csv").exists()


def test_too_many_failed_records_stop_the_run_and_keep_the_verdicts(tmp_path):
    limits = {"max_force_kcal_per_angstrom": 1e-6}
    checkout = Checkout(tmp_path, TWO, qm={**WITH_XTB["qm"], "limits": limits})
    answer = checkout.run()
    assert answer.returncode != 0
    said = sentence(answer.stdout, "QM records were not accepted")
    assert "8 of 8" in said and "large_force" in said and "verdicts.csv" in said
    assert (checkout.results / "qm" / XTB_SPEC / "verdicts.csv").read_text().count("\n") == 9


def test_killed_qm_job_costs_the_calculation_under_way_and_no_other(tmp_path, psi4_version):
    """kill -9 in mid-run; the rerun computes what is missing, in that job alone."""
    molecules = "id,smiles,split\nwater,O,train\nmethanol,CO,test\n"
    frames = {"frames_per_temperature": 5, "conformers_per_molecule": 1, "frame_interval_fs": 20}
    one_each = {"cost_per_shard": 1, "threads": 1, "memory_mb": 500}
    checkout = Checkout(tmp_path, molecules, geometries=frames, qm=one_each)
    target = f"results/tiny/qm/{PSI4_SPEC}/verdicts.csv"
    process = checkout.start("--cores", "1", target)
    job = checkout.job("compute_qm")
    wait_until(lambda: len(checkout.cached()) >= 2)
    children = job.children(recursive=True)
    job.kill()
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert not any(child.is_running() and "psi4" in " ".join(child.cmdline()) for child in children)
    # the other shard was computed to its end, the killed one as far as it came
    survived = checkout.cached()
    assert checkout.jobs_done(output).get("compute_qm") == 1
    assert 6 <= len(survived) < 12
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "qm_cache").rglob("*.xz")}

    answer = checkout.run("--cores", "1", target)
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert checkout.jobs_done(answer.stdout)["compute_qm"] == 1
    assert len(checkout.cached()) == 12
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    logs = (checkout.results / "logs" / "compute_qm" / PSI4_SPEC).glob("*.log")
    said = " ".join(path.read_text() for path in logs)
    assert f"6 calculations done ({len(survived) - 6} from the cache)" in said


def test_killed_fit_resumes_where_it_was(tmp_path):
    rung = {"network": {"width": 16, "layers": 1, "torsion_orders": 2}}
    training = {"epochs": 1500, "evaluate_every": 10, "checkpoint_every": 10}
    checkout = Checkout(tmp_path, TWO, **WITH_XTB, rungs={"class1": {**rung, "training": training}})
    target = "results/tiny/models/class1/seed-0"
    process = checkout.start(target)
    wait_until(lambda: (checkout.results / "checkpoints/class1/seed-0.pt").exists())
    checkout.job("fit_rung").kill()
    process.communicate(timeout=120)
    assert process.returncode != 0
    answer = checkout.run(target)
    assert answer.returncode == 0, answer.stdout[-3000:]
    log = (checkout.results / "logs/fit_rung/class1/seed-0.log").read_text()
    assert "resumed at epoch" in log


def test_full_disk_is_one_sentence_and_room_brings_the_run_to_its_end(tmp_path, tiny_disk):
    """The cache is on the small disk: what fits in stays, what is missing is computed later."""
    disk = tiny_disk("small", "200k")
    cache = disk / "cache"
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - 24 * 1024))
    home = tmp_path / "home"
    home.mkdir()
    checkout = Checkout(home, TWO, qm={**WITH_XTB["qm"], "cache": str(cache)})
    target = f"results/tiny/qm/{XTB_SPEC}/verdicts.csv"
    answer = checkout.run("--cores", "1", target)
    assert answer.returncode != 0
    said = sentence(answer.stdout, "no room left to write")
    assert str(cache) in said and "free space there and run again" in said
    assert "Traceback (most recent call last)" not in answer.stdout.split("RuleException")[0]
    survived = checkout.cached(cache)
    assert 0 < len(survived) < 8
    assert not list(cache.rglob(".*.xz.*")), "half-written files stay behind"
    filler.unlink()
    assert checkout.run("--cores", "1", target).returncode == 0
    assert survived < checkout.cached(cache) and len(checkout.cached(cache)) == 8


def test_an_installed_library_of_another_version_does_not_stand_in_for_this_one(tmp_path):
    checkout = Checkout(tmp_path / "run", "id,smiles\nwater,O\n")
    other = tmp_path / "elsewhere" / "forceladder"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ImportError('the wrong library')\n")
    wanted = "results/tiny/molecules/c01-0000.json"
    answer = checkout.run("--", wanted, PYTHONPATH=str(other.parent))
    assert (checkout.folder / wanted).exists(), answer.stdout[-2000:]
    assert "wrong library" not in answer.stdout


def test_another_working_directory_finds_the_defaults(tmp_path):
    """--directory elsewhere: the documented defaults lie beside the Snakefile, not there."""
    checkout = Checkout(tmp_path / "here", TWO, **WITH_XTB)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(checkout.folder / "molecules.csv", elsewhere)
    shutil.copy(checkout.folder / "tiny.yaml", elsewhere)
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", str(checkout.folder / "Snakefile"),
        "--directory", str(elsewhere), "--configfile", "tiny.yaml", "--dry-run",
    ]  # fmt: skip
    answer = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    assert "assemble_release" in answer.stdout, answer.stdout + answer.stderr


def test_what_needs_no_cores_asks_for_none(tmp_path):
    """A cluster's executor has none either."""
    checkout = Checkout(tmp_path / "run", "id,smiles,split\nwater,O,train\nmethane,C,test\n")
    command = [sys.executable, "-m", "snakemake", "--configfile", "tiny.yaml", "--unlock"]
    answer = subprocess.run(
        command, cwd=checkout.folder, env=checkout.environment(), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr


def test_snakefiles_are_free_of_lint(tmp_path):
    checkout = Checkout(tmp_path, TWO)
    command = [sys.executable, "-m", "snakemake", "--lint", "--configfile", "tiny.yaml"]
    answer = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ}
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert checkout.folder == tmp_path
