"""NVE drift and NVT survival of molecules in OpenMM, and what broke on the way."""

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.model.device import chosen_device
from forceladder.training_set.chosen import chosen_molecules
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.broken import write_broken
from forceladder.validate.dynamics import run_molecules
from forceladder.validate.methods import Method
from forceladder.validate.plots.broken import plot_broken
from forceladder.validate.plots.stability import plot_stability


def main(snakemake):
    given, params = snakemake.input, snakemake.params
    dataset = chosen_molecules(read_training_set(given.training_set), params.max_molecules)
    method = Method(
        params.label, given.get("systems"), given.get("model"), params.dynamics + params.surface,
        chosen_device(params.settings["device"]),
    )  # fmt: skip
    results = run_molecules(
        dataset, method, params.settings, params.checkpoints, snakemake.threads
    )  # fmt: skip
    trajectories = as_md_dataset(results, params.settings)
    kelvin = params.settings["nve_temperature_kelvin"]
    rows = stability_rows(trajectories, kelvin)
    for row in rows:
        for death in row["deaths"]:
            job.log.info("%s, %s", row["molecule"], death)
    files.write_netcdf(
        snakemake.output.trajectories, trajectories, {"nvt_distance_count": {"zlib": True}}
    )
    files.write_json(snakemake.output.stability, rows)
    write_broken(snakemake.output.broken, dataset, trajectories)
    save_figure(plot_stability(trajectories, params.label, kelvin), snakemake.output.plot)
    save_figure(plot_broken(dataset, trajectories, params.label), snakemake.output.broken_plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
