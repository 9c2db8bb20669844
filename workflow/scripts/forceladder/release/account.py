"""What a release was made from: the manifest but for the digests of its files."""

from pathlib import Path

from forceladder import __version__, files, provenance
from forceladder.qm.tasks import level_of_theory
from forceladder.qm.verdicts import ACCEPTED
from forceladder.release.contents import Contents
from forceladder.tables import read_table


def account_of(inputs, methods: dict[str, str], config: dict, contents: Contents) -> dict:
    """Everything that the release was made from.

    inputs: named paths as rule write_report lists them      methods: rung → its name in tables
    """
    spec = config["qm"]["specs"][config["qm"]["reference"]]
    verdicts = read_table(inputs.verdicts)
    return {
        "name": config["release"]["name"],
        "version": config["release"]["version"],
        "forceladder": __version__,
        "rungs": list(methods),
        "methods": methods,
        "elements": contents.domain.elements,
        "net_charge": contents.domain.net_charge,
        "level_of_theory": level_of_theory(spec),
        "spec": spec,
        "engine": files.read_json(inputs.engine),
        "seeds": seeds_of(config, methods),
        "fits": {
            rung: {key: fit[key] for key in ("seed", "device")}
            for rung, fit in fits_of(inputs.models, methods).items()
        },
        "molecules": {
            split: sum(row["split"] == split for row in contents.molecules)
            for split in ("train", "validation", "test")
        },
        "geometries": contents.kinds,
        "imports": contents.imports,
        "fitted_to": ["energies", "forces", "dipoles"]
        + (["electrostatic potentials"] if spec.get("esp") else []),
        "inputs": {
            "training_set_arrays_sha256": contents.digest,
            "molecules_sha256": provenance.file_digest(inputs.molecule_file),
            "qm_records": [row["digest"] for row in verdicts],
            "accepted": [row["digest"] for row in verdicts if row["verdict"] == ACCEPTED],
            "splits": {row["id"]: row["split"] for row in contents.molecules},
        },
        "code": provenance.code_commit(),
        "config": config,
        # what two runs of the same commit and config need not have in common
        "run": {
            "packages": provenance.package_versions(),
            "machine": provenance.machine(),
            "training_set_sha256": provenance.file_digest(inputs.training_set),
        },
    }


def fits_of(models, rungs) -> dict[str, dict]:
    """What each rung's fit says of itself; models: folders in the order of the rungs."""
    return {
        rung: files.read_json(Path(model, "fit.json"))
        for rung, model in zip(rungs, models, strict=True)
    }


def seeds_of(config: dict, rungs) -> dict:
    """Every seed that a number of the release depends on."""
    first, *others = config["fit"]["seeds"]
    return {
        "geometries": config["geometries"]["seed"],
        "fit": dict.fromkeys(rungs, first),
        "ensemble": others,
        "md": {
            rung: (config["md"] | config["rungs"][rung].get("md", {}))["seed"] for rung in rungs
        },
        "bootstrap": config["validation"]["bootstrap_seed"],
    }
