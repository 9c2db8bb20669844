"""What the commands share."""

import argparse
import sys


def of_the_system(run, options) -> int:
    """`run(options)`, with progress on standard error, and a sentence for a full disk."""
    from forceladder import job

    job.start_logging()
    try:
        return run(options)
    except OSError as error:
        print(f"forceladder: {job.sentence_of_os_error(error)}", file=sys.stderr)
        return 1


def positive(kind):
    """A type for argparse: int or float, greater than zero."""

    def parse(text: str):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} must be greater than 0")
        return value

    parse.__name__ = kind.__name__  # argparse says "invalid int value"
    return parse
