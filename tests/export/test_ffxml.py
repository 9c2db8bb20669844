"""A ForceField file is the force field, alone and beside AMBER's proteins and water."""

import io

import numpy as np
import openmm
import pytest
from openmm import app
from rdkit import Chem

import oracles
from examples import mol_of
from exports import CHLORIDE, EXPORTED, assert_agrees, exported, place
from force_fields import CLASS1, dataset_of, embedded, topology
from forceladder.errors import ExportError
from forceladder.export.amber import write_amber
from forceladder.export.openmm import ffxml
from forceladder.export.openmm.evaluation import (
    openmm_energy_and_gradient,
)
from forceladder.export.openmm.ffxml import (
    evaluate,
    refusal,
    template_generator,
    write_ffxml,
)
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from ladder import LADDER, ladder_rung

AMBER = "amber14/protein.ff14SB.xml", "amber14/tip3p.xml"
VACUUM = {
    "nonbondedMethod": app.NoCutoff, "constraints": None, "rigidWater": False,
    "removeCMMotion": False,
}  # fmt: skip


@pytest.mark.parametrize("smiles", EXPORTED)
def test_file_is_the_training_code(smiles):
    for seed in range(3):
        parameters, x = exported(smiles, seed), place(smiles, seed)
        found = evaluate(parameters, x)
        assert_agrees(smiles, parameters, found, x, 1e-9, 1e-8)
        assert len(found) <= 4


