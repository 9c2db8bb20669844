"""The `forceladder` command."""

import argparse
import sys

from forceladder import __version__
from forceladder.errors import HouseError


def main(arguments=None) -> int:
    """Exit code 0 on success, 1 with a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="forceladder", description=main.__doc__)
    parser.description = "Work with released force fields."
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", help="release folder")
    check.set_defaults(run=run_verify)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except HouseError as error:
        print(f"forceladder: {error}", file=sys.stderr)
        return 1


def run_verify(options) -> int:
    from forceladder.release.manifest import verify

    found = verify(options.release)
    for sentence in found:
        print(f"forceladder verify: {sentence}", file=sys.stderr)
    if not found:
        print(f"{options.release}: every file is as it was released.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
