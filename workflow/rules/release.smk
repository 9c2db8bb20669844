"""Gates, what got worse, the report, then the release folder."""


rule judge_gates:
    """Hold every rung's numbers against the limits of the config."""
    input:  # of each what a gate measures: release/gates.py
        errors="results/{run}/validation/split_errors.csv",
        stability=released_files("stability.json"),
        proof=released_files("proof.csv"),
        engines=released_files("engines.csv"),
        geometries="results/{run}/validation/geometry_summary.csv",
        probes="results/{run}/validation/probe_summary.csv",
    output:
        gates=report(
            "results/{run}/validation/gates.csv",
            category="Release",
            caption="../report/gates.rst",
            labels={"method": "all", "picture": "gates, a table"},
        ),
    log:
        "results/{run}/logs/judge_gates.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        rungs=RELEASED,
        methods={rung: method_name(rung, SEEDS[0]) for rung in RELEASED},
        gates=config["gates"],
        waivers=config["waivers"],
        code=rooms("../judge_gates.py", "release/gates.py"),
    script:
        f"{SCRIPTS}/judge_gates.py"


rule compare_releases:
    """What got worse since the previous release, and which version the change asks for."""
    input:
        previous=f"{PREVIOUS}/manifest.json",
        training_set="results/{run}/training_set.nc",
        gates="results/{run}/validation/gates.csv",
        models=expand(
            "results/{{run}}/models/{rung}/seed-{seed}", rung=RELEASED, seed=SEEDS[:1]
        ),
        predictions=released_files("predictions.nc"),
        stability=released_files("stability.json"),
    output:
        changes=report(
            "results/{run}/validation/changes.csv",
            category="Release",
            caption="../report/changes.rst",
            labels={"method": "all", "picture": "changes, a table"},
        ),
        parameters="results/{run}/validation/parameter_changes.csv",
        plot=report(
            "results/{run}/validation/changes.svg",
            category="Release",
            caption="../report/changes.rst",
            labels={"method": "all", "picture": "what changed"},
        ),
        previous="results/{run}/validation/previous.json",
    log:
        "results/{run}/logs/compare_releases.log",
    conda:
        "../../envs/mace.yaml" if MACE else "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(60),
    params:
        rungs=RELEASED,
        release=config["release"],
        waivers=config["waivers"],
        spec=config["qm"]["specs"][REFERENCE],
        drift_limit=config["gates"]["max_nve_drift_kt_per_ns_per_dof"],
        seed=config["validation"]["bootstrap_seed"],
        code=rooms(
            "../compare_releases.py",
            "energy",
            "model",
            "export/numbers.py",
            "validate",
            "release",
        ),
    script:
        f"{SCRIPTS}/compare_releases.py"


rule write_report:
    """What people read of a run, whether or not its gates pass: report, summary, model card."""
    input:
        unpack(shown),
        training_set="results/{run}/training_set.nc",
        molecule_file=ancient(config["molecules"]["file"]),
        engine=f"results/{{run}}/qm/{REFERENCE}/engine.json",
        models=expand(
            "results/{{run}}/models/{rung}/seed-{seed}", rung=RELEASED, seed=SEEDS[:1]
        ),
    output:
        report=report(
            "results/{run}/report.html",
            category="Release",
            caption="../report/report.rst",
            labels={"method": "all", "picture": "the report of the run"},
        ),
        summary="results/{run}/summary.txt",
        card="results/{run}/MODEL_CARD.md",
        citation="results/{run}/CITATION.cff",
        account="results/{run}/account.json",
    log:
        "results/{run}/logs/write_report.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(2000, datasets=1),
        runtime=minutes(30),
    params:
        shown=[*SHOWN, *SHOWN_OF_RUNGS],
        methods={rung: method_name(rung, SEEDS[0]) for rung in RELEASED},
        config=SETTINGS,
        code=rooms(
            "../write_report.py",
            "release",
            "molecules/domain.py",
            "molecules/topology.py",
            "model/alternatives.py",
            "training_set/chosen.py",
            "training_set/dataset.py",
        ),
    script:
        f"{SCRIPTS}/write_report.py"


rule assemble_release:
    """The release: models, parameters, systems, errors, pictures, report, manifest."""
    input:
        unpack(shown),
        report="results/{run}/report.html",
        summary="results/{run}/summary.txt",
        card="results/{run}/MODEL_CARD.md",
        citation="results/{run}/CITATION.cff",
        account="results/{run}/account.json",
        training_set="results/{run}/training_set.nc",
        models=expand(
            "results/{{run}}/models/{rung}/seed-{seed}", rung=RELEASED, seed=SEEDS[:1]
        ),
        # uncertainties come from the models of the other seeds
        ensemble=expand(
            "results/{{run}}/models/{rung}/seed-{seed}", rung=RELEASED, seed=SEEDS[1:]
        ),
        systems=expand(
            "results/{{run}}/systems/{rung}/seed-{seed}", rung=RELEASED, seed=SEEDS[:1]
        ),
    output:
        release=directory("results/{run}/releases/{name}-{version}"),
    log:
        "results/{run}/logs/assemble_release/{name}-{version}.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(2000, datasets=1),
        runtime=minutes(30),
    params:
        shown=[*SHOWN, *SHOWN_OF_RUNGS],
        config=SETTINGS,
        code=rooms(
            "../assemble_release.py",
            "release",
            "molecules/domain.py",
            "molecules/topology.py",
            "model/alternatives.py",
            "training_set/dataset.py",
        ),
    script:
        f"{SCRIPTS}/assemble_release.py"
