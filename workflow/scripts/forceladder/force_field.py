"""A released force field in the hands of its user.

import forceladder
force_field = forceladder.load("results/quickstart/releases/quickstart-0.1.0", rung="class2")
ethanol = force_field.parametrize("CCO")
system = ethanol.to_openmm()
"""

import json
from pathlib import Path

from rdkit import Chem

from forceladder.errors import CorruptFileError, MoleculeError
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters, renumbered
from forceladder.model.checkpoint import load_model
from forceladder.molecules.charges import checked_charges
from forceladder.molecules.conformers import minimized_conformers
from forceladder.molecules.read import mapped_smiles, molecule_from_mapped_smiles, parse
from forceladder.training_set.build import topology_dataset


def load(path, rung: str | None = None) -> "ForceField":
    """The force field of a release folder; `rung` is needed only if it holds several."""
    path = Path(path)
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        rungs = sorted(manifest["rungs"])
    except (OSError, ValueError, KeyError) as error:
        raise CorruptFileError(f"{path} is no release: its manifest.json ({error}).") from error
    if rung is None and len(rungs) > 1:
        raise ValueError(f"{path} holds {', '.join(rungs)}; name one: load(path, rung=…)")
    rung = rung or rungs[0]
    if rung not in rungs:
        raise ValueError(f"{path} has no rung {rung!r}; it holds {', '.join(rungs)}")
    return ForceField(load_model(path / "models" / rung), manifest)


class ForceField:
    """A model and the manifest of the release that it came from."""

    def __init__(self, model, manifest: dict):
        self.model, self.manifest = model, manifest

    def parametrize(self, smiles: str, charges=None) -> "ParametrizedMolecule":
        """Parameters of one molecule, atoms in the order of the SMILES, hydrogens last.

        charges: [atoms] e, in this order, to be used instead of the force field's own
        raises: MoleculeError with a sentence, for what is no molecule, holds an element that the
            force field was not fitted to, or has charges that are not one per atom or do not add
            up to its net charge
        """
        return self._parametrized(smiles, Chem.AddHs(parse(smiles, "smiles")), charges)

    def parametrize_mapped(self, smiles: str, charges=None) -> "ParametrizedMolecule":
        """As `parametrize`, for a SMILES with explicit hydrogens whose map numbers, from 1, are
        the order of the atoms."""
        return self._parametrized(smiles, molecule_from_mapped_smiles(smiles), charges)

    def _parametrized(self, smiles: str, mol: Chem.Mol, charges) -> "ParametrizedMolecule":
        elements = {atom.GetSymbol() for atom in mol.GetAtoms()}
        if unknown := sorted(elements - set(self.manifest["elements"])):
            raise MoleculeError(
                "element_not_fitted",
                f"{smiles} holds {', '.join(unknown)}; this release was fitted to "
                f"{', '.join(self.manifest['elements'])}.",
            )
        if charges is not None:
            charges = checked_charges(mol, charges)
        name = mapped_smiles(mol)
        known, order = self._bespoke_order(mol) or (name, list(range(mol.GetNumAtoms())))
        if charges is not None:
            charges = [charges[atom] for atom in order]
        molecule = {
            "id": smiles, "mapped_smiles": known, "inchikey": "", "split": "",
            "net_charge": Chem.GetFormalCharge(mol), "charges": charges,
        }  # fmt: skip
        (parameters,) = molecule_parameters(self.model, topology_dataset([molecule]))
        return ParametrizedMolecule(mol, renumbered(parameters, order, name), self.model)

    def _bespoke_order(self, mol: Chem.Mol) -> tuple[str, list[int]] | None:
        """The mapped SMILES under which the molecule has bespoke parameters, and the atom of
        `mol` that each of its atoms is; None where it has none."""
        wanted = canonical_smiles(mol)
        for known in self.model.offsets:
            bespoke = molecule_from_mapped_smiles(known)
            if canonical_smiles(bespoke) == wanted:
                return known, list(mol.GetSubstructMatch(bespoke, useChirality=True))
        return None


def canonical_smiles(mol: Chem.Mol) -> str:
    """Of a molecule with explicit hydrogens, without map numbers."""
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


class ParametrizedMolecule:
    """mol: RDKit molecule with hydrogens; parameters: plain JSON, kcal/mol, Å, rad, e; model: the
    one that wrote them."""

    def __init__(self, mol, parameters: dict, model):
        self.mol, self.parameters, self.model = mol, parameters, model

    def to_openmm(self):
        """An openmm.System in vacuum.

        The correction of a rung that has one is a Python force: store `parameters` and the
        release, not this System, which OpenMM would write as a pickle.
        """
        system = openmm_system(self.parameters)
        if self.model.correction is None:
            return system
        return attach_correction(system, self.model, self.parameters)

    def positions(self, seed: int = 0):
        """A conformer to start from, [atoms, 3] Å."""
        return minimized_conformers(self.mol, 1, candidates=10, prune_rmsd=0.0, seed=seed)[0]
