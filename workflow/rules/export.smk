"""Models → parameters and systems, with proof that the engine agrees."""


rule export_systems:
    """Parameters and files for the engines, and their agreement with the training code."""
    input:
        training_set="results/{run}/training_set.nc",
        model="results/{run}/models/{rung}/seed-{seed}",
    output:
        systems=directory("results/{run}/systems/{rung}/seed-{seed}"),
        proof="results/{run}/validation/{rung}/seed-{seed}/proof.csv",
        engines="results/{run}/validation/{rung}/seed-{seed}/engines.csv",
    log:
        "results/{run}/logs/export_systems/{rung}/seed-{seed}.log",
    conda:
        "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(2000, datasets=1),
        runtime=minutes(60),
    params:
        engines=config["export"]["engines"],
        code=rooms("../export_systems.py", "export", "energy", "model"),
    script:
        f"{SCRIPTS}/export_systems.py"
