"""A job and its twin: the orphan of a killed run, and the same job of the run after it.

They take turns, so that no output is ever written by two at once.
"""

import errno
import hashlib
import json
import logging
import os
import socket
from contextlib import contextmanager, nullcontext
from pathlib import Path

from forceladder.locks import NO_LOCKS, taken, wait_for

log = logging.getLogger("forceladder")
FOLDER = Path(".snakemake/forceladder/turns")  # of the working directory


@contextmanager
def turn(outputs):
    """Be the only process at work on a job, known by its outputs; yield whether it had to wait.

    It waits as long as the other process lives, at most: the system drops the lock of
    one that ends.
    """
    name = hashlib.sha256("\n".join(map(str, outputs)).encode()).hexdigest()[:16]
    with _opened(FOLDER / name) if outputs else nullcontext() as lock:
        waited = bool(lock) and _wait(lock)
        if lock:
            lock.truncate(0)
            lock.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
            lock.flush()
        yield waited


def _opened(path: Path):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a+")
    except OSError as error:
        if error.errno not in (*NO_LOCKS, errno.EROFS, errno.EACCES):
            raise
        return nullcontext()


def _wait(lock) -> bool:
    if taken(lock):
        return False
    log.info("waiting for %s of a killed run, which does the same", _holder(lock))
    wait_for(lock)
    return True


def _holder(lock) -> str:
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
        return f"process {holder['process']} on {holder['host']}"
    except ValueError:  # it has not said yet
        return "a process"
