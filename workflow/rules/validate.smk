"""The same questions to every rung and every baseline."""


rule predict_baselines:
    """MMFF94, UFF and GFN2-xTB on the geometries of the training set; OpenFF Sage if asked for."""
    input:
        training_set="results/{run}/training_set.nc",
    output:
        predictions="results/{run}/validation/baselines.nc",
    log:
        "results/{run}/logs/predict_baselines.log",
    conda:
        (
            "../../envs/openff.yaml"
            if config["validation"]["openff_baseline"]
            else "../../envs/md.yaml"
        )
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        with_openff=config["validation"]["openff_baseline"],
        code=rooms("validate/baselines.py", "validate/predictions.py", "openff/sage.py"),
    script:
        "../scripts/predict_baselines.py"


rule predict_rung:
    """A fitted rung on the geometries of the training set."""
    input:
        training_set="results/{run}/training_set.nc",
        model="results/{run}/models/{rung}/seed-{seed}",
    output:
        predictions="results/{run}/validation/{rung}/seed-{seed}/predictions.nc",
    log:
        "results/{run}/logs/predict_rung/{rung}/seed-{seed}.log",
    conda:
        "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        method=lambda w: method_name(w.rung, w.seed),
        code=rooms("energy", "model", "validate/predictions.py"),
    script:
        "../scripts/predict_rung.py"


rule score_errors:
    """Errors of every method per molecule and per split."""
    input:
        training_set="results/{run}/training_set.nc",
        rungs=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/predictions.nc",
            rung=RUNGS,
            seed=SEEDS,
        ),
        baselines="results/{run}/validation/baselines.nc",
    output:
        molecules="results/{run}/validation/molecule_errors.csv",
        splits="results/{run}/validation/split_errors.csv",
        plot=report(
            "results/{run}/validation/errors.svg",
            category="Errors",
            caption="../report/errors.rst",
            labels={"rung": "all", "picture": "errors"},
        ),
        parity=report(
            "results/{run}/validation/parity.svg",
            category="Errors",
            caption="../report/parity.rst",
            labels={"rung": "all", "picture": "parity"},
        ),
    log:
        "results/{run}/logs/score_errors.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        seed=config["validation"]["bootstrap_seed"],
        code=rooms("validate/errors.py", "validate/plots.py", "figures.py"),
    script:
        "../scripts/score_errors.py"


rule run_md:
    """NVE drift and NVT survival of every molecule in OpenMM."""
    input:
        training_set="results/{run}/training_set.nc",
        systems="results/{run}/systems/{rung}/seed-{seed}",
        model="results/{run}/models/{rung}/seed-{seed}",  # a correction is no part of a System
    output:
        trajectories="results/{run}/validation/{rung}/seed-{seed}/md.nc",
        stability="results/{run}/validation/{rung}/seed-{seed}/stability.json",
        plot=report(
            "results/{run}/validation/{rung}/seed-{seed}/stability.svg",
            category="Stability",
            caption="../report/stability.rst",
            labels={"rung": "{rung}", "picture": "stability"},
        ),
    log:
        "results/{run}/logs/run_md/{rung}/seed-{seed}.log",
    benchmark:
        "results/{run}/benchmarks/run_md/{rung}/seed-{seed}.tsv"
    conda:
        "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(12 * 60),
    params:
        settings=lambda w: md_settings(config, w.rung),
        code=rooms(
            "md",
            "export/openmm",
            "model/corrections",
            "validate/plots.py",
            "figures.py",
        ),
    script:
        "../scripts/run_md.py"


rule plot_scans:
    """Torsion profiles of the reference and of every method at the same geometries."""
    input:
        training_set="results/{run}/training_set.nc",
        rungs=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/predictions.nc",
            rung=RUNGS,
            seed=SEEDS,
        ),
        baselines="results/{run}/validation/baselines.nc",
    output:
        plot=report(
            "results/{run}/validation/torsion_scans.svg",
            category="Errors",
            caption="../report/torsion_scans.rst",
            labels={"rung": "all", "picture": "torsion scans"},
        ),
    log:
        "results/{run}/logs/plot_scans.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=rooms("validate/plots.py", "figures.py"),
    script:
        "../scripts/plot_scans.py"
