"""One row of input → one checked molecule, or the reason why not."""

from rdkit import Chem, RDLogger
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from forceladder.errors import ConfigError, MoleculeError
from forceladder.job import seed_of
from forceladder.molecules.charges import checked_charges, transferred_charges, with_charges
from forceladder.molecules.topology import resonance_ranks, topology_arrays

RDLogger.DisableLog("rdApp.*")  # each problem is reported once, by us, with its row


def read_row(row: dict, elements: list[str], max_atoms: int, split_fractions: dict) -> dict:
    """Check one row of `listing.molecule_rows` and describe the molecule it names.

    returns: plain JSON: id, mapped_smiles, smiles, inchikey, formula, net_charge,
        multiplicity, split; and charges [atoms] e, where the row has them. Atoms are ordered by
        the canonical SMILES, implicit hydrogens last, so that every spelling of a molecule gives
        the same mapped SMILES.
    raises: MoleculeError with code parse_failed, several_components, isotope_label,
        element_not_allowed, too_many_atoms, single_atom, stereo_unspecified, charge_mismatch,
        impossible_multiplicity, charges_incomplete, charges_do_not_add_up, too_many_neighbours or
        no_lennard_jones_type
    """
    given = parse(row["source"], row["format"])
    mol = canonical_molecule(given)
    check_elements(mol, elements)
    if mol.GetNumAtoms() > max_atoms:
        raise MoleculeError(
            "too_many_atoms",
            f"{mol.GetNumAtoms()} atoms, more than molecules.max_atoms {max_atoms}.",
        )
    if mol.GetNumAtoms() == 1:
        raise MoleculeError("single_atom", "one atom has no geometry, so nothing can be fitted.")
    check_stereo(mol)
    topology_arrays(mol)  # refuses what no term can describe, before anything is computed
    net_charge = Chem.GetFormalCharge(mol)
    if "charge" in row and int(row["charge"]) != net_charge:
        raise MoleculeError(
            "charge_mismatch",
            f"the charge column says {row['charge']}, the formal charges add up to {net_charge}; "
            "draw the protonation state that is meant.",
        )
    named = description(mol)
    charges = transferred_charges(charged_molecule(row), mol)
    return {
        "id": row["id"],
        **named,
        **({"charges": charges} if charges else {}),
        "multiplicity": checked_multiplicity(mol, row.get("multiplicity")),
        "split": row.get("split") or drawn_split(named["inchikey"], split_fractions),
    }


def description(mol: Chem.Mol) -> dict:
    """What follows from a molecule with explicit hydrogens alone: names, formula, charge."""
    return {
        "mapped_smiles": mapped_smiles(mol),
        "smiles": Chem.MolToSmiles(Chem.RemoveHs(mol)),
        "inchikey": Chem.MolToInchiKey(mol),
        "formula": CalcMolFormula(mol),
        "net_charge": Chem.GetFormalCharge(mol),
    }


def parse(source: str, form: str) -> Chem.Mol:
    """RDKit molecule of a SMILES or mol block, sanitized, hydrogens implicit."""
    mol = parse_as_drawn(source, form)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return Chem.RemoveHs(mol)


