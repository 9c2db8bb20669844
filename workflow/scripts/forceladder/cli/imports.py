"""`forceladder import`: QM data of others as a training set."""

from pathlib import Path

from forceladder.cli.words import of_the_system, positive


def add_import_command(commands):
    """`forceladder import --format … PATH OUT.nc`."""
    parser = commands.add_parser(
        "import", help="QM data of others as a training set", description=run_import.__doc__
    )
    parser.add_argument("path", help="file, or folder of such files")
    parser.add_argument("out", help="training set to write, .nc")
    parser.add_argument("--format", required=True, help="as in the config's imports section")
    parser.add_argument("--level", dest="level_of_theory", help="level of theory, unless PATH says")
    parser.add_argument("--name", help="ids of molecules begin with it; without it OUT's name")
    parser.add_argument("--split", choices=("train", "validation", "test"))
    parser.add_argument("--charge", type=int, help="of molecules whose bonds are perceived, e")
    parser.add_argument("--max-conformers-per-molecule", type=positive(int))
    parser.add_argument("--hot-kcal-per-atom", type=positive(float))
    for option in ("--smiles", "--energy-key", "--forces-key", "--energy-unit", "--force-unit"):
        parser.add_argument(option, help="of an extxyz file, as in the config")
    parser.set_defaults(run=lambda options: of_the_system(run_import, options))


def run_import(options) -> int:
    """Write a training set of someone else's QM data, and beside it OUT.rejected.csv."""
    from forceladder.configuration import check_import
    from forceladder.tables import write_table
    from forceladder.training_set.dataset import provenance, write_training_set
    from forceladder.training_set.importers.collect import REJECTED_COLUMNS, import_data

    out = Path(options.out)
    own = ("command", "path", "out", "name", "run")
    settings = {k: v for k, v in vars(options).items() if k not in own and v is not None}
    if settings.get("forces_key") == "null":  # as the config writes it
        settings["forces_key"] = None
    check_import(options.name or out.stem, settings)
    dataset, rejected = import_data(options.name or out.stem, options.path, settings)
    write_training_set(dataset, out)
    write_table(out.with_suffix(".rejected.csv"), rejected, REJECTED_COLUMNS)
    counts = provenance(dataset)["counts"]
    print(f"{out}: " + ", ".join(f"{value} {key}" for key, value in counts.items()))
    return 0
