"""Checking a configuration against its schema, and saying what is wrong in one sentence."""

import difflib
import math

from forceladder.errors import ConfigError
from forceladder.model.alternatives import EITHER, LENNARD_JONES
from forceladder.qm.engines import ENGINES

# of validate.baselines, which the Snakefile need not import
BASELINES = ("MMFF94", "UFF", "GFN2-xTB", "OpenFF Sage 2.3.0")
EXTXYZ_KEYS = ("smiles", "energy_key", "forces_key", "energy_unit", "force_unit")
REASON_LENGTH = 20  # characters of a waiver's reason, at least
TYPES = {
    "integer": "a whole number", "number": "a finite number (write 1.0e-6, not 1e-6)",
    "object": "a section of keys", "array": "a list", "string": "text", "null": "empty",
}  # fmt: skip


def check_config(config: dict, schema: dict):
    """Raise ConfigError on the first departure from a JSON schema (draft 2020-12)."""
    from jsonschema import Draft202012Validator, validators

    # 5.0 is no whole number here, and a number is finite: both would fail far from their cause
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        }
    )
    strict = validators.extend(Draft202012Validator, type_checker=types)
    found = sorted(strict(schema).iter_errors(config), key=lambda e: (len(e.path), str(e.path)))
    if found:
        raise ConfigError(sentence(found[0]))
    check_meaning(config)


def check_meaning(config: dict):
    """What a schema cannot say: keys that depend on one another."""
    held_out = sum(config["molecules"]["split_fractions"].values())
    if held_out >= 1.0:
        raise ConfigError(
            f"molecules.split_fractions add up to {held_out:g}; leave some molecules to train on."
        )
    for rung in config["rungs"]:
        if rung in BASELINES:
            raise ConfigError(f"rungs.{rung} has the name of a baseline; call it something else.")
        check_rung(rung, config)
    if not any(rung.get("released", True) for rung in config["rungs"].values()):
        raise ConfigError("every rung has released: false; a run ends with a release of some.")
    check_waivers(config)
    for name, settings in config["imports"].items():
        check_import(name, settings)
    for method in [*config["rungs"], *config["validation"]["baselines"]]:
        check_md(config, method)
    for name, spec in config["qm"]["specs"].items():
        if spec["engine"] not in ENGINES:
            raise ConfigError(
                f"qm.specs.{name}.engine is {spec['engine']!r}; "
                f"it must be one of {', '.join(ENGINES)}."
            )
    levels = {"reference": [config["qm"]["reference"]], "compare": config["qm"]["compare"]}
    for key, specs in levels.items():
        for spec in specs:
            if spec not in config["qm"]["specs"]:
                raise ConfigError(
                    f"qm.{key} names {spec!r}, which qm.specs does not list; "
                    f"it lists {', '.join(config['qm']['specs'])}."
                )
    frames = config["geometries"]["rung_frames"]
    if frames["frames_per_temperature"] and not frames["release"]:
        raise ConfigError("geometries.rung_frames.release is empty; name a release's folder.")
    if config["qm"]["reference"] in config["qm"]["compare"]:
        raise ConfigError("qm.compare names the reference; it is computed anyway.")
    needed, most = qm_megabytes(config["qm"]), config["max_mem_mb"]
    if needed > most:
        raise ConfigError(
            f"qm.memory_mb {config['qm']['memory_mb']} makes jobs of {needed} MB, more than "
            f"max_mem_mb {most}; lower the one or raise the other."
        )


def qm_megabytes(settings: dict) -> int:
    """What a QM job must be given, MB: the engine's plan, a quarter more, and Python.

    settings: the section qm; an engine that asks for more memory is granted it in the same job
    """
    return (
        math.ceil(settings["memory_mb"] * max([1, *settings["retries"]["memory_factors"]]) * 1.25)
        + 400
    )


