"""The proof table tells an exported force field from one that is not quite it."""

import numpy as np
import openmm
import pytest
from openmm import unit

from force_fields import random_rung
from forceladder.energy.topology import topology_of
from forceladder.export.engines import ENGINES, engine_module
from forceladder.export.openmm.system import home, openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS, Proof
from forceladder.training_set.dataset import select_split
from ladder import CLASS2, LADDER, ladder_rung

MOLECULE = 5  # furan in the training split: every term is there


@pytest.fixture(scope="module")
def dataset(xtb_set):
    return select_split(xtb_set, "train")


@pytest.fixture(scope="module")
def model(dataset):
    return random_rung(topology_of(dataset), 2, scale=0.3)


@pytest.fixture(scope="module")
def parameters(model, dataset):
    return molecule_parameters(model, dataset)


def proof_rows(index, dataset, parameters, system, model):
    proof = Proof(index, dataset, parameters, model)
    return proof.openmm_rows(system) + proof.charge_rows()


def differences(rows):
    return {(row["term"], row["quantity"]): row["difference"] for row in rows}


@pytest.mark.parametrize("rung", LADDER)
def test_faithful_export_agrees_to_the_last_digits(dataset, rung):
    model, found = ladder_rung(topology_of(dataset), LADDER[rung]), set()
    for index, one in enumerate(molecule_parameters(model, dataset)):
        rows = proof_rows(index, dataset, one, openmm_system(one), model)
        assert {row["molecule"] for row in rows} == {one["id"]}
        for row in rows:
            assert list(row) == COLUMNS
            assert abs(row["difference"]) < 1e-8 * (1.0 + abs(row["value"])), row
        found |= {row["term"] for row in rows}
    expected = {*LADDER[rung], "charges"}
    if rung == "class1":  # one force of OpenMM holds both
        expected = expected - {"lennard_jones", "coulomb"} | {"lennard_jones+coulomb"}
    assert found == (expected if rung != "mlff" else {"correction"})


def test_values_are_the_energies_by_term(dataset, model, parameters):
    one = parameters[MOLECULE]
    rows = proof_rows(MOLECULE, dataset, one, openmm_system(one), model)
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
def test_wrong_system_is_betrayed_in_its_own_term_alone(dataset, model, parameters, name):
    one = parameters[MOLECULE]
    system = openmm_system(one)
    for force in system.getForces():
        if force.getName() == name:
            TAMPERED[name](force)
    term = "lennard_jones+coulomb" if name == "nonbonded" else name
    rows = proof_rows(MOLECULE, dataset, one, system, model)
    for (where, _), difference in differences(rows).items():
        assert (abs(difference) > 1e-5) == (where == term), where


def test_missing_exception_is_betrayed(dataset, model, parameters):
    one = parameters[MOLECULE]
    system = openmm_system(one)
    (force,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    i, j, *_ = force.getExceptionParameters(0)
    force.setExceptionParameters(0, i, j, 0.1, 0.3, 0.5)
    found = differences(proof_rows(MOLECULE, dataset, one, system, model))
    assert abs(found["lennard_jones+coulomb", "energy"]) > 1e-3


def test_charges_that_do_not_add_up_are_betrayed(dataset, model, parameters):
    one = {**parameters[2], "charge": [q + 0.001 for q in parameters[2]["charge"]]}
    found = differences(proof_rows(2, dataset, one, openmm_system(one), model))
    assert found["charges", "sum"] == pytest.approx(0.001 * len(one["charge"]), rel=1e-6)


COUPLED = (
    "torsion_couplings", "torsion_pair_couplings", "corner_couplings", "out_of_plane",
    "bond_quartic",
)  # fmt: skip


@pytest.mark.parametrize("name", COUPLED)
def test_force_that_is_missing_is_betrayed(dataset, name):
    model = ladder_rung(topology_of(dataset), CLASS2)
    one = molecule_parameters(model, dataset)[MOLECULE]
    system = openmm_system(one)
    names = [force.getName() for force in system.getForces()]
    for index in reversed([index for index, found in enumerate(names) if found == name]):
        system.removeForce(index)
    rows = proof_rows(MOLECULE, dataset, one, system, model)
    betrayed = {row["term"] for row in rows if abs(row["difference"]) > 1e-5}
    assert betrayed == {term for term in CLASS2 if home(term) == name}


STRENGTHS = {
    "bond_bond_12_coupling": "bond_bond",
    "angle_torsion_amplitude_2_3": "angle_torsion",
    "bond_angle_13_turned_1": "bond_angle_13",
    "torsion_torsion_sine_4": "torsion_torsion",
}


@pytest.mark.parametrize("strength", STRENGTHS)
def test_wrong_strength_is_betrayed_in_its_own_term_alone(dataset, strength):
    """Though the terms of a coupling force share its rows."""
    model = ladder_rung(topology_of(dataset), CLASS2)
    one = molecule_parameters(model, dataset)[MOLECULE]
    system = openmm_system(one)
    for force in system.getForces():
        if isinstance(force, openmm.CustomCompoundBondForce):
            count = range(force.getNumPerBondParameters())
            names = [force.getPerBondParameterName(k) for k in count]
            if strength in names:
                atoms, numbers = force.getBondParameters(0)
                numbers = np.array(numbers) + 100.0 * (np.array(names) == strength)
                force.setBondParameters(0, atoms, numbers)
    rows = proof_rows(MOLECULE, dataset, one, system, model)
    betrayed = {row["term"] for row in rows if abs(row["difference"]) > 1e-5}
    assert betrayed == {STRENGTHS[strength]}


def test_weights_of_another_fit_are_betrayed(dataset):
    model, other = (ladder_rung(topology_of(dataset), LADDER["mlff"], seed) for seed in (0, 1))
    one = molecule_parameters(model, dataset)[MOLECULE]
    found = differences(proof_rows(MOLECULE, dataset, one, openmm_system(one), other))
    assert abs(found["correction", "energy"]) > 1e-3


@pytest.mark.parametrize("rung", ["class1", "class2"])
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "offxml"])
def test_engines_agree_in_each_group_of_terms(dataset, name, rung):
    model, module = ladder_rung(topology_of(dataset), LADDER[rung]), engine_module(name)
    if module.missing():
        pytest.skip(module.missing())
    one = molecule_parameters(model, dataset)[MOLECULE]
    if module.refusal(one):
        pytest.skip(module.refusal(one))
    rows = Proof(MOLECULE, dataset, one, model).engine_rows(name)
    assert {row["engine"] for row in rows} == {ENGINES[name]}
    assert {term for row in rows for term in row["term"].split("+")} == set(LADDER[rung])
    limits = {"energy": 1e-4, "force": 1e-3}
    for row in rows:
        own = row["precision"] * abs(row["value"])
        assert abs(row["difference"]) < limits[row["quantity"]] + own, row
    assert sum(abs(row["value"]) for row in rows) > 1.0


def test_files_of_other_parameters_are_betrayed(dataset, model, parameters):
    proof = Proof(MOLECULE, dataset, parameters[MOLECULE], model)
    term = proof.parameters["terms"]["angle_harmonic"]
    changed = term | {"angle": [angle + 0.01 for angle in term["angle"]]}
    proof.parameters = proof.parameters | {
        "terms": proof.parameters["terms"] | {"angle_harmonic": changed}
    }
    for row in proof.engine_rows("lammps"):
        assert (abs(row["difference"]) > 1e-3) == ("angle_harmonic" in row["term"]), row
