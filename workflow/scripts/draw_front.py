"""Error against cost against stability: who is on the front, and what a step up costs."""

from forceladder import job
from forceladder.figures import save_figure
from forceladder.files import write_text
from forceladder.tables import read_table, write_table
from forceladder.validate.cost import with_numbers
from forceladder.validate.front import STEP_COLUMNS, steps, views
from forceladder.validate.plots.cost import plot_cost
from forceladder.validate.plots.front import plot_front
from forceladder.validate.plots.front_page import front_page
from forceladder.validate.standings import COLUMNS, reference_name, standings


def main(snakemake):
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    costs = read_table(inputs.cost)
    kinds = dict(params.kinds)
    if reference := reference_name(costs):
        kinds[reference] = "reference"
    others = (inputs.get("geometries"), inputs.get("survival"))
    geometries, survival = (read_table(path) if path else [] for path in others)
    rows = standings(
        kinds, read_table(inputs.errors), geometries, costs, survival, params.hottest_kelvin,
        params.seed,
    )  # fmt: skip
    pictures = views(rows)
    write_table(output.table, rows, COLUMNS)
    write_table(output.steps, [s for here in pictures.values() for s in steps(here)], STEP_COLUMNS)
    save_figure(plot_cost(with_numbers(costs)), output.cost_plot)
    save_figure(plot_front(next(iter(pictures.values()), [])), output.plot)
    write_text(output.page, front_page(rows, params.title))


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
