"""The same questions to every rung and every baseline."""


rule predict_method:
    """A fitted rung or a baseline on the geometries of the training set."""
    input:
        unpack(fitted_model),
        training_set="results/{run}/training_set.nc",
    output:
        predictions="results/{run}/validation/{method}/predictions.nc",
    log:
        "results/{run}/logs/predict_method/{method}.log",
    conda:
        method_env
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        label=lambda w: label_of(w.method),
        surface=method_code,
        code=rooms("validate/predictions.py", "validate/methods.py"),
    script:
        "../scripts/predict_method.py"


rule score_errors:
    """Errors of every method per molecule, split and functional group, and the worst cases."""
    input:
        training_set="results/{run}/training_set.nc",
        predictions=expand(
            "results/{{run}}/validation/{method}/predictions.nc", method=METHODS
        ),
    output:
        molecules="results/{run}/validation/molecule_errors.csv",
        splits="results/{run}/validation/split_errors.csv",
        groups="results/{run}/validation/group_errors.csv",
        worst="results/{run}/validation/worst_cases.csv",
        plot=report(
            "results/{run}/validation/errors.svg",
            category="Errors",
            caption="../report/errors.rst",
            labels={"method": "all", "picture": "errors"},
        ),
        parity=report(
            "results/{run}/validation/parity.svg",
            category="Errors",
            caption="../report/parity.rst",
            labels={"method": "all", "picture": "parity"},
        ),
        groups_plot=report(
            "results/{run}/validation/group_errors.svg",
            category="Errors",
            caption="../report/group_errors.rst",
            labels={"method": "all", "picture": "functional groups"},
        ),
        worst_plot=report(
            "results/{run}/validation/worst.svg",
            category="Errors",
            caption="../report/worst.rst",
            labels={"method": "all", "picture": "worst cases"},
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
        worst_cases=config["validation"]["worst_cases_per_method"],
        code=rooms(
            "validate/bootstrap.py",
            "validate/errors.py",
            "validate/functional_groups.csv",
            "validate/groups.py",
            "validate/group_errors.py",
            "validate/worst.py",
            "validate/plots/errors.py",
            "validate/plots/groups.py",
            "validate/plots/worst.py",
            "validate/plots/style.py",
            "figures.py",
        ),
    script:
        "../scripts/score_errors.py"


rule run_md:
    """NVE drift and NVT survival of every molecule in OpenMM."""
    input:
        unpack(method_inputs),
        training_set="results/{run}/training_set.nc",
    output:
        trajectories="results/{run}/validation/{method}/md.nc",
        stability="results/{run}/validation/{method}/stability.json",
        plot=report(
            "results/{run}/validation/{method}/stability.svg",
            category="Stability",
            caption="../report/stability.rst",
            labels={"method": "{method}", "picture": "stability"},
        ),
    log:
        "results/{run}/logs/run_md/{method}.log",
    benchmark:
        "results/{run}/benchmarks/run_md/{method}.tsv"
    conda:
        method_env
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(12 * 60),
    params:
        label=lambda w: label_of(w.method),
        settings=lambda w: md_settings(config, FITTED[w.method][0]),
        surface=method_code,
        code=rooms(
            "md",
            "validate/methods.py",
            "validate/plots/stability.py",
            "figures.py",
        ),
    script:
        "../scripts/run_md.py"


rule plot_scans:
    """Torsion profiles of the reference and of every method at the same geometries."""
    input:
        training_set="results/{run}/training_set.nc",
        predictions=expand(
            "results/{{run}}/validation/{method}/predictions.nc", method=METHODS
        ),
    output:
        plot=report(
            "results/{run}/validation/torsion_scans.svg",
            category="Errors",
            caption="../report/torsion_scans.rst",
            labels={"method": "all", "picture": "torsion scans"},
        ),
    log:
        "results/{run}/logs/plot_scans.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=rooms("validate/plots/scans.py", "validate/plots/style.py", "figures.py"),
    script:
        "../scripts/plot_scans.py"
