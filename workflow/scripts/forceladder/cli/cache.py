"""`forceladder cache`: export, import, merge and check QM caches."""

import sys

from forceladder.cli.words import of_the_system


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
