"""What the rules share: the checked configuration, the shards, the code digests."""

import os
import re
import runpy
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config


def folder_on_disk(basedir):
    """The folder of this file; one of a module from github(…) is fetched with what rules do not name."""
    if basedir.is_local:
        return Path(str(basedir))
    wanted = ("workflow/scripts", "workflow/schemas", "config/config.yaml")
    listing = basedir.hosted_repo.repo.git.ls_tree(
        "-r", "--name-only", basedir.ref, *wanted
    )
    for path in listing.splitlines():
        workflow.source_path(f"../../{path}")
    return Path(workflow.source_path("common.smk")).parent


if workflow.modifier.path_modifier.replace_prefix("results") != "results":
    raise WorkflowError(
        "forceladder works without prefix: and replace_prefix:, which do not reach the paths in its params; "
        "leave them out of the module: results/{run}/ keeps it apart, and `run` is a key of its config."
    )
HERE = folder_on_disk(workflow.current_basedir)
# Jobs keep the code that their run began with: a copy, whose place remote ones are told
SCRIPTS = os.getenv("FORCELADDER_CODE")
if workflow.is_main_process or not SCRIPTS:
    copying = runpy.run_path(str(HERE.parent / "scripts/forceladder/code_copy.py"))
    SCRIPTS = str(
        copying["keep_code"](HERE.parent / "scripts", ".snakemake/forceladder/code")
    )
    os.environ.update(FORCELADDER_CODE=SCRIPTS)
workflow.register_envvars("FORCELADDER_CODE")
sys.path.insert(0, SCRIPTS)
# Jobs look among installed packages first: one of another version must not stand in for this one
os.environ.update(
    PYTHONPATH=os.pathsep.join([SCRIPTS, *filter(None, [os.getenv("PYTHONPATH")])])
)

from forceladder.configuration import (
    baseline_folders,
    check_config,
    check_names,
    fit_settings,
    ladder,
    md_settings,
    qm_megabytes,
)
from forceladder.controller.lock import alone
from forceladder.controller.plan import check_plan, keep_plan, plan_of
from forceladder.controller.slurm import outlast_silence
from forceladder.errors import ConfigError
from forceladder import files
from forceladder.molecules.listing import estimated_cost, molecule_rows, plan_shards
from forceladder.provenance import code_digest, digest

outlast_silence()

# A module that is given a config passes over `configfile:`; what it leaves open is filled in here
given, config = config, {}
update_config(
    config, yaml.safe_load((HERE.parents[1] / "config/config.yaml").read_text())
)
update_config(config, given)

try:
    check_config(
        config, yaml.safe_load((HERE.parent / "schemas/config.schema.yaml").read_text())
    )
    ROWS = molecule_rows(config["molecules"]["file"])
    check_names(config, {row["id"] for row in ROWS})
    SHARDS = plan_shards(
        ROWS, config["qm"]["cost_per_shard"], config["qm"]["max_shards"]
    )
    PLANNED_FROM = [
        workflow.main_snakefile,
        *sorted(HERE.glob("*.smk")),
        config["molecules"]["file"],
    ]
    PLAN = plan_of(config, PLANNED_FROM)
    if not workflow.is_main_process:
        check_plan(PLAN)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

RUN = config["run"]
REFERENCE = config["qm"]["reference"]
LEVELS = [REFERENCE, *config["qm"]["compare"]]
SEEDS = config["fit"]["seeds"]
RUNGS = ladder(config)
BASELINES = baseline_folders(config)
FITTED = {f"{rung}/seed-{seed}": (rung, seed) for rung in RUNGS for seed in SEEDS}
METHODS = [
    *FITTED,
    *BASELINES,
]  # folders of all that is validated, by one set of questions
RELEASED = [rung for rung in RUNGS if config["rungs"][rung].get("released", True)]
# the package mace-torch is only needed by those who ask for it
MACE = any(
    rung.get("correction", {}).get("architecture") == "mace"
    for rung in config["rungs"].values()
)
# what numbers depend on: not where jobs run
PLACE = {"container", "max_mem_mb", "max_runtime_minutes", "gpus"}
SETTINGS = {key: value for key, value in config.items() if key not in PLACE}
# MB of the training set in memory: a molecule of 11 heavy atoms with 20 geometries and their ESP
DATASET_MB = 0.9 * len(ROWS)
RUNG_FRAMES = config["geometries"]["rung_frames"]["frames_per_temperature"] > 0


