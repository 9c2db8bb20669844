"""Whatever a user calls a molecule, its files are read by the engines."""

import json
import re
import shutil
import warnings

import numpy as np
import pytest
from rdkit import Chem

import forceladder
from force_fields import topology
from forceladder.deploy.inputs import molecule_from
from forceladder.energy.topology import topology_of
from forceladder.errors import CorruptFileError, DomainWarning, ExportError, MoleculeError
from forceladder.export.gromacs.evaluation import PROGRAMS, run
from forceladder.export.lammps.evaluation import energy_and_gradient
from forceladder.export.openmm.ffxml import template_generator
from forceladder.training_set.build import topology_dataset
from ladder import LADDER, ladder_rung
from small_releases import save_release


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return save_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def class1(release):
    return forceladder.load(release, "class1")


@pytest.fixture(scope="module")
def class2(release):
    return forceladder.load(release, "class2")


@pytest.mark.parametrize("smiles", ["[O-]C(=O)C", "[NH3+]CC(=O)[O-]", "CCO\n", "  CCO", "[H][H]"])
def test_files_do_not_mind_what_the_molecule_is_called(class1, class2, tmp_path, smiles):
    coupled = class2.parametrize(smiles)
    coupled.parameters["id"] += "\n}\nnonsense {"
    coupled.to_lammps(tmp_path)  # with a file for Colvars, where there are torsions
    assert np.isfinite(energy_and_gradient(tmp_path, "molecule")[0])
    molecule = class1.parametrize(smiles)
    assert "\n" not in molecule.parameters["id"]
    molecule.parameters["id"] += "\nshell touch HERE\n[ bonds ]"  # by whoever writes parameters
    molecule.to_lammps(tmp_path)
    assert np.isfinite(energy_and_gradient(tmp_path, "molecule")[0])
    assert not (tmp_path / "HERE").exists()
    molecule.to_gromacs(tmp_path)
    if any(map(shutil.which, PROGRAMS)):
        run(tmp_path, "grompp -f molecule.mdp -c molecule.gro -p molecule.top -o a.tpr -po b.mdp")
    molecule.to_amber(tmp_path)


@pytest.mark.parametrize("name", ["my mol", "a#1", "a$b", "x&", "../out", "a/b", "", ".hidden"])
@pytest.mark.parametrize("writer", ["to_lammps", "to_gromacs", "to_amber", "to_ffxml", "to_offxml"])
def test_names_that_an_engine_could_not_read_are_refused(class1, tmp_path, name, writer):
    with pytest.raises(ExportError, match=re.escape(repr(name))):
        getattr(class1.parametrize("CO"), writer)(tmp_path / "in", name)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("smiles", ["C/C=C/C", "C/C=C\\C", "C/N=N/C", "C[C@H](N)C=O"])
def test_bespoke_molecules_with_stereo_are_found(tmp_path, smiles):
    model = ladder_rung(topology("CCO"), LADDER["class1"])
    known = Chem.AddHs(Chem.MolFromSmiles(smiles))
    for atom in known.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    known = Chem.MolToSmiles(known)
    described = {"id": "", "mapped_smiles": known, "inchikey": "", "net_charge": 0, "split": ""}
    graph = topology_of(topology_dataset([described]))
    said = model.deviations(graph, model.encoder(graph))
    model.offsets[known] = {head: 0.0 * v.detach() + 0.2 for head, v in said.items()}
    field = forceladder.load(save_release(tmp_path, {"class1": model}))
    bespoke, other = (field.parametrize(s).parameters["terms"] for s in (smiles, "CC=CC"))
    mapped = field.parametrize(known).parameters["terms"]
    lengths = [sorted(terms["bond_harmonic"]["length"]) for terms in (bespoke, mapped, other)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-12)
    assert lengths[0] != pytest.approx(lengths[2], rel=1e-6)


def test_flat_coordinates_with_all_hydrogens_are_said_to_be_taken_for_a_drawing():
    mol = Chem.AddHs(Chem.MolFromSmiles("O"))
    conformer = Chem.Conformer(3)
    conformer.Set3D(False)
    for atom, place in enumerate([(0, 0, 0), (0.9572, 0, 0), (-0.24, 0.927, 0)]):
        conformer.SetAtomPosition(atom, [float(x) for x in place])
    mol.AddConformer(conformer)
    with pytest.warns(DomainWarning, match="lie in a plane and are taken for a drawing"):
        assert not molecule_from(mol).GetNumConformers()
    mol.GetConformer().Set3D(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert molecule_from(mol).GetNumConformers() == 1


@pytest.mark.parametrize("put", [lambda a: a.SetProp("PartialCharge", "x"),
                                 lambda a: a.SetIntProp("PartialCharge", 0)])  # fmt: skip
def test_charges_of_another_type_are_read_or_refused(class1, put):
    mol = Chem.AddHs(Chem.MolFromSmiles("CO"))
    for atom in mol.GetAtoms():
        put(atom)
    try:
        assert class1.parametrize(mol).parameters["charge"] is not None
    except MoleculeError as error:
        assert error.code == "charges_incomplete"


def test_molecules_that_a_residue_cannot_tell_apart_are_not_chosen_from_silently(class1):
    one, other = (class1.parametrize("CO", charges=[q, -q, 0, 0, 0, 0]) for q in (0.1, 0.2))
    from openmm.app import ForceField

    forcefield = ForceField()
    forcefield.registerTemplateGenerator(template_generator([one.parameters, other.parameters]))
    with pytest.raises(ExportError, match="has the elements and bonds of 2 of the molecules"):
        forcefield.createSystem(one.topology())


def test_a_molecule_far_from_the_origin_fits_into_the_columns_of_its_files(class1, tmp_path):
    import parmed

    mol = class1.parametrize("CO").mol
    mol = Chem.Mol(mol)
    from rdkit.Chem import AllChem

    AllChem.EmbedMolecule(mol, randomSeed=1)
    x = mol.GetConformer().GetPositions()
    for atom, place in enumerate(x + [-1500.0, 20000.0, 0.0]):
        mol.GetConformer().SetAtomPosition(atom, place)
    prmtop, inpcrd = class1.parametrize(mol).to_amber(tmp_path)
    found = parmed.load_file(str(prmtop), xyz=str(inpcrd)).coordinates
    np.testing.assert_allclose(found - found.mean(0), x - x.mean(0), atol=1e-5)


@pytest.mark.parametrize("change", [{"net_charge": 3}, {"environments": []}, {"atoms": None}])
def test_a_damaged_domain_is_a_damaged_file(tmp_path, change):
    folder = save_release(tmp_path)
    path = folder / "domain.json"
    content = json.loads(path.read_text()) | change
    if None in change.values():
        del content["atoms"]
    path.write_text(json.dumps(content))
    with pytest.raises(CorruptFileError, match="describes no domain"):
        forceladder.load(folder, "class1")


def test_a_folder_of_somebody_else_is_no_member_of_an_ensemble(tmp_path):
    folder = save_release(tmp_path)
    (folder / "models" / "class1" / "ensemble" / "seed-x").mkdir(parents=True)
    assert len(forceladder.load(folder, "class1").members) == 1
