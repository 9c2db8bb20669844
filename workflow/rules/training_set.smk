"""Accepted records → one self-contained file."""


rule build_training_set:
    """Join topology and QM data of all molecules into one flat, ragged NetCDF file.

    Here, and nowhere else, it is judged whether too many QM records failed.
    """
    input:
        molecules="results/{run}/molecules.csv",
        shards=all_shards("results/{run}/molecules/{shard}.json"),
        records=all_shards(f"results/{{run}}/qm/{REFERENCE}/records/{{shard}}"),
        verdicts=f"results/{{run}}/qm/{REFERENCE}/verdicts.csv",
    output:
        training_set="results/{run}/training_set.nc",
        left_out="results/{run}/left_out.csv",
    log:
        "results/{run}/logs/build_training_set.log",
    conda:
        "../../envs/qm.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        spec=config["qm"]["specs"][REFERENCE],
        seeds={"geometries": config["geometries"]["seed"]},
        max_failed_fraction=config["qm"]["max_failed_fraction"],
        min_conformers=config["training_set"]["min_conformers"],
        code=rooms(
            "training_set", "molecules/topology.py", "molecules/lennard_jones.py"
        ),
    script:
        "../scripts/build_training_set.py"
