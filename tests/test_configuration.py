"""The configuration: its defaults pass, and each kind of mistake is one sentence."""

from pathlib import Path

import pytest
import yaml

from force_fields import topology
from forceladder.configuration import (
    BASELINES,
    EXTXYZ_KEYS,
    baseline_folders,
    check_config,
    fit_settings,
    md_settings,
)
from forceladder.energy.terms import TERMS
from forceladder.errors import ConfigError
from forceladder.fit.loop import start_model
from forceladder.fit.loss import PARTS
from forceladder.model.heads import HEADS
from forceladder.model.rung import CORRECTION
from forceladder.training_set.importers.collect import FORMATS, READER_OPTIONS
from forceladder.training_set.importers.extxyz import ENERGY_UNITS, FORCE_UNITS
from forceladder.validate import baselines

PROJECT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())


def config():
    return yaml.safe_load((PROJECT / "config/config.yaml").read_text())


def changed(path: str, value):
    """The default configuration with one key, 'qm.threads', set to a value."""
    result = place = config()
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    return result


def test_documented_defaults_fit_the_schema():
    check_config(config(), SCHEMA)


@pytest.mark.parametrize("names", [["quickstart"], ["campaign"], ["quickstart", "fu"]])
def test_runs_of_our_own_fit_the_schema(names):
    merged = config()
    for name in names:
        text = (PROJECT / f"config/{name}.yaml").read_text()
        merged = laid_over(merged, yaml.safe_load(text))
    check_config(merged, SCHEMA)
    for method in [*merged["rungs"], *merged["validation"]["baselines"]]:
        settings = md_settings(merged, method)
        if names[-1] == "fu":
            assert (settings["nvt_ps"], settings["nvt_replicas"]) == (300, 5)
            assert settings["nvt_thermostat"] == "nose_hoover"


def laid_over(under, over):
    """As Snakemake merges configuration files."""
    if not isinstance(over, dict):
        return over
    under = under if isinstance(under, dict) else {}
    return under | {key: laid_over(under.get(key), value) for key, value in over.items()}


