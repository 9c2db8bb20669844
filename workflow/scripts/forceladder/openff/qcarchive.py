"""Results that QCArchive already has, through QCSubmit's result collections.

A source is one of
    a collection file   JSON of a BasicResultCollection, OptimizationResultCollection or
                        TorsionDriveResultCollection (.json, .json.xz, .json.gz, .json.bz2)
    a view file         .sqlite, as QCArchive offers for whole data sets; needs no network
    a dict              server, kind ('singlepoint', 'optimization' or 'torsiondrive'),
                        datasets (names), spec ('default' if left out): the server is asked once
                        which records are complete; the answer is kept in the cache folder

What comes out are lines of a records file, see `openff.records`. What was pulled stays in the
cache folder, so that a second time needs no network, and a killed pull goes on where it was.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from forceladder import files
from forceladder.errors import ConfigError, HouseError, MoleculeError
from forceladder.job import Progress, log
from forceladder.molecules.listing import MAPPED
from forceladder.openff.packages import openff_needed
from forceladder.openff.read import qcsubmit_value
from forceladder.openff.records import optimization_line, singlepoint_line, torsiondrive_lines
from forceladder.provenance import digest

CHUNK = 100  # records asked for at a time; a torsion drive has some 24 geometries
COLLECTIONS = {
    "singlepoint": "BasicResultCollection",
    "optimization": "OptimizationResultCollection",
    "torsiondrive": "TorsionDriveResultCollection",
}


def pull_results(source, cache_folder, spec: str = "default") -> Iterator[dict]:
    """Record lines of all complete results of a source; see the top of this module.

    spec: name of the level of theory in a view file; a collection has chosen its own already
    A record whose geometry does not fit its SMILES is left out, with a warning that names it.
    raises: MissingProgramError, ConfigError, CorruptFileError; HouseError where the server does
        not answer
    """
    if not isinstance(source, dict) and Path(source).suffix == ".sqlite":
        yield from numbered_scans(view_lines(source, spec), defaultdict(dict))
        return
    scans = defaultdict(dict)
    chunks = list(collection_chunks(result_collection(source, cache_folder)))
    progress = Progress("QCArchive", len(chunks))
    for done, chunk in enumerate(chunks, start=1):
        path = Path(cache_folder, f"results-{digest(plain(chunk))[:32]}.jsonl.xz")
        if not path.exists():
            files.write_json_lines(path, list(pulled_lines(chunk)))
        yield from numbered_scans(files.read_json_lines(path), scans)
        progress.update(done)


def result_collection(source, cache_folder):
    """QCSubmit's collection of references that a source means; of a dict, as first asked for."""
    with openff_needed():
        from openff.qcsubmit import results

    if isinstance(source, dict):
        path = Path(cache_folder, f"collection-{digest(source)[:32]}.json.xz")
        if not path.exists():
            files.write_json(path, plain(asked_collection(**source)))
        source = path
    classes = {name: getattr(results, name) for name in COLLECTIONS.values()}
    return qcsubmit_value(source, classes, "a result collection")


def asked_collection(server: str, kind: str, datasets: list[str], spec: str = "default"):
    """The complete records of whole data sets, as the server knows them now."""
    from openff.qcsubmit import results
    from openff.qcsubmit.utils import portal_client_manager

    if kind not in COLLECTIONS:
        raise ConfigError(f"kind {kind!r} is not one of {', '.join(COLLECTIONS)}.")
    with answering(server), portal_client_manager(portal):
        try:
            collection = getattr(results, COLLECTIONS[kind]).from_server(
                portal(server), datasets, spec_name=spec
            )
        except KeyError as error:  # QCSubmit's own sentence: there is no such specification
            raise ConfigError(f"{server}: {error.args[0]}.") from error
    log.info("%s: %d complete records", ", ".join(datasets), collection.n_results)
    return collection


@lru_cache
def portal(server: str):
    """One client for each server."""
    from qcportal import PortalClient

    return PortalClient(server, show_motd=False)


