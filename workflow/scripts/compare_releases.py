"""What got worse since the previous release, and which version the change asks for."""

from pathlib import Path

from forceladder import files, job
from forceladder.errors import CorruptFileError, VersionError
from forceladder.figures import save_figure
from forceladder.model.checkpoint import load_model
from forceladder.qm.tasks import level_of_theory
from forceladder.release import previous, regressions, versions
from forceladder.tables import read_table, write_table
from forceladder.training_set.dataset import read_training_set
from forceladder.validate import parameter_shifts
from forceladder.validate.changes import compare_models
from forceladder.validate.groups import functional_groups
from forceladder.validate.plots.changes import plot_changes


def main(snakemake):
    given, settings = snakemake.input, snakemake.params.release
    folder = Path(given.previous).parent
    old, dataset = previous.read_previous(folder), read_training_set(given.training_set)
    old_splits = previous.splits_of(old, dataset)
    rows = regressions.gate_changes(
        old["gates"], read_table(given.gates), settings["regression_tolerance_fraction"]
    )
    shifts, new_rungs = [], {}
    for k, rung in enumerate(snakemake.params.rungs):
        new_rungs[rung] = files.read_json(Path(given.models[k], "fit.json"))["settings"]
        if rung not in old["rungs"]:
            continue
        predictions = files.read_netcdf(given.predictions[k])
        try:
            found, moved = compare_models(
                dataset, load_model(folder / "models" / rung), load_model(given.models[k]),
                predictions, snakemake.params.seed, functional_groups,
            )  # fmt: skip
        except (CorruptFileError, VersionError) as error:
            raise previous.unreadable(folder, error) from error
        rows += regressions.judged_changes(
            rung, found, old_splits, settings, snakemake.params.waivers
        )
        rows += regressions.stability_changes(
            rung, old["stability"][rung], files.read_json(given.stability[k]),
            settings["regression_tolerance_fraction"], snakemake.params.drift_limit,
        )  # fmt: skip
        shifts += [{"rung": rung} | shift for shift in moved]
    write_table(snakemake.output.changes, rows, regressions.COLUMNS)
    write_table(snakemake.output.parameters, shifts, parameter_shifts.COLUMNS)
    save_figure(plot_changes(rows), snakemake.output.plot)
    level = level_of_theory(snakemake.params.spec)
    new = {"version": settings["version"], "level_of_theory": level, "rungs": new_rungs}
    tolerance = settings["parameter_tolerance_fraction"]
    known = {name: old[name] for name in ("name", "version", "manifest_sha256")}
    judged = versions.judged_version(old, new, shifts, tolerance)
    files.write_json(snakemake.output.previous, known | judged)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
