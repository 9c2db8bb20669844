"""Licences, citation and known failures are those of what went into the release."""

import importlib.metadata
import re

import pytest
import yaml

from forceladder import files
from forceladder.release.works import DISPERSION, MACE, TOOLS, works_of
from small_runs import CONFIG, texts

# Metadata say less than the licence file: two say nothing, OpenMM an old one of its own
SILENT = ("geometric", "torsiondrive", "openmm")
WORDS = {"PSF-based": "Python Software Foundation", "BSD-3-Clause": "BSD"}


@pytest.mark.parametrize("work", [*TOOLS, DISPERSION, MACE], ids=lambda work: work.name)
def test_a_licence_is_what_the_installed_package_says_of_itself(work):
    if not work.package or work.package in SILENT:
        return
    try:
        metadata = importlib.metadata.metadata(work.package)
    except importlib.metadata.PackageNotFoundError:
        return
    said = [metadata["License-Expression"], metadata["License"]]
    said += metadata.get_all("Classifier") or []
    wanted = WORDS.get(work.licence, work.licence)
    assert any(re.search(f"{wanted}|{wanted.split('-')[0]} Soft", t) for t in said if t), said


def test_works_follow_the_rungs_and_the_level_of_theory():
    account = {"config": CONFIG, "rungs": ["class1"], "engine": {"engine": "psi4"},
               "spec": CONFIG["qm"]["specs"]["b3lyp-d3bj_dzvp"]}  # fmt: skip
    names = {work.name for work in works_of(account)}
    assert {"Psi4", "OpenFF Sage 2.3.0", "Electronegativity equalization"} <= names
    assert "MACE" not in names
    account |= {"rungs": ["mlff"], "engine": {"engine": "gfn2-xtb"}, "spec": {}}
    names = {work.name for work in works_of(account)}
    assert names == {work.name for work in TOOLS}


def test_the_model_card_says_scope_failures_and_licences(small_run):
    rows = files.read_json(small_run.shown["stability"][1])
    rows[2]["survival"] = {"300 K": 1.0, "500 K": 0.25}
    rows[3]["nve_drift"] = {"0.5 fs": 0.1, "1 fs": None}  # what died has no drift
    files.write_json(small_run.shown["stability"][1], rows)
    card = texts(small_run)["card"]
    everything = "in 100 % of its trajectories at constant energy, 1 fs"
    assert f"class2: {rows[3]['molecule']} broke {everything}." in card
    assert "Net charges of the training molecules: -1 to 1 e." in card
    assert f"class2: {rows[2]['molecule']} broke in 75 % of its trajectories at 500 K." in card
    assert "class1: no trajectory broke, of 14 molecules." in card
    worst = re.search("class1, largest force errors: (.*?) kcal", card)[1]
    assert worst == "COC (test) 16, C=C (test) 15, CN (validation) 14"
    assert "| OpenFF Sage 2.3.0 | Lennard-Jones parameters |  | CC-BY-4.0 |" in card
    assert "- 1 not used: net_force" in card and "molecule selenol rejected" in card
    assert "Energy offset" in card
    assert not [line for line in card.splitlines() if re.search(r"\|\|\||{{|{%", line)]


def test_the_citation_is_whole_and_has_no_date(small_run):
    citation = yaml.safe_load(texts(small_run)["citation"])
    assert {"cff-version", "message", "title", "authors", "version"} <= citation.keys()
    assert citation["authors"] == [{"name": "the authors of small"}]
    assert citation["version"] == "0.1.0" and "date-released" not in citation
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
    dois = {reference.get("doi") for reference in citation["references"]}
    assert {"10.1021/acs.jctc.3c00039", "10.1021/ci034148o"} <= dois
    small_run.config["release"] = small_run.config["release"] | {"authors": ['A. "B" C: D']}
    assert yaml.safe_load(texts(small_run)["citation"])["authors"] == [{"name": 'A. "B" C: D'}]
