"""A Slurm controller that is away for minutes must neither end a run nor make it wait for ever.

What snakemake-executor-plugin-slurm (2.8.0) does then: status queries that nobody answers make
it forget the jobs that it asked about, so that the run never ends; submissions fail at once,
and so do their retries.
"""

import functools
import subprocess
import sys
import time

PLUGIN = "snakemake_executor_plugin_slurm"
REPORTS = ("report_job_success", "report_job_error")
PAUSE = 10.0  # s between two calls
PATIENCE = 3600.0  # s that a submission waits; then it fails with Slurm's own words


def outlast_silence():
    """Make the Slurm executor outlast a controller that is away; nothing where it is not loaded."""
    plugin = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin.Executor, "outlasts_silence"):
        return
    plugin.Executor.outlasts_silence = True
    plugin.Executor.run_job = _when_slurm_answers(plugin.Executor.run_job)
    plugin.Executor.check_active_jobs = _keeping_unanswered(plugin.Executor.check_active_jobs)


def _when_slurm_answers(submit):
    @functools.wraps(submit)
    def run_job(self, job):
        end = time.monotonic() + PATIENCE
        while not slurm_answers() and self.wait and time.monotonic() < end:
            self.logger.warning(f"Slurm does not answer; {job} will be submitted when it does.")
            time.sleep(PAUSE)
        return submit(self, job)

    return run_job


def slurm_answers() -> bool:
    """Whether a controller of Slurm is there."""
    ping = subprocess.run(["scontrol", "ping"], capture_output=True, text=True)
    return "is UP" in ping.stdout


def _keeping_unanswered(check):
    """`check` reports jobs that ended, yields those that did not, and is silent of the others."""

    @functools.wraps(check)
    async def check_active_jobs(self, active_jobs):
        settled = set()
        vars(self).update({name: _noting(getattr(self, name), settled) for name in REPORTS})
        try:
            async for job in check(self, active_jobs):
                settled.add(id(job))
                yield job
        finally:
            for name in REPORTS:
                vars(self).pop(name, None)
        unanswered = [job for job in active_jobs if id(job) not in settled]
        if unanswered:
            self.logger.warning(
                f"Slurm did not answer; {len(unanswered)} jobs will be asked about again."
            )
        for job in unanswered:
            yield job

    return check_active_jobs


def _noting(report, settled: set):
    @functools.wraps(report)
    def note(job, *arguments, **options):
        settled.add(id(job))
        return report(job, *arguments, **options)

    return note
