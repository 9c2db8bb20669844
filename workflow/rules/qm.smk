"""Geometries → QM datasets → records → verdicts."""


rule find_engine:
    """Find the program of a level of theory once, before any job needs it."""
    output:
        engine="results/{run}/qm/{spec}/engine.json",
    log:
        "results/{run}/logs/find_engine/{spec}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
    script:
        "../scripts/find_engine.py"


rule build_datasets:
    """One QCSubmit-loadable dataset file per molecule and level of theory."""
    input:
        molecules="results/{run}/molecules/{shard}.json",
        geometries="results/{run}/geometries/{shard}",
    output:
        datasets=directory("results/{run}/qm/{spec}/datasets/{shard}"),
    log:
        "results/{run}/logs/build_datasets/{spec}/{shard}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        code=rooms("qm/datasets.py", "qm/tasks.py"),
    script:
        "../scripts/build_datasets.py"


rule compute_qm:
    """Energies and gradients of one shard: what the cache has is taken, the rest is computed."""
    input:
        datasets="results/{run}/qm/{spec}/datasets/{shard}",
        engine="results/{run}/qm/{spec}/engine.json",
    output:
        records=directory("results/{run}/qm/{spec}/records/{shard}"),
    log:
        "results/{run}/logs/compute_qm/{spec}/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/compute_qm/{spec}/{shard}.tsv"
    conda:
        "../../envs/qm.yaml"
    threads: config["qm"]["threads"]
    resources:
        mem_mb=growing(config["qm"]["memory_mb"] * 5 // 4 + 400),
        runtime=growing(24 * 60),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        cache=config["qm"]["cache"],
        memory_mb=config["qm"]["memory_mb"],
        time_limit_s=config["qm"]["time_limit_s"],
        # only what changes a QM number: a refactor elsewhere never looks like new QM
        code=rooms(
            "qm/runners",
            "qm/tasks.py",
            "qm/esp_grid.py",
            "qm/dispersion.py",
            "qm/records.py",
        ),
    script:
        "../scripts/compute_qm.py"


rule judge_qm:
    """A verdict on every record: use it, or do not, and why."""
    input:
        records=all_shards("results/{run}/qm/{spec}/records/{shard}"),
    output:
        verdicts=report(
            "results/{run}/qm/{spec}/verdicts.csv",
            category="QM",
            caption="../report/verdicts.rst",
        ),
    log:
        "results/{run}/logs/judge_qm/{spec}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        limits={
            "max_net_force": config["qm"]["max_net_force_kcal_per_angstrom"],
            "max_force": config["qm"]["max_force_kcal_per_angstrom"],
        },
        code=rooms("qm/verdicts.py", "molecules/connectivity.py"),
    script:
        "../scripts/judge_qm.py"