def test_every_object_of_the_schema_refuses_unknown_keys():
    def objects(schema):
        if schema.get("type") in ("object", ["object", "null"]):
            yield schema
        for child in schema.values():
            if isinstance(child, dict):
                yield from objects(child)

    free = {"keywords"}  # passed to the engine as they are
    found = [s for s in objects(SCHEMA) if "additionalProperties" not in s]
    assert len(found) == len(free)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("qm.thread", 2, "unknown key qm.thread; did you mean 'threads'?"),
        ("fit.training.epoch", 2, "fit.training.epoch; did you mean 'epochs'?"),
        ("rungs.delta.training.epoch", 2, "rungs.delta.training.epoch; did you mean 'epochs'?"),
        ("rungs.mlff.correction.layer", 1, "rungs.mlff.correction.layer; did you mean 'layers'?"),
        ("rungs.class1.trainings", {}, "key rungs.class1.trainings; did you mean 'training'?"),
        ("rungs.class1.network", {"widht": 8}, "rungs.class1.network.widht; did you mean 'width'?"),
        ("fit.loss_weights.torsions", 1, "fit.loss_weights.torsions; did you mean 'torsion'?"),
        ("fit.training.optimizer", "sgd", "'sgd'; it must be one of adam, muon."),
        ("fit.training.ema_decay", 1, "fit.training.ema_decay is 1;"),
        ("fit.loss_weights.prior", -1, "fit.loss_weights.prior is -1; it must be at least 0."),
        ("rungs.mlff.correction.max_degree", 7, "max_degree is 7; it must be at most 6."),
        ("qm.memory_mb", 60000, "makes jobs of 112900 MB, more than max_mem_mb 64000;"),
        ("weather", 1, "unknown key weather; known are run, molecules,"),
        ("qm.threads", 0, "qm.threads is 0; it must be at least 1."),
        ("qm.threads", "two", "qm.threads is 'two'; it must be a whole number."),
        ("qm.threads", 2.0, "qm.threads is 2.0; it must be a whole number."),
        ("md.seed", None, "md.seed is None; it must be a whole number."),
        ("md.nve_ps", float("inf"), "md.nve_ps is inf; it must be a finite number"),
        ("gates.max_test_energy_rmse_kcal", float("nan"), "it must be a finite number"),
        ("md.nve_ps", 0.01, "md.nve_frames is 500, more than the 20 steps of 0.5 fs"),
        ("molecules.split_fractions.test", 0.9, "molecules.split_fractions add up to 1;"),
        ("md.nve_ps", -1, "md.nve_ps is -1; it must be greater than 0."),
        ("release.regression_significance", 5, "release.regression_significance is 5; it must be"),
        ("release.version", "1.0", "release.version is '1.0'; it must match"),
        ("qm.specs.gfn2-xtb.engine", "psi5", "it must be one of psi4, gfn2-xtb."),
        ("qm.reference", "hf", "qm.reference names 'hf', which qm.specs does not list"),
        ("rungs.class1.terms", ["bond_harmonik"], "'bond_harmonik'; it must be one of"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_key_value_and_limit(path, value, sentence):
    with pytest.raises(ConfigError) as caught:
        check_config(changed(path, value), SCHEMA)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


WAIVER = {
    "rung": "class1", "gate": "min_nvt_survival_fraction",
    "reason": "Water alone breaks, at 1000 K, where nobody simulates it.",
}  # fmt: skip
REGRESSION = {key: value for key, value in WAIVER.items() if key != "gate"} | {
    "regression": "amide"
}


def test_waivers_of_a_gate_and_of_a_regression_are_taken():
    check_config(changed("waivers", [WAIVER, REGRESSION]), SCHEMA)


@pytest.mark.parametrize(
    ("waivers", "sentence"),
    [
        ([WAIVER | {"rung": "mlff"}], "waivers.0.rung is 'mlff', which is no released rung"),
        ([WAIVER | {"gate": "min_survival"}], "waivers.0.gate is 'min_survival', which is no gate"),
        ([REGRESSION, WAIVER | {"reason": "later"}], "waivers.1.reason is 'later'; write a sen"),
        ([WAIVER | {"reason": " " * 30}], "waivers.0.reason is ''; write a sentence of 20"),
        ([WAIVER | {"regression": "amide"}], "waivers.0 must name either a gate or a regression."),
        ([WAIVER, WAIVER], "waivers.1 waives what another one waives"),
        ([WAIVER | {"gates": ""}], "unknown key waivers.0.gates; did you mean 'gate'?"),
    ],
)
def test_a_mistake_in_a_waiver_is_one_sentence(waivers, sentence):
    with pytest.raises(ConfigError) as caught:
        check_config(changed("waivers", waivers), SCHEMA)
    assert sentence in str(caught.value)


IMPORT = {"format": "extxyz", "path": "a.xyz", "level_of_theory": "PBE/def2-SVP"}


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("ethanol", IMPORT | {"units": "eV"}, "unknown key imports.ethanol.units"),
        ("ethanol", {"format": "extxyz", "path": "a"}, "lacks the key imports.ethanol.level_of_"),
        ("ethanol", IMPORT | {"format": "xyz"}, "is 'xyz'; it must be one of extxyz, spice"),
        ("ethanol", IMPORT | {"split": "all"}, "must be one of train, validation, test"),
        ("ethanol", IMPORT | {"energy_unit": "ev"}, "it must be one of eV, kcal/mol"),
        ("ethanol", IMPORT | {"charge": 0.5}, "imports.ethanol.charge is 0.5; it must be a whole"),
        ("spice", IMPORT | {"format": "spice", "smiles": "CCO"}, "imports.spice.smiles is for the"),
        ("a/b", IMPORT, "'a/b'"),
        ("x" * 41, IMPORT, "x" * 41),
    ],
)
def test_a_mistake_in_an_import_is_one_sentence(name, settings, sentence):
    with pytest.raises(ConfigError) as caught:
        check_config(changed("imports", {name: settings}), SCHEMA)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_import_needs_a_level_of_theory_only_where_its_file_has_none():
    check_config(changed("imports", {"ethanol": IMPORT}), SCHEMA)
    for form in ("spice", "qcschema", "torsions_npz"):
        check_config(changed("imports", {"other": {"format": form, "path": "a"}}), SCHEMA)


