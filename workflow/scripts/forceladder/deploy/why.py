"""Why a parameter is what it is: who taught it, back to the QM records.

A row's environment is those of its atoms (molecules.domain), in its order. The network sees
farther than that, and all training molecules share its weights; but rows of the same environment
are those from which it knew most.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem

from forceladder import files
from forceladder.deploy.force_field import ForceField, load
from forceladder.deploy.inputs import molecule_from
from forceladder.errors import CorruptFileError, MoleculeError, ReleaseError
from forceladder.export.numbers import Number, numbers
from forceladder.export.parameters import molecule_parameters
from forceladder.model.alternatives import LENNARD_JONES
from forceladder.molecules.domain import atom_environments
from forceladder.molecules.read import mapped_smiles, molecule_from_mapped_smiles, short
from forceladder.release.lineage import LINEAGE, accepted
from forceladder.training_set.build import topology_dataset

TABLE = "from the Lennard-Jones table of OpenFF Sage 2.3.0"
SHOWN = 12  # names or digests in one line


def read_lineage(release: Path) -> dict:
    """raises: ReleaseError for a release from before lineages"""
    if not (release / LINEAGE).exists():
        raise ReleaseError(
            f"{release} has no {LINEAGE}: assemble it again with this version of forceladder."
        )
    try:
        lineage = files.read_json(release / LINEAGE)
        lineage["molecules"].keys(), lineage["environments"].keys()
    except (LookupError, TypeError, AttributeError) as error:
        raise CorruptFileError(f"{release / LINEAGE} is no lineage ({error}).") from error
    return lineage


def why(release, molecule: str, rung=None, term=None, atoms=None) -> Iterator[str]:
    """Lines that answer `forceladder why`.

    molecule: its name in the release, or a SMILES      atoms: of a row, counted from 0
    raises: ReleaseError, MoleculeError with one sentence
    """
    release = Path(release)
    lineage = read_lineage(release)
    name, mol = known_molecule(molecule, lineage)
    environments = atom_environments(mol)
    yield from said_of_molecule(name, molecule, lineage)
    if term is None and atoms is None:
        yield "training molecules with the environment of each atom, counted from 0:"
        for atom, environment in enumerate(environments):
            teachers = lineage["environments"].get(environment, [])
            yield f"  {atom_label(mol, atom)} is {environment}: {listed(teachers)}"
        everyone = sorted({n for e in environments for n in lineage["environments"].get(e, [])})
        yield from said_of_teachers(everyone, lineage)
        return
    field = load(release, rung)
    parameters = field.parametrize(mol).parameters
    rows = asked_rows(parameters, field, term, atoms)
    for (term_name, place), values in rows.items():
        yield ""
        labels = ", ".join(atom_label(mol, atom) for atom in place)
        yield f"{term_name} of {labels}, by {field.name}:"
        alike = same_rows(field, term_name, row_key(place, environments), lineage)
        for number in values:
            spread = sorted(value for _, (*_, name, value, _) in alike if name == number.parameter)
            line = f"  {number.parameter:16s} {number.value:.6g} {number.unit}"
            if spread:
                line += f"; {len(spread)} rows alike, {spread[0]:.6g} to {spread[-1]:.6g}"
            yield line
        if of_the_table(field, term_name):
            yield f"  {TABLE}; no QM taught it."
            continue
        for atom in place:
            teachers = lineage["environments"].get(environments[atom], [])
            yield f"  {atom_label(mol, atom)} is {environments[atom]}: {listed(teachers)}"
        yield from said_of_teachers(sorted({name for name, _ in alike}), lineage)
    if mapped_smiles(mol) in field.model.offsets:
        yield f"{field.rung} was refined for this molecule itself, with its own records."


def of_the_table(field: ForceField, term: str) -> bool:
    """Whether a term's parameters are those of the Lennard-Jones table as they are."""
    return term in LENNARD_JONES and not field.model.settings["fit_lennard_jones"]


def atom_label(mol: Chem.Mol, atom: int) -> str:
    """Element and number from 0, as in tables of parameters."""
    return f"{mol.GetAtomWithIdx(atom).GetSymbol()}{atom}"


def known_molecule(molecule: str, lineage: dict) -> tuple[str | None, Chem.Mol]:
    """(its name in the release or None, RDKit molecule with hydrogens)."""
    if molecule in lineage["molecules"]:
        return molecule, molecule_from_mapped_smiles(
            lineage["molecules"][molecule]["mapped_smiles"]
        )
    try:
        mol = molecule_from(molecule)
    except MoleculeError as error:
        raise MoleculeError(
            error.code,
            f"{short(molecule)} is no molecule of the release, which has "
            f"{listed(sorted(lineage['molecules']))}, and no SMILES: {error}",
        ) from error
    key = Chem.MolToInchiKey(mol)
    same = (name for name, entry in lineage["molecules"].items() if entry["inchikey"] == key)
    return next(same, None), mol


