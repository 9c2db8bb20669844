"""The `forceladder` command; one module for each thing that it works on."""

import argparse
import sys

from forceladder import __version__
from forceladder.cli.cache import add_cache_commands
from forceladder.cli.imports import add_import_command
from forceladder.cli.parametrize import add_parametrize_command
from forceladder.cli.qcarchive import add_qcarchive_command
from forceladder.cli.release import add_release_commands
from forceladder.cli.runs import add_run_commands
from forceladder.errors import HouseError
from forceladder.job import sentence_of_os_error


def main(arguments=None) -> int:
    """Exit code 0 on success, 1 with a sentence on what is wrong."""
    parser = argparse.ArgumentParser(
        prog="forceladder", description="Runs, QM caches, data sets and releases."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_release_commands(commands)
    add_parametrize_command(commands)
    add_run_commands(commands)
    add_cache_commands(commands)
    add_import_command(commands)
    add_qcarchive_command(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except HouseError as error:
        print(f"forceladder: {error}", file=sys.stderr)
    except OSError as error:
        print(f"forceladder: {sentence_of_os_error(error)}", file=sys.stderr)
    except Exception as error:  # no reader at 2 a.m. is helped by a traceback
        print(f"forceladder: unforeseen {type(error).__name__}: {error}", file=sys.stderr)
    return 1