def test_import_formats_and_units_of_the_schema_are_those_of_the_library():
    properties = SCHEMA["properties"]["imports"]["additionalProperties"]["properties"]
    assert properties["format"]["enum"] == list(FORMATS)
    assert properties["energy_unit"]["enum"] == list(ENERGY_UNITS)
    assert sorted(properties["force_unit"]["enum"]) == sorted(FORCE_UNITS)
    assert {*EXTXYZ_KEYS, "charge"} == set(READER_OPTIONS["extxyz"])


def test_a_rung_cannot_take_a_baselines_name():
    twice = config()
    twice["rungs"]["UFF"] = twice["rungs"]["class1"]
    with pytest.raises(ConfigError, match=r"rungs\.UFF has the name of a baseline"):
        check_config(twice, SCHEMA)


def test_the_configuration_knows_every_baseline_and_its_folder():
    assert tuple(baselines.BASELINES) == BASELINES
    asked = config()
    asked["validation"]["baselines"] = ["OpenFF Sage 2.3.0", "UFF"]
    check_config(asked, SCHEMA)
    assert baseline_folders(asked) == {"UFF": "UFF", "OpenFF-Sage-2.3.0": "OpenFF Sage 2.3.0"}
    asked["validation"]["baselines"] = ["GAFF"]
    with pytest.raises(ConfigError, match=r"validation\.baselines\.0 is 'GAFF'; it must be one of"):
        check_config(asked, SCHEMA)


def test_a_psi4_spec_needs_a_basis():
    without = config()
    del without["qm"]["specs"]["b3lyp-d3bj_dzvp"]["basis"]
    with pytest.raises(ConfigError, match=r"lacks the key qm\.specs\.b3lyp-d3bj_dzvp\.basis"):
        check_config(without, SCHEMA)


def test_a_missing_key_is_named():
    incomplete = config()
    del incomplete["md"]["nvt_ps"]
    with pytest.raises(ConfigError, match=r"lacks the key md\.nvt_ps"):
        check_config(incomplete, SCHEMA)


def test_rung_lays_its_own_md_over_the_common_one():
    own = changed("rungs.class1.md", {"nvt_ps": 5, "nvt_frames": 50})
    check_config(own, SCHEMA)
    settings = md_settings(own, "class1")
    assert settings == own["md"] | {"nvt_ps": 5, "nvt_frames": 50}
    for rung in set(own["rungs"]) - {"class1"}:
        if "md" not in own["rungs"][rung]:
            assert md_settings(own, rung) == own["md"]


@pytest.mark.parametrize(
    "own, sentence",
    [
        ({"nvt_pss": 5}, "unknown key rungs.class1.md.nvt_pss; did you mean 'nvt_ps'?"),
        ({"nvt_ps": 0.01}, "md.nvt_frames is 200, more than the 10 steps of 1 fs in "
                           "rungs.class1.md.nvt_ps 0.01."),
        ({"nve_timesteps_fs": []}, "rungs.class1.md.nve_timesteps_fs"),
    ],
)  # fmt: skip
def test_mistake_in_a_rungs_md_names_its_key(own, sentence):
    with pytest.raises(ConfigError) as caught:
        check_config(changed("rungs.class1.md", own), SCHEMA)
    assert sentence in str(caught.value)


def test_baseline_has_md_settings_of_its_own():
    own = changed("validation.md", {"UFF": {"nvt_ps": 7}})
    check_config(own, SCHEMA)
    assert md_settings(own, "UFF") == own["md"] | {"nvt_ps": 7}
    assert md_settings(own, "MMFF94") == own["md"]
    with pytest.raises(ConfigError) as caught:
        check_config(changed("validation.md", {"UFF": {"nvt_ps": 0.01}}), SCHEMA)
    assert "more than the 10 steps of 1 fs in validation.md.UFF.nvt_ps 0.01." in str(caught.value)


