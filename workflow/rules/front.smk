"""What a force costs, and what it is worth: error against cost against stability."""


rule measure_cost:
    """Milliseconds of a force and of a step of MD, all methods in turn on one thread."""
    input:
        training_set="results/{run}/training_set.nc",
        fitted=expand(
            "results/{{run}}/{kind}/{method}",
            kind=["systems", "models"],
            method=FITTED,
        ),
        ledger=f"results/{{run}}/qm/{REFERENCE}/ledger.csv",
    output:
        cost="results/{run}/validation/cost.csv",
        plot=report(
            "results/{run}/validation/cost.svg",
            category="Front",
            caption="../report/cost.rst",
            labels={"method": "all", "picture": "cost"},
        ),
    log:
        "results/{run}/logs/measure_cost.log",
    conda:
        all_methods_env()
    # all cores of the machine, so that nothing else of this run is on it; it uses one
    threads: workflow.cores or 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        methods={label_of(method): folders_of(method) for method in METHODS},
        molecules=config["validation"]["cost_molecules"],
        rounds=config["validation"]["cost_rounds"],
        code=rooms(
            "energy",
            "model",
            "export/openmm",
            "openff/sage.py",
            "validate/baselines.py",
            "validate/cost.py",
            "validate/methods.py",
            "validate/surface.py",
            "validate/timing.py",
            "validate/plots/cost.py",
            "validate/plots/style.py",
            "figures.py",
        ),
    script:
        "../scripts/measure_cost.py"
