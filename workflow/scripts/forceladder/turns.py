"""A job and its twin: the orphan of a killed run, and the same job of the run after it.

They take turns, so that no output is ever written by two at once.
"""

import errno
import fcntl
import hashlib
import json
import logging
import os
import socket
from contextlib import contextmanager, nullcontext
from pathlib import Path

log = logging.getLogger("forceladder")
FOLDER = Path(".snakemake/forceladder/turns")  # of the working directory
# of a file system without locks, or of one that cannot be written to
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL, errno.EROFS, errno.EACCES)


@contextmanager
def turn(outputs):
    """Be the only process at work on a job, known by its outputs; yield whether it had to wait.

    It waits as long as the other process lives, at most: the system drops the lock of
    one that ends, however it ends. Locks of NFS (version 3 on) reach other machines.
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
        if error.errno not in NO_LOCKS:
            raise
        return nullcontext()


def _wait(lock) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("waiting for %s of a killed run, which does the same", _holder(lock))
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return False


def _holder(lock) -> str:
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
        return f"process {holder['process']} on {holder['host']}"
    except ValueError:  # it has not said yet
        return "a process"
