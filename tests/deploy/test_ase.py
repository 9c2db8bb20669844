"""ASE sees the surface that was fitted; its own tools are the judges."""

import subprocess
import sys

import ase.units
import numpy as np
import pytest
import torch
from ase.calculators.calculator import CalculatorSetupError
from ase.calculators.fd import calculate_numerical_forces
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

import forceladder
from conftest import SCRIPTS
from force_fields import geometry_of
from forceladder.energy.topology import topology_of
from forceladder.model.potential import rung_surface
from forceladder.training_set.build import topology_dataset
from ladder import LADDER

KCAL = ase.units.kcal / ase.units.mol  # eV; of CODATA 2014, ours of 2018


@pytest.mark.parametrize("rung", LADDER)
def test_energy_and_forces_are_those_of_the_training_code(release, rung):
    molecule = forceladder.load(release, rung).parametrize("CC(=O)NC")
    molecule.model.atomic_energy[[1, 6, 7, 8]] = torch.tensor([-300.0, -2e4, -3e4, -4e4]).double()
    atoms = molecule.to_ase()
    atoms.rattle(0.05, seed=1)
    described = {
        "id": "amide", "mapped_smiles": molecule.parameters["mapped_smiles"], "inchikey": "",
        "net_charge": 0, "split": "",
    }  # fmt: skip
    graph = topology_of(topology_dataset([described]))
    ours = rung_surface(molecule.model, geometry_of(graph, [atoms.positions]))
    assert atoms.get_potential_energy() == pytest.approx(float(ours.energy) * KCAL, rel=1e-7)
    np.testing.assert_allclose(atoms.get_forces(), -ours.gradient * KCAL, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("rung", LADDER)
def test_forces_are_slopes_of_the_energy(release, rung):
    atoms = forceladder.load(release, rung).parametrize("CC=O").to_ase()
    atoms.rattle(0.03, seed=2)
    found = calculate_numerical_forces(atoms, eps=1e-4)
    np.testing.assert_allclose(atoms.get_forces(), found, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rung", LADDER)
def test_energy_is_conserved_to_second_order_in_the_time_step(release, rung):
    molecule = forceladder.load(release, rung).parametrize("CO")
    errors = []
    for timestep, steps in ((0.4, 30), (0.2, 60), (0.1, 120)):  # fs
        atoms = molecule.to_ase()
        thermalize_momenta(atoms, temperature_K=100, rng=np.random.default_rng(3))
        start, energies = atoms.get_total_energy(), []
        dynamics = VelocityVerlet(atoms, timestep * ase.units.fs)
        dynamics.attach(lambda a=atoms, e=energies: e.append(a.get_total_energy()))
        dynamics.run(steps)
        errors.append(np.abs(np.array(energies) - start).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.25)


def test_minimum_of_ase_is_one_of_openmm(release):
    molecule = forceladder.load(release, "class2").parametrize("CCO")
    atoms = molecule.to_ase()
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=300)
    assert np.abs(atoms.get_forces()).max() < 1e-3
    assert atoms.get_masses().tolist() == molecule.parameters["mass"]
    assert atoms.get_initial_charges().tolist() == molecule.parameters["charge"]


def test_other_atoms_and_periodic_boxes_are_refused(release):
    atoms = forceladder.load(release, "class1").parametrize("CO").to_ase()
    wrong = atoms[[1, 0, 2, 3, 4, 5]]
    wrong.calc = atoms.calc
    with pytest.raises(CalculatorSetupError, match="in another order"):
        wrong.get_potential_energy()
    atoms.pbc = True
    with pytest.raises(CalculatorSetupError, match="vacuum"):
        atoms.get_potential_energy()


def test_without_ase_a_sentence_says_so(release):
    program = (
        "import sys; sys.modules['ase'] = None; import forceladder; "
        "from forceladder.errors import MissingProgramError\n"
        "molecule = forceladder.load(sys.argv[1], 'class1').parametrize('CO')\n"
        "try: molecule.to_ase()\n"
        "except MissingProgramError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(release)],
        env={"PYTHONPATH": str(SCRIPTS)}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout == "ASE is not installed; pip install ase.\n"
