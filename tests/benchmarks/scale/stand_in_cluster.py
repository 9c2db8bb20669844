"""A scheduler as small as can be: jobs are files in a folder, some run at a time, all is counted.

Snakemake's executor cluster-generic calls `submit`, `status` and `cancel`; it does not know more of
a real one either. Jobs belong to the cluster, so they outlive a controller that is killed.
"""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

SUBMIT = """#!/bin/sh
# the last argument is the job script; its copy in the queue is the job
for script; do :; done
name=$(date +%s.%N)-$$
cp "$script" "$(dirname "$0")/.$name" && mv "$(dirname "$0")/.$name" "$(dirname "$0")/$name.job"
echo "$name"
"""
STATUS = """#!/bin/sh
echo "$1" >> "$(dirname "$0")/queries"
if [ -f "$(dirname "$0")/$1.done" ]; then cat "$(dirname "$0")/$1.done"; else echo running; fi
"""


class Cluster:
    """Runs up to `slots` jobs at a time, as long as the context is open."""

    def __init__(self, folder, slots: int):
        self.folder, self.slots = Path(folder), slots
        self.folder.mkdir()
        for name, text in (("submit", SUBMIT), ("status", STATUS)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        self.running, self.cpu_seconds, self.peak_mb, self.ended = {}, [], [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def arguments(self) -> list[str]:
        """What Snakemake is to be called with."""
        return [
            "--executor", "cluster-generic", "--jobs", "100",
            "--cluster-generic-submit-cmd", str(self.folder / "submit"),
            "--cluster-generic-status-cmd", str(self.folder / "status"),
            "--max-status-checks-per-second", "5",
        ]  # fmt: skip

    @property
    def submissions(self) -> int:
        return len(list(self.folder.glob("*.job")))

    @property
    def status_queries(self) -> int:
        path = self.folder / "queries"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    @property
    def waiting(self) -> list[Path]:
        jobs = sorted(self.folder.glob("*.job"))
        return [j for j in jobs if not j.with_suffix(".done").exists() and j not in self.running]

    def idle(self) -> bool:
        return not self.running and not self.waiting

    def _work(self):
        while not self.ended.is_set():
            for job in [job for job, process in self.running.items() if self._over(process)]:
                code = self.running.pop(job).returncode
                job.with_suffix(".done").write_text("failed" if code else "success")
            for job in self.waiting[: self.slots - len(self.running)]:
                with open(job.with_suffix(".out"), "wb") as output:
                    self.running[job] = subprocess.Popen(
                        ["sh", str(job)], stdout=output, stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )  # fmt: skip
            time.sleep(0.05)
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _over(self, process) -> bool:
        """Whether a job has ended; then what it took is noted."""
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not pid:
            return False
        process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        self.peak_mb.append(usage.ru_maxrss / 1024)
        return True
