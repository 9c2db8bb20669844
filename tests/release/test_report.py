"""A report says first whether a run is released; what stops it is named in every text."""

import re
from html.parser import HTMLParser

import pytest

from forceladder import files
from forceladder.cli import main
from forceladder.errors import GateError
from forceladder.release.manifest import verify
from forceladder.release.report import SECTIONS, TEMPLATES
from forceladder.release.view import gate_row
from small_runs import release, texts, words

REASON = "The two test molecules are ethers, of which there is one to learn from."


def test_a_run_that_keeps_its_limits_is_released_as_its_report_says(small_run, tmp_path):
    said = texts(small_run)
    assert words(said["report"].split("</nav>")[1]).startswith("Released as small 0.1.0")
    folder = release(small_run, tmp_path / "release")
    assert verify(folder) == []
    assert (folder / "report.html").read_text() == said["report"]
    assert (folder / "MODEL_CARD.md").read_text() == said["card"]
    assert (folder / "validation/class2/stability.svg").read_text().count("class2/stability")
    names = {path.name for path in (folder / "validation").iterdir()}
    assert {"gates.csv", "verdicts.csv", "errors.svg", "class1"} <= names
    assert "molecules.csv" not in names


def test_a_missed_limit_stops_the_release_but_not_the_report(small_run, tmp_path):
    small_run.gates(value=16.5)
    said = texts(small_run)
    phrase = (
        "class2: held-out force RMSE (max_test_force_rmse_kcal_per_angstrom) is 16.5 kcal/mol/Å, "
        "limit 15, missed by 1.5 (10 %)"
    )
    assert words(said["report"].split("</nav>")[1]).startswith("Not released, for 2 reasons")
    for name in ("report", "summary", "card"):
        assert phrase in said[name], name
    with pytest.raises(GateError) as caught:
        release(small_run, tmp_path / "release")
    assert phrase in str(caught.value) and "report.html" in str(caught.value)
    assert list((tmp_path / "release").iterdir()) == []


