"""What every script does around its science: logging, one-sentence errors, progress, seeds."""

import errno
import hashlib
import json
import logging
import sys
import time
import traceback

from forceladder import checksums
from forceladder.errors import HouseError
from forceladder.turns import turn

log = logging.getLogger("forceladder")


def run(main, snakemake):
    """Call `main(snakemake)`; log to the rule's file; end a known failure with one sentence.

    The sentence goes to the log and to standard error; a traceback goes to the log's file
    alone. The process exits with 1 on any failure, with 130 when it is interrupted.
    Inputs are held against the checksums that were noted when they were written.
    """
    start_logging()  # the file may still be that of an orphan
    try:
        with turn(snakemake.output) as waited:
            start_logging(snakemake.log[0] if snakemake.log else None)
            work = _work(snakemake)
            if waited and all(checksums.is_noted(path, work) for path in snakemake.output):
                log.info("the process that was waited for has done this very work")
                return
            for path in snakemake.output:
                checksums.forget(path)
            main(snakemake)
            for path in snakemake.output:
                checksums.note(path, work)
    except HouseError as error:
        _stop(snakemake, str(error))
    except OSError as error:
        _stop(snakemake, sentence_of_os_error(error), traceback.format_exc())
    except KeyboardInterrupt:
        _stop(snakemake, "interrupted; finished QM calculations are kept.", exit_code=130)
    except Exception as error:
        sentence = f"unforeseen {type(error).__name__}: {error} (traceback in the log)"
        _stop(snakemake, sentence, traceback.format_exc())


def _work(snakemake) -> str:
    """Digest of all that the outputs depend on; CorruptFileError if an input is damaged."""
    inputs = {str(path): checksums.check(path) for path in snakemake.input}
    params = [list(snakemake.params), dict(snakemake.params.items())]
    text = json.dumps([snakemake.rule, params, inputs, list(snakemake.output)], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stop(snakemake, sentence: str, details: str = "", exit_code: int = 1):
    for handler in log.handlers:
        if details and isinstance(handler, logging.FileHandler):
            handler.stream.write(details)
    log.error("%s: %s", snakemake.rule, sentence)
    sys.exit(exit_code)


def sentence_of_os_error(error: OSError) -> str:
    """One sentence for a failure of the operating system, the full disk above all."""
    where = error.filename2 or error.filename or "an output file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"no room left to write {where} ({error.strerror}); free space there and run again: "
            "finished QM calculations are kept."
        )
    return f"the operating system refused {where}: {error.strerror or error}."


def start_logging(path=None):
    """Log to standard error and, if given, to a file that is overwritten."""
    log.setLevel(logging.INFO)
    log.handlers.clear()
    log.propagate = False
    handlers = [logging.StreamHandler()]
    if path:
        handlers.append(logging.FileHandler(path, mode="w"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        log.addHandler(handler)


def seed_of(*parts) -> int:
    """A 31-bit seed that depends on nothing but its arguments: the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


class Progress:
    """A bar on a terminal, a line every tenth part elsewhere; `note` follows the counter."""

    def __init__(self, label: str, total: int, first: int = 0):
        """first: what was done before, by a job that this one resumes."""
        self.label, self.total, self.first = label, total, first
        self.start, self.shown = time.monotonic(), -1

    def update(self, done: int, note: str = ""):
        step = 200 if sys.stderr.isatty() else 10
        part = step * done // max(self.total, 1)
        if part == self.shown and done < self.total:
            return
        self.shown = part
        elapsed = time.monotonic() - self.start
        left = elapsed / max(done - self.first, 1) * (self.total - done)
        text = f"{self.label} {done}/{self.total}, {elapsed:.0f} s, {left:.0f} s left {note}"
        if sys.stderr.isatty():
            filled = 30 * done // max(self.total, 1)
            bar = "█" * filled + "·" * (30 - filled)
            print(f"\r{bar} {text}", end="\n" if done >= self.total else "", file=sys.stderr)
        else:
            log.info(text)
