"""Checking a configuration against its schema, and saying what is wrong in one sentence."""

import difflib

from forceladder.errors import ConfigError


def check_config(config: dict, schema: dict):
    """Raise ConfigError on the first departure from a JSON schema (draft 2020-12)."""
    from jsonschema import Draft202012Validator

    found = sorted(
        Draft202012Validator(schema).iter_errors(config), key=lambda e: (len(e.path), str(e.path))
    )
    if found:
        raise ConfigError(sentence(found[0]))
    if config["qm"]["reference"] not in config["qm"]["specs"]:
        raise ConfigError(
            f"qm.reference is {config['qm']['reference']!r}, which qm.specs does not list; "
            f"it lists {', '.join(config['qm']['specs'])}."
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
        "type": lambda v: f"it must be of type {v if isinstance(v, str) else ' or '.join(v)}",
        "minimum": lambda v: f"it must be at least {v}",
        "maximum": lambda v: f"it must be at most {v}",
        "exclusiveMinimum": lambda v: f"it must be greater than {v}",
        "pattern": lambda v: f"it must match {v}",
    }.get(error.validator, lambda v: error.message)(error.validator_value)
    return f"the config key {key} is {error.instance!r}; {allowed}."
