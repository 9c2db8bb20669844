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
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        code=rooms("../find_engine.py"),
    script:
        f"{SCRIPTS}/find_engine.py"


rule build_datasets:
    """QCSubmit-loadable datasets, one file per molecule, kind and level of theory."""
    input:
        molecules="results/{run}/molecules/{shard}.json",
        geometries=[
            "results/{run}/geometries/{shard}",
            *(["results/{run}/rung_geometries/{shard}"] if RUNG_FRAMES else []),
        ],
    output:
        datasets=directory("results/{run}/qm/{spec}/datasets/{shard}"),
    log:
        "results/{run}/logs/build_datasets/{spec}/{shard}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30, share=1 / 20),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        procedures=lambda w: procedures(w.spec),
        builder=config["qm"]["dataset_builder"],
        code=rooms("../build_datasets.py", "qm/datasets.py", "qm/tasks.py"),
    script:
        f"{SCRIPTS}/build_datasets.py"


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
        mem_mb=megabytes(qm_megabytes(config["qm"])),
        runtime=minutes(24 * 60, share=1 / 2),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        cache=config["qm"]["cache"],
        limits={
            key: config["qm"][key] for key in ("memory_mb", "time_limit_s", "retries")
        },
        procedures=lambda w: procedures(w.spec),
        progress="results/{run}/qm/{spec}/progress/{shard}.json",
        # only what changes a QM number: a refactor elsewhere never looks like new QM
        code=rooms(
            "../compute_qm.py",
            "qm/runners",
            "qm/tasks.py",
            "qm/esp_grid.py",
            "qm/dispersion.py",
            "qm/records.py",
            "qm/procedures.py",
            "qm/hessians.py",
            "molecules/relaxation.py",
            "molecules/sampling.py",
            "molecules/torsion_scans.py",
        ),
    script:
        f"{SCRIPTS}/compute_qm.py"


rule judge_qm:
    """A verdict on every record: use it, or do not, and why."""
    input:
        records=all_shards("results/{run}/qm/{spec}/records/{shard}"),
    output:
        verdicts=report(
            "results/{run}/qm/{spec}/verdicts.csv",
            category="QM",
            caption="../report/verdicts.rst",
            labels={"level of theory": "{spec}", "picture": "table of verdicts"},
        ),
        counts="results/{run}/qm/{spec}/verdicts.json",
        plot=report(
            "results/{run}/qm/{spec}/verdicts.svg",
            category="QM",
            caption="../report/verdict_counts.rst",
            labels={"level of theory": "{spec}", "picture": "verdicts"},
        ),
        measures=report(
            "results/{run}/qm/{spec}/measures.svg",
            category="QM",
            caption="../report/verdict_measures.rst",
            labels={"level of theory": "{spec}", "picture": "measures"},
        ),
    log:
        "results/{run}/logs/judge_qm/{spec}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        spec=lambda w: config["qm"]["specs"][w.spec],
        limits=config["qm"]["limits"],
        code=rooms(
            "../judge_qm.py",
            "qm/verdicts",
            "qm/verdict_plots.py",
            "figures.py",
            "molecules/angles.py",
            "molecules/connectivity.py",
            "molecules/sampling.py",
            "molecules/stereo.py",
        ),
    script:
        f"{SCRIPTS}/judge_qm.py"


rule write_ledger:
    """What a level of theory has cost: core-hours by molecule, kind of calculation and outcome."""
    input:
        records=all_shards("results/{run}/qm/{spec}/records/{shard}"),
    output:
        ledger="results/{run}/qm/{spec}/ledger.csv",
        plot=report(
            "results/{run}/qm/{spec}/ledger.svg",
            category="QM",
            caption="../report/ledger.rst",
            labels={"level of theory": "{spec}", "picture": "cost"},
        ),
    log:
        "results/{run}/logs/write_ledger/{spec}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        code=rooms("../write_ledger.py", "qm/ledger.py", "qm/plots.py", "figures.py"),
    script:
        f"{SCRIPTS}/write_ledger.py"


rule compare_levels:
    """Other levels of theory beside the reference, at the same geometries."""
    input:
        records=all_shards(f"results/{{run}}/qm/{REFERENCE}/records/{{shard}}"),
        others=[
            f"results/{{run}}/qm/{spec}/records/{shard}"
            for spec in config["qm"]["compare"]
            for shard in SHARDS
        ],
    output:
        table="results/{run}/qm/levels.csv",
        plot=report(
            "results/{run}/qm/levels.svg",
            category="QM",
            caption="../report/levels.rst",
            labels={"level of theory": "all", "picture": "levels"},
        ),
    log:
        "results/{run}/logs/compare_levels.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        others={
            spec: [f"results/{RUN}/qm/{spec}/records/{shard}" for shard in SHARDS]
            for spec in config["qm"]["compare"]
        },
        specs=config["qm"]["specs"],
        reference=REFERENCE,
        code=rooms("../compare_levels.py", "qm/levels.py", "qm/plots.py", "figures.py"),
    script:
        f"{SCRIPTS}/compare_levels.py"
