"""`forceladder pull`: finished results of QCArchive as record lines that `imports` reads."""

from forceladder.cli.words import of_the_system


def add_qcarchive_command(commands):
    pull = commands.add_parser(
        "pull", help="results of QCArchive as record lines", description=run_pull.__doc__
    )
    pull.add_argument("source", help="result collection of QCSubmit (.json) or view file (.sqlite)")
    pull.add_argument("out", help="record lines to write, .jsonl.xz")
    pull.add_argument("--server", help="ask this one for the data sets that SOURCE names, by comma")
    pull.add_argument(
        "--kind", choices=("singlepoint", "optimization", "torsiondrive"), default="singlepoint",
        help="of the data sets on the server",
    )  # fmt: skip
    pull.add_argument("--spec", default="default", help="name of the level of theory there")
    pull.add_argument("--cache", default="qcarchive_cache", help="folder of what was pulled before")
    pull.set_defaults(run=lambda options: of_the_system(run_pull, options))


def run_pull(options) -> int:
    """Write the complete results of a source, one QCSchema record a line; a second call goes on
    where the first one stopped. Import them with format qcschema."""
    from forceladder import files
    from forceladder.openff.qcarchive import pull_results

    source = options.source
    if options.server:
        source = {
            "server": options.server, "kind": options.kind, "spec": options.spec,
            "datasets": source.split(","),
        }  # fmt: skip
    lines = list(pull_results(source, options.cache, options.spec))
    files.write_json_lines(options.out, lines)
    print(f"{options.out}: {len(lines)} records")
    return 0