@pytest.mark.parametrize("smiles", EXPORTED)
def test_atoms_and_exceptions_are_those_that_openmm_finds_itself(smiles):
    parameters = exported(smiles)
    system = app.ForceField(io.StringIO(ffxml.ffxml(parameters))).createSystem(
        ffxml.topology(parameters), **VACUUM
    )
    judge = oracles.nonbonded_force(
        parameters["bonds"], parameters["charge"], parameters["lj_sigma"], parameters["lj_epsilon"]
    )
    (force,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    for atom, mass in enumerate(parameters["mass"]):
        assert system.getParticleMass(atom)._value == mass
        found, expected = (one.getParticleParameters(atom) for one in (force, judge))
        for theirs, ours in zip(found, expected, strict=True):
            assert theirs._value == pytest.approx(ours._value, rel=1e-14)

    def exceptions(one):
        rows = [one.getExceptionParameters(k) for k in range(one.getNumExceptions())]
        return {frozenset(row[:2]): (row[2]._value, row[4]._value) for row in rows}

    theirs, ours = exceptions(force), exceptions(judge)
    assert theirs.keys() == ours.keys()
    for pair, values in ours.items():
        assert theirs[pair] == pytest.approx(values, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("term", CLASS1)
def test_a_rung_of_one_term_is_that_term(term):
    smiles = "CC(=O)NC"
    parameters, x = exported(smiles, terms=[term]), place(smiles)
    assert_agrees(smiles, parameters, evaluate(parameters, x), x, 1e-9, 1e-8)


@pytest.mark.parametrize("smiles", ["CC(=O)NC", "c1ccccc1", "C[N+](=O)[O-]"])
def test_atoms_in_another_order_find_their_parameters(smiles):
    """OpenMM finds atoms by the graph, and impropers by rules that look at indices."""
    parameters, x = exported(smiles), place(smiles)
    forcefield = app.ForceField(io.StringIO(ffxml.ffxml(parameters)))
    expected, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(x))  # the new atoms' old numbers
        back = np.argsort(order)
        shuffled = {
            **parameters,
            "atomic_number": [parameters["atomic_number"][k] for k in order],
            "bonds": [[int(back[i]), int(back[j])] for i, j in parameters["bonds"]],
        }
        system = forcefield.createSystem(ffxml.topology(shuffled), **VACUUM)
        energy, found = openmm_energy_and_gradient(system, x[order])
        # equivalent atoms may be exchanged, and have equal parameters
        assert energy == pytest.approx(expected, abs=1e-8)
        np.testing.assert_allclose(found, gradient[order], rtol=0, atol=1e-7)


# beside AMBER

PEPTIDE = "CC(=O)N[C@@H](C)C(=O)NC"
RESIDUES = {"ACE": (0, 1, 2), "ALA": (3, 4, 5, 6, 7), "NME": (8, 9)}  # atoms of the SMILES


def add_peptide(into: app.Topology) -> np.ndarray:
    """Acetyl-alanine-N-methylamide; its positions [atoms, 3] Å."""
    mol, chain = mol_of(PEPTIDE), into.addChain()
    place_of = mol.GetSubstructMatch(Chem.MolFromSmiles(PEPTIDE))
    atoms, order = {}, []
    for name, heavy in RESIDUES.items():
        residue = into.addResidue(name, chain)
        for one in heavy:
            first = mol.GetAtomWithIdx(place_of[one])
            for atom in (first, *(n for n in first.GetNeighbors() if n.GetAtomicNum() == 1)):
                element = app.Element.getByAtomicNumber(atom.GetAtomicNum())
                order.append(atom.GetIdx())
                atoms[order[-1]] = into.addAtom(f"{element.symbol}{len(order)}", element, residue)
    for bond in mol.GetBonds():
        into.addBond(atoms[bond.GetBeginAtomIdx()], atoms[bond.GetEndAtomIdx()])
    return embedded(PEPTIDE)[order]


def add_residue(into: app.Topology, name: str, single: app.Topology):
    """All atoms of a topology as one more residue."""
    residue = into.addResidue(name, into.addChain())
    atoms = [into.addAtom(atom.name, atom.element, residue) for atom in single.atoms()]
    for one, other in single.bonds():
        into.addBond(atoms[one.index], atoms[other.index])


def mixture(*ligands: dict, far: float):
    """A peptide, three waters and ligands in one topology; positions [atoms, 3] Å of the peptide
    and the waters `far` Å away, and of the ligands apart from each other; and the number of
    atoms that are no ligand's."""
    top = app.Topology()
    places = [add_peptide(top) + [far, 0.0, 0.0]]
    for k in range(3):
        add_residue(top, "HOH", ffxml.topology(exported("O")))
        places.append(embedded("O") + [far, 8.0 + 4.0 * k, 0.0])
    others = sum(map(len, places))
    for k, (parameters, x) in enumerate(ligands):
        add_residue(top, f"L{k:02d}", ffxml.topology(parameters))
        places.append(x + [0.0, 0.0, 9.0 + 9.0 * k])
    return top, np.concatenate(places), others


@pytest.fixture(scope="module")
def protein_and_water():
    top, _, _ = mixture(far=0.0)
    return app.ForceField(*AMBER).createSystem(top, **VACUUM)


@pytest.mark.parametrize("smiles", ["CC(=O)NC", "CC(=O)[O-]", "c1ccoc1", "CC#N", "C1CC12CC2"])
def test_ligand_beside_a_peptide_and_water_has_the_energy_of_its_system(smiles, protein_and_water):
    """A hundred micrometres away, where nothing of the others is felt."""
    parameters, x = exported(smiles), place(smiles)
    top, positions, others = mixture((parameters, x), far=1e6)
    forcefield = app.ForceField(*AMBER)
    with pytest.raises(ValueError, match="No template found"):
        forcefield.createSystem(top, **VACUUM)
    forcefield.registerTemplateGenerator(template_generator([exported("CCO"), parameters]))
    system = forcefield.createSystem(top, **VACUUM)
    assert sum(isinstance(force, openmm.NonbondedForce) for force in system.getForces()) == 1
    energy, gradient = openmm_energy_and_gradient(system, positions)
    rest, _ = openmm_energy_and_gradient(protein_and_water, positions[:others])
    expected, expected_gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    assert energy - rest == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(gradient[others:], expected_gradient, rtol=0, atol=1e-6)


def test_ligands_among_protein_and_water_are_as_parmed_puts_them_together(
    protein_and_water, tmp_path
):
    """The ligands' prmtops added to a prmtop of the rest by ParmEd is the other road. (Two
    prmtops: a Structure of an OpenMM System loses the 1–4 pairs of what is added to it.)"""
    parmed = pytest.importorskip("parmed")
    ligands = [(exported(smiles), place(smiles)) for smiles in ("CC(=O)NC", "CC(=O)[O-]")]
    top, positions, _ = mixture(*ligands, far=0.0)
    forcefield = app.ForceField(*AMBER)
    forcefield.registerTemplateGenerator(template_generator([p for p, _ in ligands]))
    energy, gradient = openmm_energy_and_gradient(forcefield.createSystem(top, **VACUUM), positions)

    alone, _, _ = mixture(far=0.0)
    whole = parmed.amber.AmberParm.from_structure(
        parmed.openmm.load_topology(alone, protein_and_water)
    )
    for k, (parameters, x) in enumerate(ligands):
        prmtop, _ = write_amber(parameters, x, tmp_path, f"ligand-{k}")
        whole = whole + parmed.load_file(str(prmtop))
    system = whole.createSystem(nonbondedMethod=app.NoCutoff, removeCMMotion=False)
    expected, expected_gradient = openmm_energy_and_gradient(system, positions)
    assert energy == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-3)


