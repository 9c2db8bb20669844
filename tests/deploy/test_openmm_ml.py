"""openmm-ml finds the release by name, and makes of it the same System."""

import importlib
import tomllib
from pathlib import Path

import numpy as np
import openmm
import pytest

import forceladder
from forceladder.deploy.openmm_ml import ForceLadderFactory, register
from forceladder.errors import MoleculeError, ReleaseError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from ladder import LADDER

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def potential(release):
    """Function: a real MLPotential of openmm-ml."""
    openmmml = pytest.importorskip("openmmml", reason="openmm-ml is not installed")
    register()
    return lambda **options: openmmml.MLPotential("forceladder", release=release, **options)


def test_the_entry_point_is_the_factory():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    path = project["entry-points"]["openmmml.potentials"]["forceladder"]
    module, _, name = path.partition(":")
    assert getattr(importlib.import_module(module), name) is ForceLadderFactory


@pytest.mark.parametrize("rung", LADDER)
def test_system_of_openmm_ml_has_the_energy_of_ours(release, potential, rung):
    molecule = forceladder.load(release, rung).parametrize("CC(=O)NC")
    system = potential(molecule="CC(=O)NC", rung=rung).createSystem(molecule.topology())
    x = molecule.positions() + np.random.default_rng(0).normal(scale=0.05, size=(12, 3))
    found, expected = (openmm_energy_and_gradient(s, x) for s in (system, molecule.to_openmm()))
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-9)
    integrator = openmm.VerletIntegrator(0.0002)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(x * 0.1)
    integrator.step(5)
    assert np.isfinite(context.getState(getEnergy=True).getPotentialEnergy()._value)


def test_all_forces_are_in_the_group_that_was_asked_for(release, potential):
    molecule = forceladder.load(release, "delta").parametrize("CO")
    ours = potential(molecule="CO", rung="delta")._impl
    system = openmm.System()
    for mass in molecule.parameters["mass"]:
        system.addParticle(mass)
    ours.addForces(molecule.topology(), system, None, 7)
    assert {force.getForceGroup() for force in system.getForces()} == {7}


def test_mixed_systems_and_other_molecules_are_refused(release, potential):
    molecule = forceladder.load(release, "class1").parametrize("CO")
    ours = potential(molecule="CO", rung="class1")
    topology = molecule.topology()
    with pytest.raises(MoleculeError, match="mixed systems are not supported"):
        ours._impl.addForces(topology, openmm.System(), [0, 1], 0)
    other = forceladder.load(release, "class1").parametrize("OC").topology()
    with pytest.raises(MoleculeError, match="not those of CO, in the same order"):
        ours.createSystem(other)
    topology.setUnitCellDimensions([3.0, 3.0, 3.0])
    with pytest.raises(MoleculeError, match="in vacuum"):
        ours.createSystem(topology)


def test_options_that_are_not_known_are_named(release):
    factory = ForceLadderFactory()
    for options in ({"release": release}, {"molecule": "C"}, {}):
        with pytest.raises(ReleaseError, match="takes release and molecule"):
            factory.createImpl("forceladder", **options)
    with pytest.raises(ReleaseError, match="device"):
        factory.createImpl("forceladder", release=release, molecule="C", device="cpu")


def test_options_reach_the_force_field(release):
    factory = ForceLadderFactory()
    charges = [0.2, -0.6, 0.0, 0.0, 0.0, 0.4]
    made = factory.createImpl(
        "forceladder", release=release, rung="class1", molecule="CO", charges=charges
    )
    assert made.molecule.parameters["charge"] == pytest.approx(charges, abs=1e-15)
    with pytest.raises(MoleculeError, match="like no atom"):
        factory.createImpl(
            "forceladder", release=release, rung="class1", molecule="CN(C)C", strict=True
        )