def parse_as_drawn(source: str, form: str) -> Chem.Mol:
    """RDKit molecule of a SMILES or mol block, sanitized, with the atoms that were written and
    no others, their map numbers and the properties that an SDF file gives them."""
    if not source.strip():
        raise MoleculeError("parse_failed", "the row has no SMILES.")
    if form == "smiles":
        mol = Chem.MolFromSmiles(source, sanitize=False)
    else:
        entries = Chem.SDMolSupplier()  # reads what stands below the mol block, too
        entries.SetData(source, sanitize=False, removeHs=False)
        mol = next(iter(entries), None)
    if mol is None or mol.GetNumAtoms() == 0:
        raise MoleculeError("parse_failed", f"{short(source)} is not valid {form}.")
    try:
        Chem.SanitizeMol(mol)
    except (Chem.MolSanitizeException, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MoleculeError("parse_failed", f"{short(source)} makes no sense: {reason}.") from None
    if form == "sdf" and mol.GetNumConformers() and mol.GetConformer().Is3D():
        Chem.AssignStereochemistryFrom3D(mol)
    if len(Chem.GetMolFrags(mol)) > 1:
        raise MoleculeError(
            "several_components", f"{short(source)} is more than one molecule; give each a row."
        )
    if any(atom.GetIsotope() for atom in mol.GetAtoms()):
        raise MoleculeError(
            "isotope_label", "isotope labels do not change a force field; remove them."
        )
    return mol


def charged_molecule(row: dict) -> Chem.Mol:
    """The molecule of a row with explicit hydrogens, its atoms carrying the row's charges: those
    of the column `charges`, in the order of a mapped SMILES, or of an SDF file's
    atom.dprop.PartialCharge."""
    if "charges" in row:
        mol = checked_mapped_molecule(row["source"])
        return with_charges(mol, checked_charges(mol, row["charges"].split()))
    return Chem.AddHs(parse_as_drawn(row["source"], row["format"]))


def short(source: str) -> str:
    """A text in one line of at most 60 characters, in quotes."""
    text = " ".join(source.split())
    return repr(text if len(text) <= 60 else text[:57] + "...")


def canonical_molecule(mol: Chem.Mol) -> Chem.Mol:
    """The molecule with explicit hydrogens and an atom order that depends on nothing else."""
    mol = Chem.AddHs(mol)
    clear_false_centres(mol)
    return Chem.AddHs(Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(mol))))


def check_elements(mol: Chem.Mol, elements: list[str]):
    """Raise MoleculeError unless every element is one of `elements`."""
    unknown = sorted({atom.GetSymbol() for atom in mol.GetAtoms()} - set(elements))
    if unknown:
        raise MoleculeError(
            "element_not_allowed",
            f"holds {', '.join(unknown)}; molecules.elements allows {', '.join(elements)}.",
        )


def check_stereo(mol: Chem.Mol):
    """Raise unless the drawing fits one stereoisomer alone.

    RDKit's list of possible stereocentres is no judge: it holds the bridgeheads of
    adamantane and the double bonds of azides, which nobody could specify.
    """
    found = distinct_isomers(mol, can_exist=False)
    if len(found) == 2:  # ask the slower question only if need be: norbornane is never trans
        found = distinct_isomers(mol, can_exist=True)
    if len(found) == 2:
        raise MoleculeError(
            "stereo_unspecified",
            f"the stereochemistry of {Chem.MolToSmiles(Chem.RemoveHs(mol))} is not specified: "
            f"it may be {found[0]} or {found[1]}; list each stereoisomer that is meant.",
        )


def distinct_isomers(mol: Chem.Mol, can_exist: bool) -> list[str]:
    """SMILES of the first two different stereoisomers that fit the drawing, if there are two.

    can_exist: count only those that RDKit can embed in three dimensions
    """
    found = []
    for isomer in EnumerateStereoisomers(mol, StereoEnumerationOptions(tryEmbedding=can_exist)):
        clear_false_centres(isomer)
        smiles = Chem.MolToSmiles(Chem.RemoveHs(isomer))
        if smiles not in found:
            found.append(smiles)
        if len(found) == 2:
            break
    return found


def clear_false_centres(mol: Chem.Mol):
    """Unmark stereocentres with two like ends, such as P with the oxygens O⁻ and =O.

    mol: explicit hydrogens
    """
    ranks = resonance_ranks(mol)
    for atom in mol.GetAtoms():
        ends = [ranks[n.GetIdx()] for n in atom.GetNeighbors() if n.GetDegree() == 1]
        if len(set(ends)) < len(ends):
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)


def checked_multiplicity(mol: Chem.Mol, asked: str | None) -> int:
    """Spin multiplicity: the one asked for, or the high-spin one of the drawn radicals."""
    radicals = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    electrons = sum(atom.GetAtomicNum() for atom in mol.GetAtoms()) - Chem.GetFormalCharge(mol)
    multiplicity = radicals + 1 if asked is None else int(asked)
    if not 1 <= multiplicity <= electrons + 1 or (electrons + multiplicity) % 2 == 0:
        raise MoleculeError(
            "impossible_multiplicity",
            f"multiplicity {multiplicity} is impossible with {electrons} electrons; "
            f"it must be {'odd' if electrons % 2 == 0 else 'even'} and positive.",
        )
    return multiplicity


def drawn_split(inchikey: str, fractions: dict) -> str:
    """Split drawn by a hash of the InChIKey's first block: stereoisomers stay together."""
    draw = seed_of("split", inchikey.split("-")[0]) / 2**31
    if draw < fractions["test"]:
        return "test"
    return "validation" if draw < fractions["test"] + fractions["validation"] else "train"


