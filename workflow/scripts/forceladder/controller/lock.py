"""One run per working directory: who runs here, and what to do about one that was killed.

Snakemake's own lock compares lists of files: two runs without a file in common are let
in, and the first to end removes the lock of the other. A run of this workflow holds a
lock of the operating system besides, which goes with its process however that ends, and
a file that says who holds it. Standard library only: the Snakefile imports this.
"""

import os
from contextlib import contextmanager
from pathlib import Path

from forceladder import files
from forceladder.controller.holder import RUN, is_alive, killed, myself, read_holder, under_way
from forceladder.errors import LockedError
from forceladder.locks import taken


@contextmanager
def only_run(folder, log_file=None):
    """Be the only run that executes jobs in a working directory, while the block lasts.

    folder: its `.snakemake`
    log_file: where Snakemake writes what it says
    raises: LockedError, a sentence on who holds it and what to do
    """
    folder = Path(folder)
    holder_file = folder / "forceladder/run.json"
    holder_file.parent.mkdir(parents=True, exist_ok=True)
    with open(folder / "forceladder/run.lock", "a") as lock:
        free = taken(lock)
        holder = read_holder(holder_file)
        if not free or (holder and is_alive(holder)):
            raise LockedError(under_way(holder))
        if holder and any((folder / "locks").glob("*.lock")):
            raise LockedError(killed(holder))
        me = myself(log_file)
        os.environ[RUN] = me["run"]
        files.write_json(holder_file, me)
        try:
            yield
        finally:
            holder_file.unlink(missing_ok=True)


def alone(workflow, error_class, begin):
    """Snakemake's `workflow.execute`, but refused where another run is under way or was killed.

    What executes nothing (--lint, --unlock, --report …) never comes here. The function
    lies here because Snakemake takes the rules' own files for the place of every error
    that passes through them.

    error_class: what to raise so that Snakemake prints the sentence without a traceback
    begin: called once this is the only run
    """
    execute = workflow.execute

    def execute_alone(executor_plugin, **settings):
        looks_only = executor_plugin.common_settings.dryrun_exec
        if looks_only or not workflow.execution_settings.lock:  # --nolock
            return execute(executor_plugin, **settings)
        log_files = workflow.logger_manager.get_logfile()
        try:
            with only_run(".snakemake", log_files[0] if log_files else None):
                begin()
                return execute(executor_plugin, **settings)
        except LockedError as error:
            raise error_class(str(error)) from None

    return execute_alone
