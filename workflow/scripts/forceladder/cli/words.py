"""What the commands share."""

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