def mapped_smiles(mol: Chem.Mol) -> str:
    """Canonical isomeric explicit-hydrogen SMILES with map numbers = atom rows + 1."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(mol)


def molecule_from_mapped_smiles(smiles: str) -> Chem.Mol:
    """RDKit molecule, explicit hydrogens, atoms ordered by map number, numbers removed."""
    parameters = Chem.SmilesParserParams()
    parameters.removeHs = False
    mol = Chem.MolFromSmiles(smiles, parameters)
    order = sorted(range(mol.GetNumAtoms()), key=lambda i: mol.GetAtomWithIdx(i).GetAtomMapNum())
    mol = Chem.RenumberAtoms(mol, order)
    if [atom.GetAtomMapNum() for atom in mol.GetAtoms()] != list(range(1, mol.GetNumAtoms() + 1)):
        raise ValueError(f"{smiles} does not map its atoms to 1…N")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return mol


def molecule_of(description: dict) -> Chem.Mol:
    """RDKit molecule of a description such as `read_row` returns, with the charges it brings."""
    mol = molecule_from_mapped_smiles(description["mapped_smiles"])
    return with_charges(mol, description.get("charges"))


def checked_mapped_molecule(smiles: str, numbers: list[int] | None = None) -> Chem.Mol:
    """As `molecule_from_mapped_smiles`, for a SMILES that others wrote.

    numbers: [atoms], atomic numbers of the geometry that it comes with, where they are known
    raises: MoleculeError parse_failed, several_components, isotope_label or atoms_disagree
    """
    try:
        mol = molecule_from_mapped_smiles(smiles)
    except (ValueError, AttributeError, RuntimeError):
        raise MoleculeError(
            "parse_failed", f"{smiles[:80]!r} is no SMILES that maps its atoms to 1…N."
        ) from None
    require_one_molecule(mol)
    if numbers not in (None, [atom.GetAtomicNum() for atom in mol.GetAtoms()]):
        raise MoleculeError(
            "atoms_disagree", f"the atoms of the geometry are not those that {smiles[:80]} maps."
        )
    clear_false_centres(mol)
    return mol


def require_one_molecule(mol: Chem.Mol):
    """Raise MoleculeError several_components or isotope_label."""
    if (count := len(Chem.GetMolFrags(mol))) > 1:
        raise MoleculeError("several_components", f"its atoms are {count} molecules, not one.")
    if any(atom.GetIsotope() for atom in mol.GetAtoms()):
        raise MoleculeError("isotope_label", "isotope labels do not change a force field.")


def reject_duplicates(molecules: list[dict]) -> tuple[list[dict], list[dict]]:
    """Keep the first of each mapped SMILES, whatever its spelling was.

    returns: molecules kept, rejections (id, line, code, reason)
    """
    seen, kept, rejected = {}, [], []
    for molecule in molecules:
        first = seen.setdefault(molecule["mapped_smiles"], molecule["id"])
        if first == molecule["id"]:
            kept.append(molecule)
        else:
            row = {"id": molecule["id"], "line": molecule["line"], "code": "duplicate"}
            rejected.append(row | {"reason": f"the same molecule as {first}."})
    return kept, rejected


def check_splits(molecules: list[dict]):
    """Raise ConfigError if a split is missing, or if near twins sit in different splits.

    Near twins share the first block of the InChIKey: stereoisomers, protonation states and
    most tautomers, which teach a force field the same.
    """
    for split in ("train", "test"):
        if molecules and not any(molecule["split"] == split for molecule in molecules):
            raise ConfigError(
                f"none of the {len(molecules)} accepted molecules is in the split {split!r}; name "
                "splits in the molecule file, or change molecules.split_fractions."
            )
    seen = {}
    for molecule in molecules:
        twin = seen.setdefault(molecule["inchikey"].split("-")[0], molecule)
        if twin["split"] != molecule["split"]:
            raise ConfigError(
                f"{twin['id']} (line {twin['line']}, {twin['split']}) and {molecule['id']} (line "
                f"{molecule['line']}, {molecule['split']}) differ in stereochemistry, protonation "
                "or tautomer alone; put them in the same split, or one would test what the other "
                "has taught."
            )
