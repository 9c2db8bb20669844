"""Private scratch folders that do not outlive their owner, even one killed with -9."""

import fcntl
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

PREFIX = "forceladder-scratch-"


@contextmanager
def scratch_folder():
    """Yield a new folder below $TMPDIR; remove it at the end, and those whose owner is gone.

    The owner holds a lock on a file in it; the system releases the lock when the
    owner dies, however it dies, so a folder whose lock can be taken is nobody's.
    """
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}"))
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Named for the sweep only now that the lock is held.
        folder = folder.rename(folder.with_name(folder.name.removeprefix("new-")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep():
    for lock_path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/lock"):
        try:
            with open(lock_path) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.parent, ignore_errors=True)
        except OSError:
            continue  # in use, another user's, or already gone
