"""The `forceladder` command."""

import argparse
import sys
from pathlib import Path

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
    summary = commands.add_parser("summary", help="print the errors and gates of a run's release")
    summary.add_argument(
        "config", nargs="+", help="configuration files, the later over the earlier"
    )
    summary.set_defaults(run=run_summary)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except HouseError as error:
        print(f"forceladder: {error}", file=sys.stderr)
        return 1


def run_verify(options) -> int:
    """Print a sentence for each departure from the manifest; 1 if there is any."""
    from forceladder.release.manifest import verify

    found = verify(options.release)
    for sentence in found:
        print(f"forceladder verify: {sentence}", file=sys.stderr)
    if not found:
        print(f"{options.release}: every file is as it was released.")
    return 1 if found else 0


def run_summary(options) -> int:
    """Print where the release of a configuration is, with its errors and gates."""
    import yaml

    from forceladder.release.assemble import said_of_release

    run, release = None, {}
    for path in options.config:
        config = yaml.safe_load(Path(path).read_text()) or {}
        run = config.get("run", run)
        release |= config.get("release", {})
    print(said_of_release(f"results/{run}/releases/{release['name']}-{release['version']}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
