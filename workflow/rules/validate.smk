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
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(120),
    params:
        label=lambda w: label_of(w.method),
        surface=method_code,
        code=rooms(
            "../predict_method.py", "validate/predictions.py", "validate/methods.py"
        ),
    script:
        f"{SCRIPTS}/predict_method.py"


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
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(60),
    params:
        seed=config["validation"]["bootstrap_seed"],
        worst_cases=config["validation"]["worst_cases_per_method"],
        code=rooms(
            "../score_errors.py",
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
        f"{SCRIPTS}/score_errors.py"


rule run_md:
    """NVE drift and NVT survival of molecules in OpenMM, and what broke on the way."""
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
        broken=directory("results/{run}/validation/{method}/broken"),
        broken_plot=report(
            "results/{run}/validation/{method}/broken.svg",
            category="Stability",
            caption="../report/broken.rst",
            labels={"method": "{method}", "picture": "what broke"},
        ),
    log:
        "results/{run}/logs/run_md/{method}.log",
    benchmark:
        "results/{run}/benchmarks/run_md/{method}.tsv"
    conda:
        method_env
    threads: lambda w: md_settings(config, method_key(w.method))["threads"]
    resources:
        mem_mb=megabytes(1000, per_thread=1000, datasets=1),
        runtime=minutes(12 * 60),
        gpu=lambda w: gpus(
            md_settings(config, method_key(w.method))["device"], is_corrected(w.method)
        ),
    params:
        label=lambda w: label_of(w.method),
        max_molecules=config["validation"]["max_molecules"],
        settings=lambda w: {
            key: value
            for key, value in md_settings(config, method_key(w.method)).items()
            if key != "threads"  # on which no number depends
        },
        checkpoints="results/{run}/checkpoints/md/{method}",
        surface=method_code,
        # what trajectories depend on; a picture may change without them
        dynamics=rooms(
            "md",
            "molecules/connectivity.py",
            "molecules/stereo.py",
            "validate/dynamics.py",
            "validate/methods.py",
        ),
        code=rooms(
            "../run_md.py",
            "molecules/positions.py",
            "training_set/chosen.py",
            "validate/broken.py",
            "validate/plots/broken.py",
            "validate/plots/stability.py",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/run_md.py"


rule score_stability:
    """Survival with intervals, NVE drift and pair distances of every method, side by side."""
    input:
        training_set="results/{run}/training_set.nc",
        trajectories=expand("results/{{run}}/validation/{method}/md.nc", method=METHODS),
    output:
        survival="results/{run}/validation/survival.csv",
        drift="results/{run}/validation/drift.csv",
        distances="results/{run}/validation/distances.csv",
        survival_plot=report(
            "results/{run}/validation/survival.svg",
            category="Stability",
            caption="../report/survival.rst",
            labels={"method": "all", "picture": "survival"},
        ),
        distances_plot=report(
            "results/{run}/validation/distances.svg",
            category="Stability",
            caption="../report/distances.rst",
            labels={"method": "all", "picture": "pair distances"},
        ),
    log:
        "results/{run}/logs/score_stability.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(2000, datasets=1),
        runtime=minutes(30),
    params:
        labels=[label_of(method) for method in METHODS],
        temperatures={
            label_of(method): md_settings(config, method_key(method))[
                "nve_temperature_kelvin"
            ]
            for method in METHODS
        },
        code=rooms(
            "../score_stability.py",
            "md",
            "validate/distances.py",
            "validate/drift.py",
            "validate/survival.py",
            "validate/plots/survival.py",
            "validate/plots/style.py",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/score_stability.py"


rule relax_method:
    """The reference's torsion scans and minima, relaxed by the method itself; its Hessians."""
    input:
        unpack(method_inputs),
        training_set="results/{run}/training_set.nc",
    output:
        relaxed="results/{run}/validation/{method}/relaxed.nc",
    log:
        "results/{run}/logs/relax_method/{method}.log",
    benchmark:
        "results/{run}/benchmarks/relax_method/{method}.tsv"
    conda:
        method_env
    threads: 1
    resources:
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(12 * 60),
    params:
        label=lambda w: label_of(w.method),
        max_molecules=config["validation"]["max_molecules"],
        settings=config["validation"]["relaxations"],
        # survives a killed job and is no output, so that Snakemake never deletes it
        checkpoint="results/{run}/checkpoints/relax_method/{method}",
        surface=method_code,
        # what relaxations depend on; which molecules have theirs may change without them
        relaxing=rooms(
            "validate/relaxations.py",
            "validate/methods.py",
            "validate/vibrations.py",
            "molecules/angles.py",
            "molecules/connectivity.py",
            "molecules/relaxation.py",
            "molecules/stereo.py",
            "qm/hessians.py",
        ),
        code=rooms("../relax_method.py", "training_set/chosen.py"),
    script:
        f"{SCRIPTS}/relax_method.py"


rule score_geometries:
    """Relaxed torsion profiles, minima and vibrations of every method against the reference."""
    input:
        training_set="results/{run}/training_set.nc",
        relaxed=expand("results/{{run}}/validation/{method}/relaxed.nc", method=METHODS),
    output:
        profiles="results/{run}/validation/profile_errors.csv",
        minima="results/{run}/validation/minimum_errors.csv",
        frequencies="results/{run}/validation/frequency_errors.csv",
        summary="results/{run}/validation/geometry_summary.csv",
        profiles_plot=report(
            "results/{run}/validation/profiles.svg",
            category="Geometries",
            caption="../report/profiles.rst",
            labels={"method": "all", "picture": "torsion profiles"},
        ),
        minima_plot=report(
            "results/{run}/validation/minima.svg",
            category="Geometries",
            caption="../report/minima.rst",
            labels={"method": "all", "picture": "minima"},
        ),
        frequencies_plot=report(
            "results/{run}/validation/frequencies.svg",
            category="Geometries",
            caption="../report/frequencies.rst",
            labels={"method": "all", "picture": "frequencies"},
        ),
    log:
        "results/{run}/logs/score_geometries.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(60),
    params:
        seed=config["validation"]["bootstrap_seed"],
        code=rooms(
            "../score_geometries.py",
            "validate/bootstrap.py",
            "validate/frequencies.py",
            "validate/geometry_errors.py",
            "validate/geometry_summary.py",
            "validate/minima.py",
            "validate/plots/geometries.py",
            "validate/plots/style.py",
            "validate/profiles.py",
            "validate/relaxations.py",
            "validate/relaxed.py",
            "validate/vibrations.py",
            "molecules/positions.py",
            "qm/hessians.py",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/score_geometries.py"


rule probe_method:
    """Physics battery, clashes of two molecules, bonds pulled and pressed."""
    input:
        unpack(method_inputs),
        training_set="results/{run}/training_set.nc",
    output:
        probes="results/{run}/validation/{method}/probes.csv",
        plot=report(
            "results/{run}/validation/{method}/probes.svg",
            category="Stability",
            caption="../report/probes.rst",
            labels={"method": "{method}", "picture": "probes"},
        ),
    log:
        "results/{run}/logs/probe_method/{method}.log",
    conda:
        method_env
    threads: 1
    resources:
        mem_mb=megabytes(2000, datasets=1),
        runtime=minutes(120),
    params:
        label=lambda w: label_of(w.method),
        max_molecules=config["validation"]["max_molecules"],
        settings=config["validation"]["probes"],
        surface=method_code,
        code=rooms(
            "../probe_method.py",
            "validate/battery.py",
            "validate/checks.py",
            "validate/clash.py",
            "validate/geometry.py",
            "validate/jumps.py",
            "validate/methods.py",
            "validate/physics.py",
            "validate/plots/probes.py",
            "validate/probes.py",
            "validate/relatives.py",
            "export/dimer.py",
            "md/watch.py",
            "training_set/chosen.py",
            "deploy",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/probe_method.py"


rule score_probes:
    """The physics battery and the probes of all methods, check by check."""
    input:
        probes=expand("results/{{run}}/validation/{method}/probes.csv", method=METHODS),
    output:
        summary="results/{run}/validation/probe_summary.csv",
    log:
        "results/{run}/logs/score_probes.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        code=rooms("../score_probes.py", "validate/checks.py"),
    script:
        f"{SCRIPTS}/score_probes.py"
