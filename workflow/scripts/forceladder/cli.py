"""The `forceladder` command."""

import argparse
import sys
from pathlib import Path

from forceladder import __version__
from forceladder.errors import HouseError


def main(arguments=None) -> int:
    """Exit code 0 on success, 1 with a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="forceladder", description=main.__doc__)
    parser.description = "Work with released force fields."
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", help="release folder")
    check.set_defaults(run=run_verify)
    summary = commands.add_parser("summary", help="print the errors and gates of a run's release")
    summary.add_argument(
        "config", nargs="+", help="configuration files, the later over the earlier"
    )
    summary.set_defaults(run=run_summary)
    add_cache_commands(commands)
    add_import_command(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except HouseError as error:
        print(f"forceladder: {error}", file=sys.stderr)
        return 1


def run_verify(options) -> int:
    """Print a sentence for each departure from the manifest; 1 if there is any."""
    from forceladder.release.manifest import verify

    found = verify(options.release)
    for sentence in found:
        print(f"forceladder verify: {sentence}", file=sys.stderr)
    if not found:
        print(f"{options.release}: every file is as it was released.")
    return 1 if found else 0


def run_summary(options) -> int:
    """Print where the release of a configuration is, with its errors and gates."""
    import yaml

    from forceladder.release.assemble import said_of_release

    run, release = None, {}
    for path in options.config:
        config = yaml.safe_load(Path(path).read_text()) or {}
        run = config.get("run", run)
        release |= config.get("release", {})
    print(said_of_release(f"results/{run}/releases/{release['name']}-{release['version']}"))
    return 0


def add_cache_commands(commands):
    """`forceladder cache export | import | merge | check`."""
    cache = commands.add_parser("cache", help="export, import, merge or check QM caches")
    actions = cache.add_subparsers(dest="action", required=True)

    def action(name: str, run, text: str, *folders: tuple[str, str]):
        parser = actions.add_parser(name, help=text, description=run.__doc__)
        for argument, what in folders:
            parser.add_argument(argument, help=what)
        parser.set_defaults(run=lambda options: of_the_system(run, options))
        return parser

    folder, archive = ("cache", "folder of a QM cache"), ("archive", "tar file")
    export = action("export", run_cache_export, "write entries to an archive", folder, archive)
    chosen = export.add_mutually_exclusive_group()
    chosen.add_argument("--addresses", metavar="FILE", help="only these addresses, one a line")
    chosen.add_argument(
        "--run", dest="run_folder", metavar="FOLDER", help="only what the records here mention"
    )
    action("import", run_cache_import, "add the entries of an archive", archive, folder)
    source = ("source", "folder of a QM cache to read")
    action("merge", run_cache_merge, "add the entries of another cache", source, folder)
    action("check", run_cache_check, "read every entry, set damaged ones aside", folder)


def add_import_command(commands):
    """`forceladder import --format … PATH OUT.nc`."""
    parser = commands.add_parser(
        "import", help="QM data of others as a training set", description=run_import.__doc__
    )
    parser.add_argument("path", help="file, or folder of such files")
    parser.add_argument("out", help="training set to write, .nc")
    parser.add_argument("--format", required=True, help="as in the config's imports section")
    parser.add_argument("--level", dest="level_of_theory", help="level of theory, unless PATH says")
    parser.add_argument("--name", help="ids of molecules begin with it; without it OUT's name")
    parser.add_argument("--split", choices=("train", "validation", "test"))
    parser.add_argument("--charge", type=int, help="of molecules whose bonds are perceived, e")
    parser.add_argument("--max-conformers-per-molecule", type=int)
    parser.add_argument("--hot-kcal-per-atom", type=float)
    for option in ("--smiles", "--energy-key", "--forces-key", "--energy-unit", "--force-unit"):
        parser.add_argument(option, help="of an extxyz file, as in the config")
    parser.set_defaults(run=lambda options: of_the_system(run_import, options))


def of_the_system(run, options) -> int:
    """`run(options)`, with progress on standard error, and a sentence for a full disk."""
    from forceladder import job

    job.start_logging()
    try:
        return run(options)
    except OSError as error:
        print(f"forceladder: {job.sentence_of_os_error(error)}", file=sys.stderr)
        return 1


def run_cache_export(options) -> int:
    """Write the entries of a cache to an archive; 1 if one is damaged, or asked for and absent."""
    from forceladder.qm import cache_archive

    addresses = required = None
    if options.addresses:
        addresses = required = cache_archive.addresses_in_file(options.addresses)
    elif options.run_folder:
        addresses = cache_archive.addresses_of_run(options.run_folder)
        required = [address for address, succeeded in addresses.items() if succeeded]
    done = cache_archive.export_cache(options.cache, options.archive, addresses)
    print(
        f"{options.archive}: {done.entries} entries ({done.failures} of them failures), "
        f"{done.bytes} bytes; {len(done.damaged)} damaged entries left out."
    )
    absent = sorted(set(done.absent) & set(required or ()))
    if absent:
        print(
            f"forceladder cache export: {len(absent)} results are not in {options.cache}, "
            f"the first {absent[0]}.",
            file=sys.stderr,
        )
    return 1 if absent or done.damaged else 0


def run_cache_import(options) -> int:
    """Add the entries of an archive to a cache; 1 if a member is damaged or missing."""
    from forceladder.qm.cache_archive import import_archive

    return said_of_transfer("import", options.cache, import_archive(options.archive, options.cache))


def run_cache_merge(options) -> int:
    """Add the entries of another cache to a cache; 1 if one of them is damaged."""
    from forceladder.qm.cache_archive import merge_caches

    return said_of_transfer("merge", options.cache, merge_caches(options.source, options.cache))


def said_of_transfer(action: str, cache: str, done) -> int:
    """Print what came into a cache, and what did not and why."""
    for sentence in done.damaged:
        print(f"forceladder cache {action}: {sentence}", file=sys.stderr)
    print(f"{cache}: {done.stored} entries added, {done.kept} were there before.")
    if done.differing:
        print(
            f"{done.differing} of those have other numbers here, and were kept; the largest "
            f"difference in energy is {done.largest_difference:.2g} Hartree, of "
            f"{done.address_of_largest}."
        )
    return 1 if done.damaged else 0


def run_cache_check(options) -> int:
    """Read every entry of a cache, set damaged ones aside; 1 if there are any."""
    from forceladder.qm.cache_archive import check_cache

    found = check_cache(options.cache)
    print(
        f"{options.cache}: {found.results} results and {found.failures} failures, "
        f"{found.bytes} bytes; {len(found.damaged)} damaged entries; "
        f"{found.swept} leftovers of killed writers removed."
    )
    return 1 if found.damaged else 0


def run_import(options) -> int:
    """Write a training set of someone else's QM data, and beside it OUT.rejected.csv."""
    from forceladder.tables import write_table
    from forceladder.training_set.dataset import provenance, write_training_set
    from forceladder.training_set.importers.collect import REJECTED_COLUMNS, import_data

    out = Path(options.out)
    own = ("command", "path", "out", "name", "run")
    settings = {k: v for k, v in vars(options).items() if k not in own and v is not None}
    if settings.get("forces_key") == "null":  # as the config writes it
        settings["forces_key"] = None
    dataset, rejected = import_data(options.name or out.stem, options.path, settings)
    write_training_set(dataset, out)
    write_table(out.with_suffix(".rejected.csv"), rejected, REJECTED_COLUMNS)
    counts = provenance(dataset)["counts"]
    print(f"{out}: " + ", ".join(f"{value} {key}" for key, value in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
