"""Loss and errors along the fit."""

from pathlib import Path

from forceladder import job
from forceladder.figures import save_figure
from forceladder.fit.history import read_history
from forceladder.validate.plots.history import plot_history


def main(snakemake):
    history = read_history(Path(snakemake.input.model, "history.nc"))
    save_figure(plot_history(history, snakemake.wildcards.rung), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
