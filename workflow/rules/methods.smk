"""A method is a fitted rung or a baseline: its names, its inputs, its environment."""


def method_name(rung, seed):
    """What tables and pictures call a fitted rung; the seed is named where there are several."""
    return rung if len(SEEDS) == 1 else f"{rung}, seed {seed}"


def label_of(method):
    """What tables and pictures call a method, given its folder."""
    return BASELINES[method] if method in BASELINES else method_name(*FITTED[method])


def method_key(method):
    """What the configuration calls a method, given its folder: a rung, or a baseline's name."""
    return BASELINES[method] if method in BASELINES else FITTED[method][0]


def fitted_model(wildcards):
    """The model of a method that was fitted; nothing of a baseline."""
    if wildcards.method in BASELINES:
        return {}
    return {"model": "results/{run}/models/{method}"}


def method_inputs(wildcards):
    """Systems and model of a method that was fitted; nothing of a baseline."""
    if wildcards.method in BASELINES:
        return {}
    # a correction is no part of a System
    return fitted_model(wildcards) | {"systems": "results/{run}/systems/{method}"}


def method_code(wildcards):
    """Digest of what gives a method its numbers; `params` beside that of the question's own."""
    if wildcards.method in BASELINES:
        return rooms(
            "validate/baselines.py",
            "validate/surface.py",
            "openff/sage.py",
            "molecules/positions.py",
            "export/openmm/evaluation.py",
        )
    return rooms("energy", "model", "export/openmm", "validate/surface.py")


def method_env(wildcards):
    """The environment that a method runs in."""
    if wildcards.method in BASELINES:
        sage = BASELINES[wildcards.method] not in ("MMFF94", "UFF", "GFN2-xTB")
        return "../../envs/openff.yaml" if sage else "../../envs/md.yaml"
    return "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"


def all_methods_env():
    """The environment of a job that runs all methods; what it lacks is a row without a number."""
    if "OpenFF Sage 2.3.0" in BASELINES.values():
        return "../../envs/openff.yaml"
    return "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"


def folders_of(method):
    """Systems and model of a method that was fitted, None of a baseline; for `params`."""
    if method in BASELINES:
        return None
    return [f"results/{RUN}/{kind}/{method}" for kind in ("systems", "models")]


def is_corrected(method):
    """Whether a method, given its folder, is a rung with a correction: what a GPU can speed up."""
    return (
        method in FITTED and "correction" in config["rungs"][FITTED[method][0]]["terms"]
    )


def kind_of(method):
    """What a method computes with, for the colours of the front."""
    if method in BASELINES:
        return "baseline"
    if not is_corrected(method):
        return "mechanics"
    alone = config["rungs"][FITTED[method][0]]["terms"] == ["correction"]
    return "network" if alone else "mechanics and network"
