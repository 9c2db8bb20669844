"""The configuration: its defaults pass, and each kind of mistake is one sentence."""

from pathlib import Path

import pytest
import yaml

from forceladder.configuration import EXTXYZ_KEYS, RESERVED, check_config
from forceladder.errors import ConfigError
from forceladder.training_set.importers.collect import FORMATS, READER_OPTIONS
from forceladder.training_set.importers.extxyz import ENERGY_UNITS, FORCE_UNITS
from forceladder.validate.baselines import ABSENT_BASELINES, BASELINES

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
        ("rungs.class1.training.epoch", 2, "rungs.class1.training.epoch; did you mean 'epochs'?"),
        ("colour", 1, "unknown key colour; known are run, molecules,"),
        ("qm.threads", 0, "qm.threads is 0; it must be at least 1."),
        ("qm.threads", "two", "qm.threads is 'two'; it must be a whole number."),
        ("qm.threads", 2.0, "qm.threads is 2.0; it must be a whole number."),
        ("md.seed", None, "md.seed is None; it must be a whole number."),
        ("md.nve_ps", float("inf"), "md.nve_ps is inf; it must be a finite number"),
        ("gates.max_test_energy_rmse_kcal", float("nan"), "it must be a finite number"),
        ("md.nve_ps", 0.01, "md.nve_frames is 500, more than the 20 steps of 0.5 fs"),
        ("molecules.split_fractions.test", 0.9, "molecules.split_fractions add up to 1;"),
        ("md.nve_ps", -1, "md.nve_ps is -1; it must be greater than 0."),
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


def test_reserved_names_are_those_of_the_baselines():
    assert set(RESERVED) == {*BASELINES, *ABSENT_BASELINES}


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