def test_generator_knows_its_molecules_and_no_others():
    generate = template_generator([exported("CC(=O)NC"), exported(CHLORIDE)])

    def known(top):
        forcefield = app.ForceField()
        return [generate(forcefield, residue) for residue in top.residues()]

    assert known(ffxml.topology(exported("CC(=O)NC"))) == [True]
    assert known(ffxml.topology(exported(CHLORIDE))) == [True]
    for other in ("CCC(=O)N", "CC(=O)[O-]", "[H][H]"):  # an isomer first
        assert known(ffxml.topology(exported(other))) == [False]


def test_part_of_a_chain_is_no_molecule():
    """A residue with the atoms of a molecule, bonded to a neighbour."""
    parameters = exported("CC(=O)[O-]")
    top = ffxml.topology(parameters)
    (residue,) = top.residues()
    extra = top.addAtom("X", app.element.sodium, top.addResidue("NA", top.addChain()))
    top.addBond(next(iter(residue.atoms())), extra)
    assert not template_generator([parameters])(app.ForceField(), residue)


def test_two_molecules_of_one_elemental_formula_have_no_type_in_common():
    first, second = (set(ffxml.atom_types(exported(s))) for s in ("CC(=O)NC", "CCC(=O)N"))
    assert not first & second
    assert first == set(ffxml.atom_types(exported("CC(=O)NC")))


def test_equivalent_atoms_with_charges_of_their_own_are_refused():
    """OpenMM could give each the other's."""
    parameters = exported("CC(=O)[O-]", terms=["bond_harmonic", "coulomb"])
    oxygens = [k for k, number in enumerate(parameters["atomic_number"]) if number == 8]
    assert refusal(parameters) is None
    parameters["charge"][oxygens[0]] += 0.1
    terms = parameters["terms"]["coulomb"]
    terms["charge_product"] = [
        parameters["charge"][i] * parameters["charge"][j] / (1.2 if near else 1.0)
        for (i, j), near in zip(terms["atoms"], parameters["pair_is_14"], strict=True)
    ]
    numbers = " and ".join(str(k + 1) for k in oxygens)
    assert f"atoms {numbers} of molecule-0" in refusal(parameters)
    with pytest.raises(ExportError, match="elements and bonds alone"):
        template_generator([parameters])


@pytest.mark.parametrize("rung", ["class2", "delta", "mlff"])
def test_other_rungs_are_refused_by_what_has_no_form(rung, tmp_path):
    model = ladder_rung(topology("CCO"), LADDER[rung])
    (parameters,) = molecule_parameters(model, dataset_of("CCO"))
    sentence = refusal(parameters)
    assert "ForceField file" in sentence
    assert ("bond_quartic" if rung == "class2" else "neural") in sentence
    with pytest.raises(ExportError, match="ForceField file"):
        write_ffxml(parameters, place("CCO"), tmp_path, "molecule")
    assert not list(tmp_path.iterdir())