# rungs

CONFIG = config()
MECHANICS = CONFIG["rungs"]["class2"]["terms"]
NETWORK = CONFIG["fit"]["network"]
BESPOKE = {
    "base": "class2", "terms": MECHANICS,
    "bespoke": {"rounds": 3, "iterations_per_round": 50, "prior": 1.0e-4},
}  # fmt: skip


def with_rung(**settings):
    """The default configuration with one rung more, called 'fifth'."""
    more = config()
    more["rungs"]["fifth"] = settings
    return more


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"terms": ["correction"]}, "rungs.fifth needs both the term correction and the section"),
        (
            {"terms": ["bond_harmonic"], "correction": CONFIG["rungs"]["delta"]["correction"]},
            "rungs.fifth needs both the term correction and the section",
        ),
        (BESPOKE | {"base": "class3"}, "rungs.fifth.base is 'class3', which is no rung; known are"),
        (BESPOKE | {"base": "delta"}, "rungs.fifth.base is 'delta', which has a base itself"),
        (BESPOKE | {"base": "fifth"}, "rungs.fifth.base is 'fifth', which has a base itself"),
        (
            {"terms": MECHANICS, "bespoke": BESPOKE["bespoke"]},
            "rungs.fifth.bespoke refines a base: name one, without a correction",
        ),
        (BESPOKE | {"terms": MECHANICS[1:]}, "so its terms must be [bond_quartic, angle_quartic,"),
        (BESPOKE | {"network": {"width": 32}}, "and its network the same."),
        (
            CONFIG["rungs"]["delta"] | {"terms": ["correction", *MECHANICS]},
            "lennard_jones_96, coulomb, correction] and its network the same.",
        ),
        ({"base": "class2", "terms": MECHANICS}, "coulomb, correction] and its network the same."),
        (
            BESPOKE | {"bespoke": {"rounds": 1}},
            "lacks the key rungs.fifth.bespoke.iterations_per",
        ),
        ({"base": "class2"}, "lacks the key rungs.fifth.terms."),
        ({"terms": ["bond_harmonic", "coulomb"]}, "coulomb, under which unlike charges fall"),
        (
            {
                "terms": ["bond_harmonic", "correction"],
                "correction": CONFIG["rungs"]["mlff"]["correction"],
            },
            "max_energy_kcal_per_atom is empty, which takes the floor from below",
        ),
        ({"terms": ["lennard_jones"]}, "lennard_jones alone, whose parameters are the table's"),
        (
            {
                "terms": ["bond_harmonic"],
                "loss_weights": {"force": 0.0, "energy": 0.0, "torsion": 0.0},
            },
            "rungs.fifth has no data to learn from",
        ),
        (
            {"terms": ["bond_quartic", "bond_harmonic"]},
            "rungs.fifth.terms has both bond_harmonic and bond_quartic; name one of them.",
        ),
        (
            {"terms": ["bond_quartic", "bond_angle"]},
            "rungs.fifth.terms has bond_angle, which needs angle_quartic or angle_harmonic too",
        ),
    ],
)
def test_a_rung_whose_keys_do_not_belong_together_is_one_sentence(settings, sentence):
    with pytest.raises(ConfigError) as caught:
        check_config(with_rung(**settings), SCHEMA)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_all_rungs_share_is_said_once_and_each_may_say_it_anew():
    more = with_rung(
        terms=["bond_harmonic"], network={"layers": 1}, loss_weights={"prior": 2.0},
        md={"nve_ps": 1},
    )  # fmt: skip
    check_config(more, SCHEMA)
    settings = fit_settings(more, "fifth")
    assert settings["network"] == more["fit"]["network"] | {"layers": 1}
    assert settings["training"] == more["fit"]["training"]
    assert settings["loss_weights"] == more["fit"]["loss_weights"] | {"prior": 2.0}
    assert settings["terms"] == ["bond_harmonic"]
    assert set(settings) == {"terms", "network", "training", "loss_weights"}  # md is no part of it
    assert more["fit"] == config()["fit"]