def test_a_waiver_releases_and_is_printed_wherever_people_look(small_run, tmp_path):
    small_run.gates(value=16.5, waiver=REASON)
    said = texts(small_run)
    for name in ("report", "summary", "card"):
        assert REASON in said[name], name
    folder = release(small_run, tmp_path / "release")
    assert REASON in (folder / "validation/gates.csv").read_text()
    small_run.gates(value=14.5, waiver=REASON)
    said = texts(small_run)
    for name in ("report", "summary", "card"):
        assert re.search("waiver.* not needed", said[name]), name


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.anchors, self.outside = [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a":
            self.targets.append(given["href"])
        if tag == "section":
            self.anchors.append(f"#{given['id']}")
        self.outside += [given[k] for k in ("src", "data", "href") if k in given and tag != "a"]


def test_navigation_leads_to_every_section_and_nothing_leads_outside(small_run):
    page = Links()
    html = texts(small_run)["report"]
    page.feed(html)
    assert page.targets == page.anchors
    assert page.outside == [] and "@import" not in html and "url(" not in html
    here = {anchor[1:] for anchor in page.anchors}
    assert {"gates", "errors", "molecules", "provenance"} <= here
    # a run without scans, probes, a front or an earlier release has no such sections
    assert here.isdisjoint({"geometries", "probes", "front", "changes"})


def test_every_section_is_a_file_of_its_own():
    assert all((TEMPLATES / "report" / f"{name}.html.j2").is_file() for name in SECTIONS)


def section_of(small_run, name: str) -> str:
    html = texts(small_run)["report"]
    return html.split(f'<section id="{name}">')[1].split("</section>")[0]


def test_geometries_are_a_table_by_split_with_held_out_molecules_first(small_run):
    rows = [
        {"method": method, "split": split, "measure": measure, "unit": "kcal/mol", "value": value,
         "low": 0.1, "high": 9.5, "molecules": 4}
        for method in ("class1", "UFF")
        for split, measure, value in (
            ("train", "profile_rmse", 2.0), ("test", "profile_rmse", 3.25), ("test", "dde", "")
        )
    ]  # fmt: skip
    small_run.shown["geometry_summary"] = small_run.table("geometry_summary", rows)
    section = (
        texts(small_run)["report"].split('<section id="geometries">')[1].split("</section>")[0]
    )
    assert section.index("test, 4 molecules") < section.index("train, 4 molecules")
    assert section.count("3.25") == 2 and section.count("[0.1, 9.5]") == 4
    assert "torsion profiles" in section and "ΔΔE" not in section


def test_probes_of_every_method_say_which_checks_failed(small_run):
    base = {"part": "probes", "unit": "kcal/mol", "limit": 0.5, "unmeasured": 0, "reasons": ""}
    rows = [
        {"method": "class1", "check": "bond_hole", "molecules": 4, "failed": 0, "worst": 0.0,
         "worst_molecule": "x"} | base,
        {"method": "UFF", "check": "bond_hole", "molecules": 4, "failed": 1, "worst": 12.5,
         "worst_molecule": "ethane"} | base,
    ]  # fmt: skip
    small_run.shown["probe_summary"] = small_run.table("probe_summary", rows)
    section = section_of(small_run, "probes")
    assert "100.0 %" in section and "75.0 %" in section
    rows[0] |= {"molecules": 9999, "failed": 3}
    rows[1] |= {"molecules": 0, "failed": 0, "worst": ""}
    small_run.shown["probe_summary"] = small_run.table("probe_summary", rows)
    again = section_of(small_run, "probes")
    assert "99.9 %" in again and "100.0 %" not in again and "nan" not in again
    assert "bond hole (1 of 4, ethane 12.5 kcal/mol, limit 0.5)" in section


def test_texts_say_which_molecules_have_md_relaxations_and_probes_where_not_all_have(small_run):
    asked = "MD, relaxations and probes are of"
    assert not any(asked in text for text in texts(small_run).values())
    validation = small_run.config["validation"] | {"max_molecules": 3}
    small_run.config = small_run.config | {"validation": validation}
    for path in small_run.inputs.stability:
        files.write_json(path, files.read_json(path)[-3:])
    said = texts(small_run)
    sentence = f"{asked} 3 of 14 molecules: 2 of 2 test, 1 of 2 validation, 0 of 10 train;"
    for name in ("report", "card", "summary"):
        assert sentence in said[name], name
    assert "no trajectory broke, of 3 molecules" in said["card"]
    section = said["report"].split('<section id="molecules">')[1].split("</section>")[0]
    assert section.count("300 K: 100 %") == 3 * 2
    assert section.count('<td class="n">–</td>') == (14 - 3) * 2


def test_a_table_or_picture_more_is_a_name_more(small_run):
    rows = [{"method": "class1", "error_kcal": 1.23456, "front": "True"}]
    page = small_run.folder / "front.html"
    page.write_text('<p title="x">to move about in</p>')
    small_run.shown["front_page"] = str(page)
    small_run.shown["front"] = small_run.table("front", rows)
    small_run.shown["front_plot"] = small_run.picture("front")
    section = section_of(small_run, "front")
    assert "<title>front</title>" in section and "1.23" in section and "error_kcal" in section
    assert 'srcdoc="&lt;p title=&#34;x&#34;&gt;to move about in&lt;/p&gt;"' in section


def test_every_picture_has_a_caption(small_run):
    html = texts(small_run)["report"]
    for figure in re.findall("<figure>.*?</figure>", html, re.S):
        caption = re.search("<figcaption>(.*)</figcaption>", figure, re.S)
        assert caption and len(caption[1].split()) > 5


def test_words_of_molecules_cannot_be_markup(small_run):
    rows = [{"id": "<script>alert(1)</script>", "line": 2, "code": "x", "reason": "<b>&"}]
    small_run.table("rejected", rows)
    html = texts(small_run)["report"]
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_the_last_words_of_a_stopped_run_say_where_its_report_is(
    small_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text("run: small\nrelease: {name: small, version: 0.1.0}\n")
    assert main(["summary", "--stopped", str(config)]) == 1
    assert capsys.readouterr().out == ""
    results = tmp_path / "results/small"
    results.mkdir(parents=True)
    small_run.gates(value=16.5)
    said = texts(small_run)
    (results / "summary.txt").write_text(said["summary"])
    for words_ in (["--stopped"], []):
        assert main(["summary", *words_, str(config)]) == 1
        out = capsys.readouterr().out
        assert "There is no release; results/small/report.html shows why." in out
        assert "MISSED  class1" in out and "missed by 1.5 (10 %)" in out
    small_run.gates()
    texts(small_run)
    release(small_run, results / "releases-of-it").rename(tmp_path / "made")
    (results / "releases").mkdir()
    (tmp_path / "made").rename(results / "releases/small-0.1.0")
    assert main(["summary", "--stopped", str(config)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["summary", str(config)]) == 0
    assert "The release is in results/small/releases/small-0.1.0" in capsys.readouterr().out


def test_a_number_that_missed_its_limit_is_not_rounded_to_it():
    row = {"rung": "x", "gate": "min_probes_passed_fraction", "value": "0.99971", "limit": "1.0",
           "passed": "False", "waiver": ""}  # fmt: skip
    assert gate_row(row)["value"] == "0.99971"
    assert gate_row(row | {"value": "1.0", "passed": "True"})["value"] == "1"