def said_of_molecule(name: str | None, asked: str, lineage: dict) -> Iterator[str]:
    if name is None:
        yield f"{asked} is not among the {len(lineage['molecules'])} molecules of the release."
        return
    entry = lineage["molecules"][name]
    role = {"train": "it was fitted to", "validation": "it said when to stop the fit",
            "test": "no fit ever saw it"}[entry["split"]]  # fmt: skip
    yield f"{name}: split {entry['split']} ({role}); {said_of_records(entry, lineage)}"


def said_of_records(entry: dict, lineage: dict) -> str:
    """Counts, level of theory, program and cost of a molecule's records."""
    own = accepted(entry)
    if not own:
        kinds = ", ".join(f"{count} {kind}" for kind, count in entry["geometries"].items())
        return f"imported, {entry['level_of_theory']}: {kinds}"
    kinds = Counter(record["kind"] for record in own)
    refused = len(entry["records"]) - len(own)
    engine = lineage["engine"]
    return (
        f"{len(own)} records ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})"
        + (f", {refused} more not used" if refused else "")
        + f", {entry['level_of_theory']} by {engine['engine']} {engine['version']}, "
        f"{entry['calculations']} calculations, {entry['core_seconds']:.0f} core-seconds"
    )


def said_of_teachers(names: list[str], lineage: dict) -> Iterator[str]:
    """Who taught it, with the addresses of their records."""
    taught = [name for name in names if lineage["molecules"][name]["split"] == "train"]
    training = sum(entry["split"] == "train" for entry in lineage["molecules"].values())
    if not taught:
        yield "  no training molecule has these environments together: it is extrapolated."
    for name in taught:
        entry = lineage["molecules"][name]
        yield f"  taught by {name}: {said_of_records(entry, lineage)}"
        digests = [record["digest"][:12] for record in accepted(entry)]
        if digests:
            yield f"      records {listed(digests)}"
    yield f"  (all {training} training molecules share the network's weights)"


def asked_rows(parameters: dict, field: ForceField, term, atoms) -> dict:
    """(term, atoms) → its numbers, of the rows that were asked for.

    raises: ReleaseError for a term or atoms that are not there
    """
    terms = list(parameters["terms"])
    if term is not None and term not in terms:
        raise ReleaseError(f"{field.rung} has no term {term!r}; it has {', '.join(terms)}.")
    rows: dict[tuple, list[Number]] = {}
    for number in numbers(parameters):
        if term in (None, number.term):
            rows.setdefault((number.term, number.atoms), []).append(number)
    if atoms is None:
        return rows
    wanted = sorted(atoms)
    found = {key: values for key, values in rows.items() if sorted(key[1]) == wanted}
    if not found:
        places = ["-".join(map(str, place)) for _, place in rows]
        raise ReleaseError(
            f"{term or field.rung} has no row of atoms {'-'.join(map(str, atoms))} in this "
            f"molecule; it has {listed(list(dict.fromkeys(places)))}, counted from 0."
        )
    return found


def same_rows(field: ForceField, term: str, key: tuple, lineage: dict) -> list[tuple[str, Number]]:
    """(molecule, number) of the rows of this environment in the training molecules."""
    holders = [set(lineage["environments"].get(environment, [])) for environment in key]
    names = sorted(set.intersection(*holders))
    if not names:
        return []
    described = []
    for name in names:
        smiles = lineage["molecules"][name]["mapped_smiles"]
        charge = Chem.GetFormalCharge(molecule_from_mapped_smiles(smiles))
        described.append(
            {"id": name, "mapped_smiles": smiles, "inchikey": "", "split": "",
             "net_charge": charge, "charges": None}
        )  # fmt: skip
    alike = []
    for parameters in molecule_parameters(field.model, topology_dataset(described)):
        environments = atom_environments(molecule_from_mapped_smiles(parameters["mapped_smiles"]))
        alike += [
            (parameters["id"], number)
            for number in numbers(parameters)
            if number.term == term and row_key(number.atoms, environments) == key
        ]
    return alike


def row_key(atoms, environments: list[str]) -> tuple[str, ...]:
    """The environments of a row's atoms, the same from either end."""
    names = tuple(environments[atom] for atom in atoms)
    return min(names, names[::-1])


def listed(names: list[str]) -> str:
    """Some of the names, and how many more there are."""
    if not names:
        return "nobody"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
