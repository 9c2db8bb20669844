"""Loading a release, and parametrizing molecules with it.

import forceladder
force_field = forceladder.load("results/quickstart/releases/quickstart-0.1.0", rung="class2")
ethanol = force_field.parametrize("CCO")
system = ethanol.to_openmm()
"""

import json
import warnings
from functools import cached_property
from pathlib import Path

from rdkit import Chem

from forceladder import files
from forceladder.deploy.charges import charges_of
from forceladder.deploy.inputs import molecule_from
from forceladder.deploy.molecule import ParametrizedMolecule
from forceladder.errors import CorruptFileError, DomainWarning, MoleculeError, ReleaseError
from forceladder.export.parameters import molecule_parameters, renumbered
from forceladder.model.checkpoint import load_model
from forceladder.molecules.domain import DOMAIN, Domain, departures
from forceladder.molecules.read import mapped_smiles, molecule_from_mapped_smiles, short
from forceladder.release.ensemble import member_folders
from forceladder.training_set.build import topology_dataset


def load(path, rung: str | None = None) -> "ForceField":
    """The force field of a release folder; `rung` is needed only if it holds several.

    raises: CorruptFileError, or ReleaseError for a rung that is not there
    """
    path = Path(path)
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        rungs, _ = sorted(manifest["rungs"]), manifest["elements"]
        rungs[0]  # a release holds at least one
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CorruptFileError(f"{path} is no release: its manifest.json ({error}).") from error
    if rung is None and len(rungs) > 1:
        raise ReleaseError(f"{path} holds {', '.join(rungs)}; name one of these rungs.")
    rung = rung or rungs[0]
    if rung not in rungs:
        raise ReleaseError(f"{path} has no rung {rung!r}; it holds {', '.join(rungs)}.")
    members = [load_model(folder) for folder in member_folders(path / "models" / rung)]
    return ForceField(members, manifest, rung, read_domain(path))


def read_domain(release: Path) -> Domain | None:
    """What the training molecules of a release cover; None, and a warning, if it is from before
    releases said so.

    raises: CorruptFileError
    """
    path = release / DOMAIN
    if not path.exists():
        warnings.warn(
            f"{release} has no {DOMAIN}: nothing tells which molecules are unlike those that it "
            "was fitted to; assemble the release again with this version.",
            DomainWarning,
            stacklevel=4,
        )
        return None
    try:
        domain = Domain(**files.read_json(path))
        _, _ = domain.net_charge
        domain.environments.keys()
    except (TypeError, ValueError, AttributeError) as error:
        raise CorruptFileError(f"{path} describes no domain ({error}).") from error
    return domain


class ForceField:
    """Models of one rung, the manifest of their release, and what they were fitted to.

    members: models that differ in the seed of their fit alone. The first writes the parameters: it
        is the one that was validated. How far all of them scatter is the uncertainty.
    """

    def __init__(self, members: list, manifest: dict, rung: str, domain: Domain | None):
        self.members, self.manifest, self.rung, self.domain = members, manifest, rung, domain

    @property
    def model(self):
        """The released one of the members."""
        return self.members[0]

    @property
    def name(self) -> str:
        """Rung, release and version."""
        manifest = self.manifest
        return f"{self.rung} of {manifest.get('name', 'a release')} {manifest.get('version', '')}"

    def parametrize(self, molecule, charges=None, strict: bool = False) -> ParametrizedMolecule:
        """Parameters of one molecule.

        molecule: a SMILES, the path of an .sdf, .mol or .mol2 file, an RDKit Mol or an OpenFF
            Molecule. Atoms keep their order, of a SMILES that maps all of them that of the map
            numbers; hydrogens that are not there come last. A geometry must have them all.
        charges: [atoms] e, in this order, instead of the force field's own; None takes those that
            an SDF file (atom.dprop.PartialCharge), a Mol or an OpenFF Molecule carries, if any;
            'file' also a mol2 file's, and insists; 'force_field' takes none of them
        strict: refuse what is unlike the training set; else that is said by DomainWarnings, and
            in `warnings` of the result
        raises: MoleculeError with a sentence, for what is no molecule, holds an element that the
            force field was not fitted to, or has charges that are not one per atom or do not add
            up to its net charge
        """
        mol = molecule_from(molecule)
        self._check_elements(mol)
        doubts = self._doubts(mol, strict)
        self._check_use_of(charges)
        name = mapped_smiles(mol)
        known, order = self._bespoke_order(mol) or (name, list(range(mol.GetNumAtoms())))
        given = charges_of(mol, charges)
        described = {
            "id": label(molecule, mol), "mapped_smiles": known, "inchikey": "", "split": "",
            "net_charge": Chem.GetFormalCharge(mol),
            "charges": given and [given[atom] for atom in order],
        }  # fmt: skip
        dataset = topology_dataset([described])
        found = [molecule_parameters(member, dataset)[0] for member in self.members]
        ensemble = [renumbered(parameters, order, name) for parameters in found]
        return ParametrizedMolecule(mol, ensemble, self.model, doubts, source=self.name)

    def _doubts(self, mol: Chem.Mol, strict: bool) -> list[str]:
        """Sentences on what is unlike the training set; a MoleculeError instead, if strict."""
        if self.domain is None:
            if strict:
                raise MoleculeError(
                    "domain_unknown", f"this release has no {DOMAIN} to be strict by."
                )
            return []
        found = departures(mol, self.domain)
        if found and strict:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise MoleculeError("outside_domain", f"{found[0].rstrip('.')}{more}.")
        for sentence in found:
            warnings.warn(sentence, DomainWarning, stacklevel=3)
        return found

    def _check_elements(self, mol: Chem.Mol):
        elements = {atom.GetSymbol() for atom in mol.GetAtoms()}
        if unknown := sorted(elements - set(self.manifest["elements"])):
            raise MoleculeError(
                "element_not_fitted",
                f"{short(canonical_smiles(mol))} holds {', '.join(unknown)}; this release was "
                f"fitted to {', '.join(self.manifest['elements'])}.",
            )

    def _check_use_of(self, charges):
        asked = charges is not None and not isinstance(charges, str)
        if asked and "coulomb" not in self.model.settings["terms"]:
            raise MoleculeError(
                "charges_unused", f"{self.rung} has no term for charges; leave them out."
            )

    def _bespoke_order(self, mol: Chem.Mol) -> tuple[str, list[int]] | None:
        """The mapped SMILES under which the molecule has bespoke parameters, and the atom of
        `mol` that each of its atoms is; None where it has none."""
        if (known := self._bespoke.get(canonical_smiles(mol))) is None:
            return None
        bespoke = molecule_from_mapped_smiles(known)
        match = mol.GetSubstructMatch(bespoke, useChirality=True)
        return known, list(match or mol.GetSubstructMatch(bespoke))

    @cached_property
    def _bespoke(self) -> dict[str, str]:
        """Canonical SMILES of the molecules that have bespoke parameters → mapped SMILES."""
        found: dict[str, str] = {}
        for known in self.model.offsets:
            found.setdefault(canonical_smiles(molecule_from_mapped_smiles(known)), known)
        return found


def canonical_smiles(mol: Chem.Mol) -> str:
    """Of a molecule with explicit hydrogens, without map numbers."""
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


def label(source, mol: Chem.Mol) -> str:
    """What the user calls a molecule: the text that was given, or its SMILES."""
    said = str(source) if isinstance(source, str | Path) else canonical_smiles(mol)
    return " ".join(said.split())
