"""`forceladder verify`: what is done with a release."""

import sys


def add_release_commands(commands):
    check = commands.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", help="release folder")
    check.set_defaults(run=run_verify)


def run_verify(options) -> int:
    """Print a sentence for each departure from the manifest; 1 if there is any."""
    from forceladder.release.manifest import verify

    found = verify(options.release)
    for sentence in found:
        print(f"forceladder verify: {sentence}", file=sys.stderr)
    if not found:
        print(f"{options.release}: every file is as it was released.")
    return 1 if found else 0
