"""`forceladder parametrize`: a molecule and a release → the files of an engine."""

import sys
from pathlib import Path

# as in deploy.formats, which costs seconds to import
FORMATS = ("openmm", "ffxml", "lammps", "gromacs", "amber", "offxml", "csv", "json")


def add_parametrize_command(commands):
    """`forceladder parametrize RELEASE (--smiles … | --file …) --format … --out …`."""
    parser = commands.add_parser(
        "parametrize", help="a molecule for an engine", description=run_parametrize.__doc__
    )
    parser.add_argument("release", help="release folder")
    molecule = parser.add_mutually_exclusive_group(required=True)
    molecule.add_argument("--smiles", help="atoms in its order, or in that of its map numbers")
    molecule.add_argument("--file", type=Path, help=".sdf, .mol or .mol2 file of one molecule")
    parser.add_argument("--rung", help="needed where the release holds several")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--out", required=True, type=Path, help="folder to write into")
    parser.add_argument("--name", help="of the files; without it that of --file")
    parser.add_argument(
        "--charges", choices=("file", "force_field"),
        help="whose charges; without it those of an SDF file that has them, else the force field's",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true", help="refuse what is unlike the training set"
    )
    parser.set_defaults(run=run_parametrize)


def run_parametrize(options) -> int:
    """Write the files of one molecule; what is unlike the training set is said on the way."""
    import warnings

    from forceladder import files
    from forceladder.deploy.force_field import load
    from forceladder.deploy.formats import FORMATS as WRITERS
    from forceladder.deploy.molecule import plain_name
    from forceladder.errors import DomainWarning

    def say(sentence):
        print(f"forceladder parametrize: {sentence}", file=sys.stderr)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        field = load(options.release, options.rung)
        source = options.file if options.smiles is None else options.smiles
        molecule = field.parametrize(source, charges=options.charges, strict=options.strict)
    for warning in caught:
        if issubclass(warning.category, DomainWarning):
            say(warning.message)
    stem = files.as_name(options.file.stem) if options.file else "molecule"
    name = plain_name(options.name or stem.lstrip("-._+") or "molecule")
    for path in WRITERS[options.format](molecule, options.out, name):
        print(path)
    if options.format == "openmm" and molecule.model.correction is not None:
        say("the System has no correction in it; load the release and use to_openmm() for that.")
    return 0