def keep_what_the_run_began_with():
    """Name it to the run's jobs, those on other machines too."""
    keep_plan(PLAN, ".snakemake/forceladder/plans")
    workflow.register_envvars("FORCELADDER_PLAN")


# Before this is called it is not known what Snakemake is to do, and its hooks come after locking
if workflow.is_main_process and "execute" not in vars(workflow):
    workflow.execute = alone(workflow, WorkflowError, keep_what_the_run_began_with)


wildcard_constraints:
    run=re.escape(RUN),
    spec="|".join(re.escape(spec) for spec in config["qm"]["specs"]),
    rung="|".join(re.escape(rung) for rung in RUNGS),
    seed="|".join(str(seed) for seed in SEEDS),
    shard=r"c\d+-\d+",
    method="|".join(re.escape(method) for method in METHODS),
    version=r"\d+\.\d+\.\d+",


def rooms(*names):
    """Digest of a script and rooms of the library; in the `params` of a rule, an edit reruns it."""
    return code_digest(*names)


def all_shards(pattern):
    """The files of every shard."""
    return expand(pattern, shard=SHARDS, allow_missing=True)


def shard_rows(wildcards):
    """id → digest of the rows in a shard: a changed row reruns its shard, a moved one does not."""
    return {
        row["id"]: digest({k: v for k, v in row.items() if k != "line"})
        for row in SHARDS[wildcards.shard]
    }


def procedures(spec):
    """What is computed at a level of theory; those beside the reference share its geometries."""
    settings = config["qm"]["procedures"]
    if spec == REFERENCE:
        return settings
    scans = settings[
        "torsion_scans"
    ]  # relaxed ones have geometries of the reference's own
    return settings | {
        "minima_per_molecule": 0,
        "torsion_scans": scans if scans == "fixed" else "none",
    }


def geometry_settings(wildcards):
    """The settings of one shard: scans are named for its own molecules alone."""
    settings = {k: v for k, v in config["geometries"].items() if k != "rung_frames"}
    names = {row["id"] for row in SHARDS[wildcards.shard]}
    named = {k: v for k, v in settings["torsion_scans"]["named"].items() if k in names}
    return settings | {"torsion_scans": settings["torsion_scans"] | {"named": named}}


def write_plans():
    """What `forceladder progress` measures shards by that have not begun."""
    for spec in LEVELS:
        plan = {shard: sum(map(estimated_cost, rows)) for shard, rows in SHARDS.items()}
        files.write_json(f"results/{RUN}/qm/{spec}/progress/plan.json", plan)


def megabytes(base, per_thread=0, datasets=0):
    """Memory of a job: twice as much with every attempt, never more than a site gives.

    datasets: how many times the whole training set is held
    """
    whole, most = base + round(datasets * DATASET_MB), config["max_mem_mb"]
    return lambda wildcards, threads, attempt: min(
        (whole + per_thread * threads) * 2 ** (attempt - 1), most
    )


def minutes(base, share=1.0):
    """Time of a job: twice as much with every attempt, never more than a site gives.

    share: of that, for steps of one shard, whose times a profile's `groups` adds up
    """
    most = int(config["max_runtime_minutes"] * share)
    return lambda wildcards, attempt: min(base * 2 ** (attempt - 1), most)


def gpus(device, corrected=True):
    """How many GPUs a job asks for: none where the configuration keeps it off them."""
    return config["gpus"] if corrected and device != "cpu" else 0


def all_cores():
    """Cores of this machine if jobs run on it; 1 on a cluster, and where nobody said: --lint."""
    try:
        return (not workflow.remote_exec and workflow.cores) or 1
    except WorkflowError:
        return 1


def base_model(wildcards):
    """The fitted rung that another one begins with, of the same seed."""
    base = config["rungs"][wildcards.rung].get("base")
    return [f"results/{{run}}/models/{base}/seed-{{seed}}"] if base else []


def release_folder():
    """Where the release of this run goes."""
    release = config["release"]
    return f"results/{RUN}/releases/{release['name']}-{release['version']}"