def check_waivers(config: dict):
    """Raise ConfigError for a waiver of nothing, of something twice, or without a reason."""
    released = [name for name in ladder(config) if config["rungs"][name].get("released", True)]
    seen = set()
    for number, waiver in enumerate(config["waivers"]):
        rung, gate, reason = waiver["rung"], waiver.get("gate"), waiver["reason"].strip()
        if rung not in released:
            raise ConfigError(
                f"waivers.{number}.rung is {rung!r}, which is no released rung; they are "
                f"{', '.join(released)}."
            )
        if ("gate" in waiver) == ("regression" in waiver):
            raise ConfigError(f"waivers.{number} must name either a gate or a regression.")
        if "gate" in waiver and gate not in config["gates"]:
            near = difflib.get_close_matches(gate, config["gates"], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "name a key of gates."
            raise ConfigError(f"waivers.{number}.gate is {gate!r}, which is no gate; {hint}")
        if len(reason) < REASON_LENGTH or len(reason.split()) < 3:
            raise ConfigError(
                f"waivers.{number}.reason is {reason!r}; write a sentence of {REASON_LENGTH} "
                "characters or more: it is printed in the model card."
            )
        waived = (rung, gate, waiver.get("regression"))
        if waived in seen:
            raise ConfigError(f"waivers.{number} waives what another one waives; keep one.")
        seen.add(waived)


def md_settings(config: dict, method: str) -> dict:
    """The section md for one rung or baseline: what it has itself is laid over it."""
    return config["md"] | own_md(config, method)[1]


def own_md(config: dict, method: str) -> tuple[str, dict]:
    """Where the settings of MD for one rung or baseline stand, and what they are."""
    if method in BASELINES:
        return f"validation.md.{method}", config["validation"]["md"].get(method, {})
    return f"rungs.{method}.md", config["rungs"][method].get("md", {})


def baseline_folders(config: dict) -> dict[str, str]:
    """Folder → name of the baselines of a run, in the order of BASELINES."""
    asked = config["validation"]["baselines"]
    return {name.replace(" ", "-"): name for name in BASELINES if name in asked}


def check_md(config: dict, method: str):
    """Raise ConfigError if a trajectory of a rung or baseline has more frames than steps."""
    md, (place, own) = md_settings(config, method), own_md(config, method)

    def named(key):
        return f"{place}.{key}" if key in own else f"md.{key}"

    runs = [("nve", timestep) for timestep in md["nve_timesteps_fs"]]
    for kind, timestep in [*runs, ("nvt", md["nvt_timestep_fs"])]:
        frames, length = f"{kind}_frames", f"{kind}_ps"
        steps = 1000.0 * md[length] / timestep
        if md[frames] > steps:
            raise ConfigError(
                f"{named(frames)} is {md[frames]}, more than the {steps:g} steps of "
                f"{timestep:g} fs in {named(length)} {md[length]:g}."
            )


def fit_settings(config: dict, rung: str) -> dict:
    """All that a fit of the rung depends on: its own keys laid over those of `fit`."""
    later = ("md", "released")  # what no fit depends on
    own = {key: value for key, value in config["rungs"][rung].items() if key not in later}
    shared = ("network", "training", "loss_weights")
    return own | {key: {**config["fit"][key], **own.get(key, {})} for key in shared}


def ladder(config: dict) -> list[str]:
    """The rungs from mechanics to learning: more terms, then a correction, then nothing else.

    The order of a merged configuration is that of its overlays, which nobody meant.
    """

    def place(rung):
        terms = config["rungs"][rung]["terms"]
        corrected = "correction" in terms
        return corrected, -len(terms) if corrected else len(terms), rung

    return sorted(config["rungs"], key=place)


def check_rung(rung: str, config: dict):
    """Raise ConfigError for a rung whose keys do not belong together."""
    settings = config["rungs"][rung]
    corrects, base = "correction" in settings["terms"], settings.get("base")
    if corrects != ("correction" in settings):
        raise ConfigError(
            f"rungs.{rung} needs both the term correction and the section correction, or neither."
        )
    if base is not None and base not in config["rungs"]:
        raise ConfigError(
            f"rungs.{rung}.base is {base!r}, which is no rung; known are "
            f"{', '.join(config['rungs'])}."
        )
    if base is not None and "base" in config["rungs"][base]:
        raise ConfigError(f"rungs.{rung}.base is {base!r}, which has a base itself; name that one.")
    if "bespoke" in settings and (base is None or corrects):
        raise ConfigError(
            f"rungs.{rung}.bespoke refines a base: name one, without a correction in the terms."
        )
    if base is not None:
        own, bases = (fit_settings(config, name)["network"] for name in (rung, base))
        terms = config["rungs"][base]["terms"]
        wanted = terms if "bespoke" in settings else [*terms, "correction"]
        if own != bases or settings["terms"] != wanted:
            raise ConfigError(
                f"rungs.{rung} has the base {base!r}, so its terms must be "
                f"[{', '.join(wanted)}] and its network the same."
            )
    check_terms(rung, settings["terms"])
    check_floor(rung, settings)
    check_fit(rung, fit_settings(config, rung))


def check_terms(rung: str, terms: list[str]):
    """Raise ConfigError for two terms that are one, and for a coupling of what has no well.

    The model would refuse them, too, but only when QM is computed.
    """
    for one, other in EITHER:
        if one in terms and other in terms:
            raise ConfigError(f"rungs.{rung}.terms has both {one} and {other}; name one of them.")
    for term in terms:
        for kind in ("bond", "angle"):
            wells = (f"{kind}_quartic", f"{kind}_harmonic")
            if kind in term.split("_") and not set(wells) & set(terms):
                raise ConfigError(
                    f"rungs.{rung}.terms has {term}, which needs {wells[0]} or {wells[1]} too."
                )


def check_floor(rung: str, settings: dict):
    """Raise ConfigError for energies that fall without end, which no data can mend."""
    terms = set(settings["terms"])
    if "coulomb" in terms and terms.isdisjoint(LENNARD_JONES):
        raise ConfigError(
            f"rungs.{rung}.terms has coulomb, under which unlike charges fall into each other; add "
            "lennard_jones or lennard_jones_96."
        )
    bound = settings.get("correction", {}).get("max_energy_kcal_per_atom", 0.0)
    if "correction" in terms and len(terms) > 1 and bound is None:
        raise ConfigError(
            f"rungs.{rung}.correction.max_energy_kcal_per_atom is empty, which takes the "
            "floor from below the mechanical terms; give it a number, such as 10.0."
        )


def check_fit(rung: str, settings: dict):
    """Raise ConfigError for a rung that has nothing to learn, or nothing to learn from.

    settings: of `fit_settings`
    """
    terms, weights = set(settings["terms"]), settings["loss_weights"]
    fixed = set() if settings["network"]["fit_lennard_jones"] else set(LENNARD_JONES)
    if terms <= fixed:
        raise ConfigError(
            f"rungs.{rung}.terms has {', '.join(sorted(terms))} alone, whose parameters are the "
            "table's; set network.fit_lennard_jones, or add terms."
        )
    of_charges = {"esp", "dipole"} if "coulomb" not in terms else set()
    if not any(weight for part, weight in weights.items() if part not in {"prior", *of_charges}):
        raise ConfigError(
            f"rungs.{rung} has no data to learn from: the loss_weights of all that its terms say "
            "are zero."
        )


def check_import(name: str, settings: dict):
    """Raise ConfigError for keys that the format of an import does not have."""
    alien = [key for key in EXTXYZ_KEYS if key in settings and settings["format"] != "extxyz"]
    if alien:
        raise ConfigError(
            f"imports.{name}.{alien[0]} is for the format extxyz alone; the format "
            f"{settings['format']} fixes it."
        )


def check_names(config: dict, ids: set[str]):
    """Raise ConfigError if a torsion scan is named for a molecule that there is not."""
    for name in config["geometries"]["torsion_scans"]["named"]:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(
                f"geometries.torsion_scans.named has {name!r}, which {config['molecules']['file']} "
                f"does not list{hint}"
            )


def sentence(error) -> str:
    """One sentence for one jsonschema error: which key, which value, what is allowed."""
    key = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(name for name in error.instance if name not in known)
        near = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        where = f"{key}.{unknown}" if key else unknown
        return f"the config has an unknown key {where}; {hint}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"the config lacks the key {f'{key}.{missing}' if key else missing}."
    allowed = {
        "enum": lambda v: f"it must be one of {', '.join(map(str, v))}",
        "type": lambda v: (
            "it must be " + " or ".join(TYPES[t] for t in ([v] if isinstance(v, str) else v))
        ),
        "minimum": lambda v: f"it must be at least {v}",
        "maximum": lambda v: f"it must be at most {v}",
        "exclusiveMinimum": lambda v: f"it must be greater than {v}",
        "pattern": lambda v: f"it must match {v}",
    }.get(error.validator, lambda v: error.message)(error.validator_value)
    return f"the config key {key} is {error.instance!r}; {allowed}."
