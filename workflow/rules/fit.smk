"""The training set → one model per rung and seed."""


rule fit_rung:
    """Fit one rung of the ladder with one seed, on a GPU where there is one."""
    input:
        training_set="results/{run}/training_set.nc",
        base=base_model,
    output:
        model=directory("results/{run}/models/{rung}/seed-{seed}"),
    log:
        "results/{run}/logs/fit_rung/{rung}/seed-{seed}.log",
    benchmark:
        "results/{run}/benchmarks/fit_rung/{rung}/seed-{seed}.tsv"
    conda:
        "../../envs/mace.yaml" if MACE else "../../envs/fit.yaml"
    threads: config["fit"]["threads"]
    resources:
        # the set, its batches, and B matrices of twice its size (fit.training.keep_geometry)
        mem_mb=megabytes(8000, datasets=4),
        runtime=minutes(12 * 60),
        gpu=gpus(config["fit"]["device"]),
    params:
        settings=lambda w: fit_settings(config, w.rung),
        device=config["fit"]["device"],
        # survives a killed job and is no output, so that Snakemake never deletes it
        checkpoint="results/{run}/checkpoints/{rung}/seed-{seed}.pt",
        code=rooms(
            "../fit_rung.py", "training_set/dataset.py", "energy", "model", "fit"
        ),
    script:
        f"{SCRIPTS}/fit_rung.py"


rule plot_history:
    """Loss and errors along the fit."""
    input:
        model="results/{run}/models/{rung}/seed-{seed}",
    output:
        plot=report(
            "results/{run}/validation/{rung}/seed-{seed}/history.svg",
            category="Fit",
            caption="../report/history.rst",
            labels={"rung": "{rung}", "picture": "history"},
        ),
    log:
        "results/{run}/logs/plot_history/{rung}/seed-{seed}.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        code=rooms(
            "../plot_history.py",
            "validate/plots/history.py",
            "validate/plots/style.py",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/plot_history.py"
