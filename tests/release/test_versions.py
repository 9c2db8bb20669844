"""X form or strategy, Y numbers, Z fix: too small a step is one sentence."""

import pytest

from forceladder.errors import ReleaseError
from forceladder.files import write_json
from forceladder.release.previous import find_previous, read_previous
from forceladder.release.versions import judged_version, least_version

CLASS1 = {
    "terms": ["bond_harmonic", "coulomb"], "network": {"width": 64}, "loss_weights": {"force": 1.0},
    "training": {"epochs": 500, "force_loss": "mean_square"},
}  # fmt: skip
LEVEL = "B3LYP-D3BJ/DZVP"
SHIFT = {
    "rung": "class1", "term": "bond_harmonic", "parameter": "length", "unit": "angstrom",
    "molecule": "furan", "atoms": "0-1", "largest_shift": 0.01, "largest_relative": 0.1,
}  # fmt: skip


def release(version, level=LEVEL, **rungs):
    return {"version": version, "level_of_theory": level, "rungs": rungs or {"class1": CLASS1}}


FORMS = [
    (release("0", class1=CLASS1 | {"terms": ["bond_quartic", "coulomb"]}), "class1 has other"),
    (release("0", class1=CLASS1 | {"network": {"width": 32}}), "network.width was 64 and is 32"),
    (release("0", class1=CLASS1 | {"loss_weights": {"force": 2.0}}), "loss_weights.force was 1.0"),
    (release("0", class1=CLASS1 | {"training": {"force_loss": "mean_norm"}}), "training.force_lo"),
    (release("0", class1=CLASS1 | {"base": "class0"}), "class1: base was None and is class0"),
    (release("0", class2=CLASS1), "the rung class1 is gone"),
    (release("0", level="HF/6-31G*"), "the level of theory was B3LYP-D3BJ/DZVP and is HF/6-31G*"),
]  # fmt: skip
NUMBERS = [
    (release("0"), [SHIFT], "class1: bond_harmonic length of furan 0-1 moved by 0.01 angstrom"),
    (release("0", class1=CLASS1, class2=CLASS1), [], "the rung class2 is new"),
]
NOTHING = [
    (release("0"), []),
    (release("0"), [SHIFT | {"largest_relative": 9e-4}]),
    (release("0", class1=CLASS1 | {"training": CLASS1["training"] | {"epochs": 9}}), []),
    (release("0", class1=CLASS1 | {"network": {"width": 64, "unheard_of": 1}}), []),
]


def judged(old_version, version, new, shifts):
    return judged_version(release(old_version), new | {"version": version}, shifts, 1e-3)


@pytest.mark.parametrize(("new", "phrase"), FORMS)
def test_another_form_needs_another_x(new, phrase):
    found = judged("1.4.2", "1.5.0", new, [])
    assert found["level"] == "X" and phrase in found["why"][0]
    assert found["refusal"].startswith("release.version is 1.5.0, but since 1.4.2 its form")
    assert phrase in found["refusal"] and found["refusal"].endswith("it must be 2.0.0 or later")
    assert judged("1.4.2", "2.0.0", new, [])["refusal"] == ""


@pytest.mark.parametrize(("new", "phrase"), FORMS)
def test_while_x_is_zero_another_form_needs_another_y(new, phrase):
    assert judged("0.4.2", "0.4.3", new, [])["refusal"].endswith("it must be 0.5.0 or later")
    assert judged("0.4.2", "0.5.0", new, [])["refusal"] == ""


@pytest.mark.parametrize(("new", "shifts", "phrase"), NUMBERS)
def test_other_numbers_need_another_y(new, shifts, phrase):
    found = judged("1.4.2", "1.4.3", new, shifts)
    assert (found["level"], found["why"]) == ("Y", [phrase])
    assert found["refusal"].endswith("it must be 1.5.0 or later")
    assert judged("1.4.2", "1.5.0", new, shifts)["refusal"] == ""


@pytest.mark.parametrize(("new", "shifts"), NOTHING)
def test_the_same_numbers_need_another_z(new, shifts):
    found = judged("1.4.2", "1.4.3", new, shifts)
    assert (found["level"], found["why"], found["refusal"]) == ("Z", [], "")
    assert judged("1.4.2", "1.4.2", new, shifts)["refusal"].endswith("it must be 1.4.3 or later")


def test_versions_are_numbers_not_words():
    assert least_version("9.9.9", "Y") == (9, 10, 0)
    assert judged("0.9.0", "0.10.0", *NOTHING[0])["refusal"] == ""


def made(folder):
    write_json(folder / "manifest.json", {})
    return folder


def test_auto_is_the_highest_lower_version_of_the_name(tmp_path):
    for name in ("a-0.9.0", "a-0.10.0", "a-1.0.0", "a-b-0.11.0", "a-0.11.0rc"):
        made(tmp_path / name)
    (tmp_path / "a-0.12.0").mkdir()  # was never finished

    def found(version, previous="auto"):
        folder = find_previous(previous, "a", version, tmp_path)
        return folder and folder.name

    assert found("1.0.0") == "a-0.10.0"
    assert found("0.10.0") == "a-0.9.0"
    assert found("0.9.0") is None
    assert found("1.0.0", None) is None
    assert found("1.0.0", str(tmp_path / "a-1.0.0")) == "a-1.0.0"
    with pytest.raises(ReleaseError, match=r"which has no manifest\.json; name a release"):
        found("1.0.0", str(tmp_path / "a-0.12.0"))


def test_a_release_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(ReleaseError) as caught:
        read_previous(made(tmp_path / "a-0.1.0"))
    assert "cannot be compared with (it has no 'rungs'); name another" in str(caught.value)
