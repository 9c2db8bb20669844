"""Locks of the operating system on open files: they go with their holder, however it ends.

Those of NFS (version 3 on) reach other machines. Standard library only: the Snakefile
imports this.
"""

import errno
import fcntl

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # of this file system


def taken(lock) -> bool:
    """Whether an open file could be locked; True as well where the file system has no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def wait_for(lock):
    """Lock an open file that another process holds, once that lets go of it."""
    fcntl.flock(lock, fcntl.LOCK_EX)
