"""forceladder: molecules → geometries → QM → training set → fit → validation → release."""

from snakemake.utils import min_version

min_version("9.0")


configfile: str(workflow.current_basedir.join("config/config.yaml"))


include: "workflow/rules/common.smk"


container: config["container"]


include: "workflow/rules/methods.smk"
include: "workflow/rules/shown.smk"
include: "workflow/rules/molecules.smk"
include: "workflow/rules/qm.smk"
include: "workflow/rules/training_set.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/front.smk"
include: "workflow/rules/release.smk"


onstart:
    write_plans()


# No default_target: what another workflow does by default is its own, and here this is the first rule
rule all:
    """Everything of one run, up to its release."""
    input:
        release_folder(),
        f"results/{RUN}/validation/front.html",
        f"results/{RUN}/validation/geometry_summary.csv",
        f"results/{RUN}/validation/survival.svg",
        # of the rungs, too, that are only looked at
        expand(
            "results/{run}/validation/{rung}/seed-{seed}/{picture}.svg",
            run=RUN,
            rung=RUNGS,
            seed=SEEDS[:1],
            picture=["history", "stability", "broken"],
        ),
        expand("results/{run}/validation/{method}/probes.svg", run=RUN, method=METHODS),
        expand("results/{run}/qm/{spec}/ledger.csv", run=RUN, spec=LEVELS),
        expand("results/{run}/qm/levels.csv", run=RUN)
        if config["qm"]["compare"]
        else [],
