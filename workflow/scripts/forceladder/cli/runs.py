"""`forceladder progress` and `summary`: how far a run is, and what came of it."""

from pathlib import Path


def add_run_commands(commands):
    summary = commands.add_parser("summary", help="print the errors and gates of a run's release")
    summary.add_argument(
        "config", nargs="+", help="configuration files, the later over the earlier"
    )
    summary.add_argument(
        "--stopped", action="store_true", help="only if gates stopped it: silent about all else"
    )
    summary.set_defaults(run=run_summary)
    progress = commands.add_parser("progress", help="how far the QM of a run is")
    progress.add_argument("results", help="folder of the run, results/{run}")
    progress.set_defaults(run=run_progress)


def run_summary(options) -> int:
    """Print where the release of a configuration is, with its errors and gates; of a run that
    was stopped by its gates where its report is, and 1."""
    import yaml

    from forceladder.errors import ConfigError
    from forceladder.release.assemble import said_of_release, said_of_stopped

    run, release = None, {}
    for path in options.config:
        try:
            config = yaml.safe_load(Path(path).read_text())
            run = config.get("run", run)
            release |= config.get("release", {})
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            raise ConfigError(f"{path} is no configuration: {error}") from error
    if run is None or not {"name", "version"} <= release.keys():
        raise ConfigError(
            f"{' and '.join(options.config)} name no run or release; begin with config/config.yaml."
        )
    results = Path("results", run)
    folder = results / f"releases/{release['name']}-{release['version']}"
    if (folder / "summary.txt").exists():
        if not options.stopped:
            print(said_of_release(folder))
        return 0
    if (results / "summary.txt").exists():
        print(said_of_stopped(results))
    elif not options.stopped:
        raise ConfigError(f"there is no {folder} yet; run the workflow first.")
    return 1


def run_progress(options) -> int:
    """Print done, failed, left and core-hours of every level of theory; the same as a file."""
    from forceladder import files
    from forceladder.errors import ConfigError
    from forceladder.qm.progress import progress_of_run, sentence_of

    found = progress_of_run(options.results)
    if not found:
        raise ConfigError(
            f"{options.results} has no QM under way; name a run's folder in results/."
        )
    for spec, progress in found.items():
        print(f"{spec}: {sentence_of(progress)}")
    files.write_json(Path(options.results, "progress.json"), found)
    return 0
