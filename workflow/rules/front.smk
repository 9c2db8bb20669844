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
    log:
        "results/{run}/logs/measure_cost.log",
    conda:
        all_methods_env()
    # all cores of the machine, so that nothing else of this run is on it; it uses one
    threads: all_cores()
    resources:
        mem_mb=megabytes(4000, datasets=1),
        runtime=minutes(120),
    params:
        methods={label_of(method): folders_of(method) for method in METHODS},
        molecules=config["validation"]["cost_molecules"],
        rounds=config["validation"]["cost_rounds"],
        code=rooms(
            "../measure_cost.py",
            "energy",
            "model",
            "export/openmm",
            "openff/sage.py",
            "validate/baselines.py",
            "validate/cost.py",
            "validate/methods.py",
            "validate/surface.py",
            "validate/timing.py",
        ),
    script:
        f"{SCRIPTS}/measure_cost.py"


rule draw_front:
    """Error against cost against stability: who is on the front, and what a step up costs."""
    input:
        errors="results/{run}/validation/molecule_errors.csv",
        cost="results/{run}/validation/cost.csv",
        geometries="results/{run}/validation/geometry_summary.csv",
        survival="results/{run}/validation/survival.csv",
    output:
        table="results/{run}/validation/front.csv",
        steps="results/{run}/validation/front_steps.csv",
        plot=report(
            "results/{run}/validation/front.svg",
            category="Front",
            caption="../report/front.rst",
            labels={"method": "all", "picture": "front"},
        ),
        cost_plot=report(
            "results/{run}/validation/cost.svg",
            category="Front",
            caption="../report/cost.rst",
            labels={"method": "all", "picture": "cost"},
        ),
        page=report(
            "results/{run}/validation/front.html",
            category="Front",
            caption="../report/front_page.rst",
            labels={"method": "all", "picture": "front, interactive"},
        ),
    log:
        "results/{run}/logs/draw_front.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        kinds={label_of(method): kind_of(method) for method in METHODS},
        hottest_kelvin=config["validation"]["front_temperature_kelvin"],
        title=f"The front of {RUN}",
        seed=config["validation"]["bootstrap_seed"],
        code=rooms(
            "../draw_front.py",
            "validate/bootstrap.py",
            "validate/cost.py",
            "validate/errors.py",
            "validate/front.py",
            "validate/same_molecules.py",
            "validate/standings.py",
            "validate/templates",
            "validate/plots/cost.py",
            "validate/plots/front.py",
            "validate/plots/front_page.py",
            "validate/plots/labels.py",
            "validate/plots/style.py",
            "figures.py",
        ),
    script:
        f"{SCRIPTS}/draw_front.py"
