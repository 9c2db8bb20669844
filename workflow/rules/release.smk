"""Gates, then the release folder."""


rule judge_gates:
    """Hold every rung's numbers against the limits of the config."""
    input:
        errors="results/{run}/validation/split_errors.csv",
        stability=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/stability.json",
            rung=RELEASED,
            seed=SEEDS[:1],
        ),
        proof=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/proof.csv",
            rung=RELEASED,
            seed=SEEDS[:1],
        ),
        engines=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/engines.csv",
            rung=RELEASED,
            seed=SEEDS[:1],
        ),
    output:
        gates=report(
            "results/{run}/validation/gates.csv",
            category="Release",
            caption="../report/gates.rst",
        ),
    log:
        "results/{run}/logs/judge_gates.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        rungs=RELEASED,
        methods={rung: method_name(rung, SEEDS[0]) for rung in RELEASED},
        gates=config["gates"],
        waivers=config["waivers"],
        code=rooms("release/gates.py"),
    script:
        "../scripts/judge_gates.py"


rule assemble_release:
    """The release: models, parameters, systems, errors, pictures, model card, manifest, report."""
    input:
        training_set="results/{run}/training_set.nc",
        molecule_file=ancient(config["molecules"]["file"]),
        molecules="results/{run}/molecules.csv",
        rejected="results/{run}/rejected.csv",
        left_out="results/{run}/left_out.csv",
        verdicts=f"results/{{run}}/qm/{REFERENCE}/verdicts.csv",
        engine=f"results/{{run}}/qm/{REFERENCE}/engine.json",
        ledger=f"results/{{run}}/qm/{REFERENCE}/ledger.csv",
        verdicts_plot=f"results/{{run}}/qm/{REFERENCE}/verdicts.svg",
        measures_plot=f"results/{{run}}/qm/{REFERENCE}/measures.svg",
        ledger_plot=f"results/{{run}}/qm/{REFERENCE}/ledger.svg",
        torsion_scans_plot="results/{run}/validation/torsion_scans.svg",
        molecule_errors="results/{run}/validation/molecule_errors.csv",
        split_errors="results/{run}/validation/split_errors.csv",
        errors_plot="results/{run}/validation/errors.svg",
        parity_plot="results/{run}/validation/parity.svg",
        gates="results/{run}/validation/gates.csv",
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
        validation=expand(
            "results/{{run}}/validation/{rung}/seed-{seed}/{file}",
            rung=RELEASED,
            seed=SEEDS[:1],
            file=[
                "stability.json",
                "proof.csv",
                "engines.csv",
                "stability.svg",
                "history.svg",
            ],
        ),
    output:
        release=directory("results/{run}/releases/{name}-{version}"),
    log:
        "results/{run}/logs/assemble_release/{name}-{version}.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        rungs=RELEASED,
        methods={rung: method_name(rung, SEEDS[0]) for rung in RELEASED},
        config=config,
        code=rooms("release", "molecules/domain.py", "molecules/topology.py"),
    script:
        "../scripts/assemble_release.py"
