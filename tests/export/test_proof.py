"""The proof table tells an exported force field from one that is not quite it."""

import numpy as np
import openmm
import pytest
from openmm import unit

from force_fields import random_rung
from forceladder.energy.topology import topology_of
from forceladder.export.openmm_system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS, proof_rows
from forceladder.training_set.dataset import select_split

MOLECULE = 5  # furan in the training split: every term is there


@pytest.fixture(scope="module")
def dataset(xtb_set):
    return select_split(xtb_set, "train")


@pytest.fixture(scope="module")
def parameters(dataset):
    return molecule_parameters(random_rung(topology_of(dataset), 2, scale=0.3), dataset)


def differences(rows):
    return {(row["term"], row["quantity"]): row["difference"] for row in rows}


def test_faithful_export_agrees_to_the_last_digits(dataset, parameters):
    for index, one in enumerate(parameters):
        rows = proof_rows(index, dataset, one, openmm_system(one))
        assert {row["molecule"] for row in rows} == {one["id"]}
        for row in rows:
            assert list(row) == COLUMNS
            assert abs(row["difference"]) < 1e-8 * (1.0 + abs(row["value"])), row
        assert {row["term"] for row in rows} == {
            "bond_harmonic", "angle_harmonic", "torsion_cosine", "improper_cosine",
            "lennard_jones+coulomb", "charges",
        }  # fmt: skip


def test_values_are_the_energies_by_term(dataset, parameters):
    rows = proof_rows(MOLECULE, dataset, parameters[MOLECULE], openmm_system(parameters[MOLECULE]))
    energies = {row["term"]: row["value"] for row in rows if row["quantity"] == "energy"}
    assert all(np.isfinite(value) for value in energies.values())
    assert energies["bond_harmonic"] > 0.0
    assert energies["improper_cosine"] > 0.0


TAMPERED = {
    "bond_harmonic": lambda f: f.setBondParameters(
        0, *f.getBondParameters(0)[:2], f.getBondParameters(0)[2] * 1.001, f.getBondParameters(0)[3]
    ),
    "angle_harmonic": lambda f: f.setAngleParameters(
        0, *f.getAngleParameters(0)[:3], f.getAngleParameters(0)[3] + 0.01 * unit.radian,
        f.getAngleParameters(0)[4],
    ),
    "torsion_cosine": lambda f: f.setTorsionParameters(
        0, *f.getTorsionParameters(0)[:6],
        f.getTorsionParameters(0)[6] + 0.1 * unit.kilojoule_per_mole,
    ),
    "nonbonded": lambda f: f.setParticleParameters(  # a hydrogen: it has pairs that are no 1–4
        f.getNumParticles() - 1, 0.5, *f.getParticleParameters(f.getNumParticles() - 1)[1:]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_wrong_system_is_betrayed_in_its_own_term_alone(dataset, parameters, name):
    one = parameters[MOLECULE]
    system = openmm_system(one)
    for force in system.getForces():
        if force.getName() == name:
            TAMPERED[name](force)
    term = "lennard_jones+coulomb" if name == "nonbonded" else name
    for (where, _), difference in differences(proof_rows(MOLECULE, dataset, one, system)).items():
        assert (abs(difference) > 1e-5) == (where == term), where


def test_missing_exception_is_betrayed(dataset, parameters):
    one = parameters[MOLECULE]
    system = openmm_system(one)
    (force,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    i, j, *_ = force.getExceptionParameters(0)
    force.setExceptionParameters(0, i, j, 0.1, 0.3, 0.5)
    found = differences(proof_rows(MOLECULE, dataset, one, system))
    assert abs(found["lennard_jones+coulomb", "energy"]) > 1e-3


def test_charges_that_do_not_add_up_are_betrayed(dataset, parameters):
    one = {**parameters[2], "charge": [q + 0.001 for q in parameters[2]["charge"]]}
    found = differences(proof_rows(2, dataset, one, openmm_system(one)))
    assert found["charges", "sum"] == pytest.approx(0.001 * len(one["charge"]), rel=1e-6)
