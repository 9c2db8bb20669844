"""What a job on another machine holds against what its run began with."""

import pytest

from forceladder.controller.plan import PLAN, changed_keys, check_plan, keep_plan, plan_of
from forceladder.errors import ConfigError

CONFIG = {"run": "a", "fit": {"seeds": [0, 1], "rate": 1e-3}, "none": None}


@pytest.fixture
def rules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PLAN, "")  # so that it is put back
    (tmp_path / "fit.smk").write_text("rule fit:\n")
    return tmp_path / "fit.smk"


def test_the_same_in_another_order_is_the_same(rules):
    keep_plan(plan_of(CONFIG, [rules]), "plans")
    check_plan(plan_of(dict(reversed(CONFIG.items())), [rules]))


def test_changed_keys_and_files_are_named(rules):
    keep_plan(plan_of(CONFIG, [rules]), "plans")
    rules.write_text("rule fit: # another\n")
    changed = CONFIG | {"fit": {"seeds": [0], "rate": 1e-3}, "new": 1}
    with pytest.raises(ConfigError, match=r"^fit\.seeds, new, fit\.smk changed since"):
        check_plan(plan_of(changed, [rules]))


def test_a_job_whose_run_said_nothing_is_let_in(rules, monkeypatch):
    monkeypatch.delenv(PLAN)
    check_plan(plan_of(CONFIG, [rules]))


def test_nothing_against_something_is_a_change():
    assert changed_keys({"a": {}}, {"a": None}) == ["a"]
    assert changed_keys({"a": {"b": 1}}, {}) == ["a"]
    assert changed_keys(CONFIG, CONFIG) == []