def test_a_setting_of_md_never_refits_a_rung():
    before, after = config(), config()
    after["rungs"]["delta"]["md"] = {"nve_ps": 1}
    after["md"]["seed"] = 99
    assert fit_settings(before, "delta") == fit_settings(after, "delta")


def test_a_changed_weight_of_the_loss_refits_the_rungs_that_do_not_set_it():
    own = with_rung(terms=["bond_harmonic"], loss_weights=dict(CONFIG["fit"]["loss_weights"]))
    other = with_rung(**own["rungs"]["fifth"])
    other["fit"]["loss_weights"]["force"] = 9.0
    assert fit_settings(own, "fifth") == fit_settings(other, "fifth")
    assert fit_settings(own, "class1") != fit_settings(other, "class1")


FIFTHS = {
    "urey-bradley-like": {
        "terms": ["bond_harmonic", "angle_harmonic", "bond_bond", "bond_angle", "torsion_cosine",
                  "lennard_jones", "coulomb"],
    },
    "anharmonic": {
        "terms": ["bond_quartic", "angle_harmonic", "torsion_cosine", "improper_cosine",
                  "lennard_jones", "coulomb"],
        "network": {"torsion_orders": 3, "fit_lennard_jones": True},
    },
    "without-charges": {"terms": ["bond_quartic", "angle_quartic", "lennard_jones_96"]},
    "class1-delta": {
        "base": "class1",
        "terms": [*CONFIG["rungs"]["class1"]["terms"], "correction"],
        "correction": CONFIG["rungs"]["delta"]["correction"],
    },
    "bespoke": BESPOKE,
    "joint": {  # mechanics and correction fitted together
        "terms": [*MECHANICS, "correction"],
        "correction": CONFIG["rungs"]["delta"]["correction"],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FIFTHS)
def test_another_list_of_terms_is_another_rung(name):
    """An edit of the configuration, no code: it passes the checks, and can be fitted."""
    more = with_rung(**FIFTHS[name])
    check_config(more, SCHEMA)
    settings, graph = fit_settings(more, "fifth"), topology("CC(=O)N")
    base = None
    if "base" in settings:
        base = start_model(fit_settings(more, settings["base"]), graph, 0, None)
    model = start_model(settings, graph, 0, None if "bespoke" in settings else base)
    found = model(graph)
    assert [*found.terms, *(["correction"] if model.correction else [])] == settings["terms"]
    assert all(
        bool(value.isfinite().all()) for values in found.terms.values() for value in values.values()
    )


@pytest.mark.parametrize("term", [*TERMS])
@pytest.mark.parametrize("wells", [[], ["bond_quartic"], ["angle_harmonic"]])
def test_terms_that_the_configuration_takes_are_those_that_a_model_takes(term, wells):
    """What a model refuses, the configuration refuses before anything is computed."""
    # two terms with which any rung has a floor and something to learn
    terms = list(dict.fromkeys(["torsion_cosine", "lennard_jones_96", *wells, term]))
    graph = topology("CC(=O)N")
    more = with_rung(terms=terms)
    try:
        start_model(fit_settings(more, "fifth"), graph, 0, None)(graph)
    except ConfigError:
        with pytest.raises(ConfigError, match=r"rungs\.fifth\.terms has"):
            check_config(more, SCHEMA)
    else:
        check_config(more, SCHEMA)


def test_terms_of_the_schema_are_those_of_the_library():
    rungs = SCHEMA["properties"]["rungs"]["additionalProperties"]["properties"]
    known = rungs["terms"]["items"]["enum"]
    assert set(known) == {*TERMS, CORRECTION} == {*HEADS, CORRECTION}


def test_keys_of_a_fit_are_the_same_for_all_rungs_and_for_one():
    """What `fit` requires is all that it knows."""
    for section in ("network", "training", "loss_weights"):
        required = SCHEMA["properties"]["fit"]["properties"][section]["required"]
        assert set(required) == set(SCHEMA["$defs"][section]["properties"])
        assert set(CONFIG["fit"][section]) == set(required)
    assert set(CONFIG["fit"]["loss_weights"]) == set(PARTS)
