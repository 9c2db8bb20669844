"""Accepted records, and data of others → one self-contained file."""


rule import_data:
    """QM data of others as a training set of its own; molecules that cannot be used are listed."""
    input:
        source=lambda w: config["imports"][w.source]["path"],
    output:
        dataset="results/{run}/imports/{source}.nc",
        rejected="results/{run}/imports/{source}.rejected.csv",
    log:
        "results/{run}/logs/import_data/{source}.log",
    wildcard_constraints:
        source="|".join(re.escape(name) for name in config["imports"]),
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(120),
    params:
        settings=lambda w: {
            key: value
            for key, value in config["imports"][w.source].items()
            if key != "path"
        },
        elements=config["molecules"]["elements"],
        split_fractions=config["molecules"]["split_fractions"],
        code=rooms(
            "../import_data.py",
            "training_set",
            "molecules/angles.py",
            "molecules/read.py",
            "molecules/connectivity.py",
            "molecules/topology.py",
            "molecules/lennard_jones.py",
        ),
    script:
        f"{SCRIPTS}/import_data.py"


rule build_training_set:
    """Join topology and QM data of all molecules, and all imports, into one flat NetCDF file.

    Here, and nowhere else, it is judged whether too many QM records failed.
    """
    input:
        molecules="results/{run}/molecules.csv",
        shards=all_shards("results/{run}/molecules/{shard}.json"),
        records=all_shards(f"results/{{run}}/qm/{REFERENCE}/records/{{shard}}"),
        verdicts=f"results/{{run}}/qm/{REFERENCE}/verdicts.csv",
        imports=expand("results/{{run}}/imports/{source}.nc", source=config["imports"]),
    output:
        training_set="results/{run}/training_set.nc",
        left_out="results/{run}/left_out.csv",
    log:
        "results/{run}/logs/build_training_set.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=megabytes(4000, datasets=2),  # arrays of all molecules, and joined
        runtime=minutes(60),
    params:
        spec=config["qm"]["specs"][REFERENCE],
        seeds={"geometries": config["geometries"]["seed"]},
        max_failed_fraction=config["qm"]["max_failed_fraction"],
        min_conformers=config["training_set"]["min_conformers"],
        leave_out_flags=config["training_set"]["leave_out_flags"],
        code=rooms(
            "../build_training_set.py",
            "training_set",
            "molecules/topology.py",
            "molecules/lennard_jones.py",
        ),
    script:
        f"{SCRIPTS}/build_training_set.py"