@contextmanager
def answering(server: str):
    """Turn what the client raises without a proper answer into one sentence."""
    from openff.qcsubmit.exceptions import RecordStillRunningError
    from qcportal import PortalRequestError

    try:
        yield
    except (ConnectionError, PortalRequestError, RecordStillRunningError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HouseError(
            f"{server} gave no answer to use ({reason}); finished records are kept, run again."
        ) from error


def collection_chunks(collection) -> Iterator:
    """The collection in parts of at most CHUNK records of one server."""
    for server, entries in sorted(collection.entries.items()):
        for start in range(0, len(entries), CHUNK):
            yield type(collection)(entries={server: entries[start : start + CHUNK]})


def plain(collection) -> dict:
    """A collection as plain JSON."""
    return {"type": collection.type, "entries": collection.dict()["entries"]}


def pulled_lines(chunk) -> Iterator[dict]:
    """Lines of the records that a collection of one server refers to."""
    from openff.qcsubmit.utils import portal_client_manager

    ((server, entries),) = chunk.entries.items()
    smiles = {entry.record_id: entry.cmiles for entry in entries}
    with answering(server), portal_client_manager(portal):
        if chunk.type == COLLECTIONS["singlepoint"]:  # to_records() asks for them one by one
            records = portal(server).get_singlepoints(list(smiles), include=["molecule"])
        elif chunk.type == COLLECTIONS["optimization"]:
            records = [record for record, _ in chunk.to_records()]
        else:
            parts = ["minimum_optimizations", "final_molecule"]
            records = [record for record, _ in chunk.to_records(include=parts)]
        last = last_singlepoints(portal(server), final_optimizations(records))
        for record in records:
            yield from lines_of(record, last.get, smiles[record.id], server)


def final_optimizations(records) -> list:
    """The OptimizationRecords whose last geometry is a result."""
    found = []
    for record in records:
        if record.record_type == "optimization":
            found.append(record)
        elif record.record_type == "torsiondrive":
            found += record.minimum_optimizations.values()
    return found


def last_singlepoints(client, optimizations: list) -> dict:
    """Optimization id → SinglepointRecord of the gradient at its final geometry.

    Asked for in bulk, by geometry and level of theory; what that does not find (another
    geometry was kept, say) is the last step of the optimization's own trajectory.
    """
    by_level = defaultdict(list)
    for record in optimizations:
        qc = record.specification.qc_specification
        by_level[qc.program, qc.method, qc.basis].append(record)
    found = {}
    for (program, method, basis), records in by_level.items():
        for start in range(0, len(records), CHUNK):
            part = records[start : start + CHUNK]
            answer = client.query_singlepoints(
                molecule_id=[record.final_molecule_id for record in part], driver="gradient",
                program=program, method=method, basis=[basis], status="complete",
            )  # fmt: skip
            at = defaultdict(list)
            for singlepoint in sorted(answer, key=lambda singlepoint: singlepoint.id):
                at[singlepoint.molecule_id].append(singlepoint)
            for record in part:
                keywords = record.specification.qc_specification.keywords
                for singlepoint in at[record.final_molecule_id]:
                    if singlepoint.specification.keywords == keywords:
                        found.setdefault(record.id, singlepoint)
    for record in optimizations:
        if record.id not in found and record.specification.protocols.trajectory != "none":
            found[record.id] = record.trajectory_element(-1)
    return found


def view_lines(path, spec: str) -> Iterator[dict]:
    """Lines of all complete records of a view file."""
    with openff_needed():
        from qcportal import load_dataset_view

    if not Path(path).exists():
        raise ConfigError(f"{path} does not exist; correct the path.")
    view = load_dataset_view(str(path))
    if spec not in view.specification_names:
        known = ", ".join(view.specification_names)
        raise ConfigError(f"{path} has no specification {spec!r}; it has {known}.")
    server = view_server(view)
    for name, _, record in view.iterate_records(specification_names=spec, status="complete"):
        if smiles := cmiles(view.get_entry(name)):
            yield from lines_of(record, kept_singlepoint(record), smiles, server)
        else:
            log.warning("entry %s of %s left out: it has no mapped SMILES", name, path)


def view_server(view) -> str:
    """Address of the server that a view is of, or the name of its data set if it does not say."""
    try:
        return view._cache_data.get_metadata("client_address")
    except TypeError:  # no such row
        return view.name


def kept_singlepoint(record):
    """Function: optimization id → the last singlepoint of its trajectory, None if not kept."""
    optimizations = {
        optimization.id: optimization for optimization in final_optimizations([record])
    }

    def last(optimization_id):
        optimization = optimizations[optimization_id]
        if optimization.trajectory_ids_ is None and optimization.offline:
            return None
        return (optimization.trajectory or [None])[-1]

    return last


def cmiles(entry) -> str | None:
    """Mapped SMILES of an entry of a dataset, from the places where QCSubmit looks."""
    if hasattr(entry, "initial_molecules"):
        molecule = entry.initial_molecules[0]
    else:
        molecule = getattr(entry, "molecule", None) or entry.initial_molecule
    return (
        getattr(molecule.identifiers, MAPPED, None)
        or (molecule.extras or {}).get(MAPPED)
        or entry.attributes.get(MAPPED)
    )


def lines_of(record, last, smiles: str, server: str) -> list[dict]:
    """Lines of one record; none, and a warning, where its geometry is not of its molecule.

    last: function from the id of an OptimizationRecord to its last SinglepointRecord or None
    """
    try:
        if record.record_type == "singlepoint":
            return [singlepoint_line(record, smiles, server)]
        if record.record_type == "optimization":
            return [optimization_line(record, last(record.id), smiles, server)]
        points = {
            point: last(optimization.id)
            for point, optimization in record.minimum_optimizations.items()
        }
        return torsiondrive_lines(record, points, smiles, server)
    except MoleculeError as error:
        log.warning("record %d of %s left out: %s", record.id, server, error)
        return []


def numbered_scans(lines, scans: dict) -> Iterator[dict]:
    """Lines whose torsion drives are numbered from zero within their molecule.

    scans: mapped SMILES → {id of a torsion drive: its number}, filled on the way
    """
    for line in lines:
        drive = line["extras"]["forceladder"]["qcarchive"].get("torsiondrive_id")
        if drive is not None:
            extras = line["molecule"]["extras"]
            known = scans[extras[MAPPED]]
            extras["scan"]["index"] = known.setdefault(drive, len(known))
        yield line
