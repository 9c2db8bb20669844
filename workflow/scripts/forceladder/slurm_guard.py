"""A Slurm controller that is away for minutes must not make Snakemake wait for ever.

Snakemake's executor hands its list of submitted jobs to `check_active_jobs`, which yields back
those to ask about again. Where no query was answered, that of snakemake-executor-plugin-slurm
(2.8.0) yields none: the jobs are forgotten, and the run never ends.
"""

import functools
import sys

PLUGIN = "snakemake_executor_plugin_slurm"


def keep_unanswered_jobs():
    """Make the Slurm executor keep the jobs that it has neither judged nor yielded back.

    Does nothing where the plugin is not loaded, or keeps its jobs already.
    """
    plugin = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin.Executor.check_active_jobs, "keeps_unanswered_jobs"):
        return
    check = plugin.Executor.check_active_jobs

    @functools.wraps(check)
    async def check_active_jobs(self, active_jobs):
        settled = set()
        with_note = {name: _noting(getattr(self, name), settled) for name in REPORTS}
        vars(self).update(with_note)
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

    check_active_jobs.keeps_unanswered_jobs = True
    plugin.Executor.check_active_jobs = check_active_jobs


REPORTS = ("report_job_success", "report_job_error")


def _noting(report, settled: set):
    @functools.wraps(report)
    def note(job, *arguments, **options):
        settled.add(id(job))
        return report(job, *arguments, **options)

    return note
