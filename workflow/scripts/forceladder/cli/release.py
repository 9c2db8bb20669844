"""`forceladder verify`, `compare` and `why`: what is asked of a release."""

import argparse
import sys

from forceladder.cli.words import positive


def add_release_commands(commands):
    check = commands.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", help="release folder")
    check.set_defaults(run=run_verify)
    compare = commands.add_parser(
        "compare", help="whether two releases are the same", description=run_compare.__doc__
    )
    compare.add_argument("first", help="release folder")
    compare.add_argument("second", help="release folder")
    compare.add_argument(
        "--tolerance", type=positive(float), default=1e-6,
        help="of parameters, relative to the largest of their kind in a molecule (%(default)s)",
    )  # fmt: skip
    compare.set_defaults(run=run_compare)
    why = commands.add_parser(
        "why", help="what taught a parameter, back to the QM", description=run_why.__doc__
    )
    why.add_argument("release", help="release folder")
    why.add_argument("molecule", help="its name in the release, or a SMILES")
    why.add_argument("--rung", help="of a parameter; needed where the release holds several")
    why.add_argument("--term", help="such as bond_harmonic")
    why.add_argument("--atoms", type=row_of_atoms, help="of a row, counted from 0: 0-1")
    why.set_defaults(run=run_why)


def run_verify(options) -> int:
    """Print a sentence for each departure from the manifest; 1 if there is any."""
    from forceladder.release.manifest import verify

    found = verify(options.release)
    for sentence in found:
        print(f"forceladder verify: {sentence}", file=sys.stderr)
    if not found:
        print(f"{options.release}: every file is as it was released.")
    return 1 if found else 0


def run_compare(options) -> int:
    """Print a sentence for each difference in what two runs of one commit and config must have in
    common: data, selection, settings, and parameters within a tolerance; 1 if there is any."""
    from forceladder.release.sameness import same_release

    found = same_release(options.first, options.second, options.tolerance)
    for phrase in found:
        print(f"forceladder compare: {phrase}.", file=sys.stderr)
    if not found:
        print(
            f"{options.first} and {options.second} are the same: data, selection and settings, and "
            f"parameters within {options.tolerance:g} of their size."
        )
    return 1 if found else 0


def row_of_atoms(text: str) -> list[int]:
    """A type for argparse: '0-1-2' as numbers."""
    try:
        atoms = [int(part) for part in text.split("-")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no row of atoms such as 0-1") from None
    return atoms


def run_why(options) -> int:
    """Print a molecule's environments and the QM records behind it; with --term or --atoms its
    parameters, and the training molecules and records that taught them."""
    import warnings

    from forceladder.deploy.why import why
    from forceladder.errors import DomainWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)  # the lines say it, atom by atom
        lines = list(
            why(options.release, options.molecule, options.rung, options.term, options.atoms)
        )
    print("\n".join(lines))
    return 0
