"""A scheduler as small as can be: jobs are files in a folder, some run at a time, all is counted.

Snakemake's executor cluster-generic calls `submit`, `status` and `cancel`; it does not know more of
a real one either. Jobs belong to the cluster, so they outlive a controller that is killed.
"""

import json
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

    def __init__(self, folder, slots: int, environment: dict, check_every_seconds=10):
        """environment: of the jobs, as a real scheduler takes it from whoever submits"""
        self.folder, self.slots, self.environment = Path(folder), slots, environment
        self.check_every_seconds = check_every_seconds
        self.folder.mkdir()
        for name, text in (("submit", SUBMIT), ("status", STATUS)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        self.running, self.ended, self.stopped = {}, [], threading.Event()
        self.lock = threading.RLock()

    def __enter__(self):
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def arguments(self) -> list[str]:
        """What Snakemake is to be called with."""
        return [
            "--executor", "cluster-generic", "--jobs", "100",
            "--cluster-generic-submit-cmd", str(self.folder / "submit"),
            "--cluster-generic-status-cmd", str(self.folder / "status"),
            "--max-status-checks-per-second", "5",
            "--seconds-between-status-checks", str(self.check_every_seconds),
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
        """Jobs that have not begun, the oldest first."""
        jobs = sorted(self.folder.glob("*.job"))
        return [j for j in jobs if not j.with_suffix(".done").exists() and j not in self.running]

    def power_cut(self):
        """Kill what runs by -9 and forget what waits, as when the machines go down."""
        with self.lock:
            for job in self.waiting:
                job.with_suffix(".done").write_text("failed")
            for process in self.running.values():
                os.killpg(process.pid, signal.SIGKILL)
        while self.running:
            time.sleep(0.05)

    def _work(self):
        while not self.stopped.is_set():
            with self.lock:
                for job, process in list(self.running.items()):
                    if self._is_over(job, process):
                        del self.running[job]
                for job in self.waiting[: self.slots - len(self.running)]:
                    self.running[job] = self._start(job)
            time.sleep(0.1)
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, job: Path):
        with open(job.with_suffix(".out"), "wb") as output:
            return subprocess.Popen(
                ["sh", str(job)], stdout=output, stderr=subprocess.STDOUT,
                env=self.environment, start_new_session=True,
            )  # fmt: skip

    def _is_over(self, job: Path, process) -> bool:
        """Whether a job has ended; then what it took is noted."""
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not pid:
            return False
        process.returncode = os.waitstatus_to_exitcode(status)
        job.with_suffix(".done").write_text("failed" if process.returncode else "success")
        properties = json.loads(job.read_text().split("# properties = ")[1].split("\n")[0])
        self.ended.append({
            "name": properties.get("rule", properties.get("groupid")),
            "output": properties["output"],
            "code": process.returncode,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss / 1024,
        })  # fmt: skip
        return True
