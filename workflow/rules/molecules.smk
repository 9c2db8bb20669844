"""Rows of the input → checked molecules → geometries."""


rule read_molecules:
    """Check the molecules of one shard; say why each rejected one was rejected."""
    input:
        # ancient: what matters of the file is in params.rows, so that a new row reruns its shard alone
        molecules=ancient(config["molecules"]["file"]),
    output:
        molecules="results/{run}/molecules/{shard}.json",
    log:
        "results/{run}/logs/read_molecules/{shard}.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30, share=1 / 20),
    params:
        rows=shard_rows,
        settings=config["molecules"],
        code=rooms("../read_molecules.py", "molecules/listing.py", "molecules/read.py"),
    script:
        f"{SCRIPTS}/read_molecules.py"


rule generate_geometries:
    """Conformers, displaced geometries and torsion scans of one shard."""
    input:
        molecules="results/{run}/molecules/{shard}.json",
        molecule_file=ancient(config["molecules"]["file"]),
    output:
        geometries=directory("results/{run}/geometries/{shard}"),
    log:
        "results/{run}/logs/generate_geometries/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/generate_geometries/{shard}.tsv"
    conda:
        "../../envs/qm.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(120, share=1 / 6),
    params:
        settings=geometry_settings,
        checks={k: v for k, v in config["molecules"].items() if k != "file"},
        code=rooms(
            "../generate_geometries.py",
            "molecules/read.py",
            "molecules/conformers.py",
            "molecules/sampling.py",
            "molecules/normal_modes.py",
            "molecules/relaxation.py",
            "molecules/torsion_scans.py",
            "molecules/geometries.py",
        ),
    script:
        f"{SCRIPTS}/generate_geometries.py"


rule list_molecules:
    """All molecules that go on, and all that do not, each with its reason."""
    input:
        molecule_file=config["molecules"]["file"],
        molecules=all_shards("results/{run}/molecules/{shard}.json"),
        geometries=all_shards("results/{run}/geometries/{shard}"),
    output:
        accepted="results/{run}/molecules.csv",
        rejected=report(
            "results/{run}/rejected.csv",
            category="Molecules",
            caption="../report/rejected.rst",
            labels={"method": "all", "picture": "rejected, a table"},
        ),
    log:
        "results/{run}/logs/list_molecules.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        code=rooms("../list_molecules.py", "molecules/read.py"),
    script:
        f"{SCRIPTS}/list_molecules.py"


rule sample_rung:
    """Geometries of molecular dynamics with a rung that was fitted before, for one shard."""
    input:
        molecules="results/{run}/molecules/{shard}.json",
        geometries="results/{run}/geometries/{shard}",
        release=config["geometries"]["rung_frames"]["release"] or [],
    output:
        geometries=directory("results/{run}/rung_geometries/{shard}"),
    log:
        "results/{run}/logs/sample_rung/{shard}.log",
    benchmark:
        "results/{run}/benchmarks/sample_rung/{shard}.tsv"
    conda:
        "../../envs/md.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(120, share=1 / 6),
    params:
        settings=config["geometries"]["rung_frames"],
        code=rooms(
            "../sample_rung.py",
            "md/sampling.py",
            "md/simulator.py",
            "export",
            "model",
            "energy",
            "deploy",
        ),
    script:
        f"{SCRIPTS}/sample_rung.py"
