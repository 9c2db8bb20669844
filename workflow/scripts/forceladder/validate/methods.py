"""A method is a fitted rung or a baseline: the same questions are put to all of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import openmm
import torch
import xarray
from rdkit import Chem

from forceladder import files
from forceladder.export.openmm.correction import attach_correction
from forceladder.model.checkpoint import load_model
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.provenance import digest, file_digest
from forceladder.training_set.dataset import molecule_positions
from forceladder.validate.baselines import BASELINES, require_baseline
from forceladder.validate.surface import Surface, openmm_surface

NO_PARAMETERS = "the method has no parameters for the molecule"


class Method(NamedTuple):
    """label: what tables call it; systems, model: folders of a rung, None of a baseline;
    code: digest of all code that its numbers depend on; device: that computes a correction"""

    label: str
    systems: str | None
    model: str | None
    code: str
    device: str = "cpu"


class Subject(NamedTuple):
    """index: row of the molecule in the training set; mol: RDKit's, explicit hydrogens, atoms in
    that order; surface: None where the method has no parameters for the molecule."""

    index: int
    name: str
    mol: Chem.Mol
    surface: Surface | None


def method_surfaces(
    dataset, label: str, systems=None, model=None, dtype=torch.float64, device="cpu"
) -> Iterator[Subject]:
    """Every molecule of a training set by one method.

    label: the baseline's name; of a rung what tables call it
    systems, model: folders of a rung, as rules export_systems and fit_rung write them; None of a
        baseline
    dtype, device: of a correction
    raises: MissingProgramError
    """
    fitted = None if model is None else load_model(model)
    if fitted is None:
        require_baseline(label)
    for index, smiles in enumerate(dataset["mapped_smiles"].values):
        name = str(dataset["molecule_id"].values[index])
        mol = molecule_from_mapped_smiles(str(smiles))
        if fitted is None:
            surface = BASELINES[label](mol, int(dataset["net_charge"].values[index]))
        else:
            surface = openmm_surface(rung_system(Path(systems), name, fitted, dtype, device))
        yield Subject(index, name, mol, surface)


def model_digests(method: Method) -> list[list[str]]:
    """[name, digest] of every file of a rung's model; none of a baseline."""
    if method.model is None:
        return []
    return [
        [path.name, file_digest(path)]
        for path in sorted(Path(method.model).iterdir())
        if path.suffix != ".nc"  # its history
    ]


def fingerprint(one: xarray.Dataset, method: Method, model: list) -> str:
    """Digest of a molecule, its reference data, its parameters and the code.

    one: a training set of that molecule alone      model: of `model_digests`
    """
    parts: list = [method.label, method.code, str(one["mapped_smiles"].values[0])]
    parts += [molecule_positions(one, 0).tolist(), int(one["net_charge"].values[0])]
    if method.systems is not None:
        name = str(one["molecule_id"].values[0])
        parts += [file_digest(Path(method.systems, f"{name}.{kind}")) for kind in ("xml", "json")]
    return digest(parts + model)


def rung_system(
    systems: Path, name: str, model, dtype=torch.float64, device="cpu"
) -> openmm.System:
    """System of a molecule in the folder that rule export_systems writes, with its correction."""
    system = openmm.XmlSerializer.deserialize((systems / f"{name}.xml").read_text())
    if model.correction is None:
        return system
    parameters = files.read_json(systems / f"{name}.json")
    return attach_correction(system, model, parameters, dtype, device)
