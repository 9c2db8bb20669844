"""What methods say of reordered molecules and of pairs, and the whole battery on real ones."""

import numpy as np
import pytest

from examples import read
from forceladder.energy.topology import topology_of
from forceladder.export.dimer import dimer_parameters, pairs_between
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.training_set.dataset import molecule_positions, select_molecules
from forceladder.validate.battery import PARTS, probed_molecules
from forceladder.validate.methods import method_surfaces
from forceladder.validate.relatives import baseline_relatives, between_system, rung_relatives
from ladder import LADDER, ladder_rung
from rule_folders import exported

SETTINGS = {
    "seed": 1, "stretch_points": 21, "clash_contacts": [0.7], "clash_orientations": 1,
    "clash_minimization_steps": 20, "clash_md_steps": 20, "clash_temperature_kelvin": 300,
}  # fmt: skip


def some(xtb_set, *names):
    ids = list(xtb_set["molecule_id"].values)
    return select_molecules(xtb_set, [ids.index(name) for name in names])


@pytest.mark.parametrize("rung", ["class1", "delta", "mlff"])  # delta holds class2
def test_relatives_of_a_rung_are_what_is_exported(xtb_set, rung, tmp_path):
    dataset = some(xtb_set, "CC=O")
    model = ladder_rung(topology_of(dataset), LADDER[rung])
    systems, folder = exported(tmp_path, model, dataset)
    (subject,) = method_surfaces(dataset, rung, systems, folder)
    found = rung_relatives(subject, dataset, systems, model)
    x, y = molecule_positions(dataset, 0)[:2]
    order = np.random.default_rng(0).permutation(len(x))
    energy, gradient = found.reordered(order)(x[order])
    expected, slope = subject.surface(x)
    assert energy == pytest.approx(expected, abs=1e-8)
    np.testing.assert_allclose(gradient, slope[order], rtol=0, atol=1e-7)
    two = dimer_parameters(molecule_parameters(model, dataset)[0])
    system = openmm_system(two)
    if model.correction is not None:
        system = attach_correction(system, model, two)
    pressed = np.concatenate([x, y + [0.0, 0.0, 3.0]])
    energy, gradient = found.pair(pressed)
    expected, slope = openmm_energy_and_gradient(system, pressed)
    assert energy == pytest.approx(expected, abs=1e-8)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-7)


def test_forces_between_two_copies_can_be_had_from_a_system(xtb_set):
    """As for OpenFF Sage, whose parameters are in a System alone."""
    dataset = some(xtb_set, "CC(=O)[O-]")
    model = ladder_rung(topology_of(dataset), LADDER["class1"])
    (parameters,) = molecule_parameters(model, dataset)
    x = molecule_positions(dataset, 0)[0]
    x = np.concatenate([x, x + [0.0, 0.0, 3.0]])
    energy, gradient = openmm_energy_and_gradient(between_system(openmm_system(parameters)), x)
    expected, slope = openmm_energy_and_gradient(openmm_system(pairs_between(parameters)), x)
    assert energy == pytest.approx(expected, abs=1e-9) and abs(energy) > 1.0
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-8)


@pytest.mark.parametrize("label", ["MMFF94", "UFF", "GFN2-xTB"])
def test_relatives_of_a_baseline_are_asked_as_molecules(xtb_set, label):
    dataset = some(xtb_set, "CC(=O)[O-]")
    (subject,) = method_surfaces(dataset, label)
    found = baseline_relatives(label, subject)
    x = molecule_positions(dataset, 0)[0]
    order = np.arange(len(x))[::-1]
    assert found.reordered(order)(x[order])[0] == pytest.approx(subject.surface(x)[0], abs=1e-6)
    near = found.pair(np.concatenate([x, x + [0.0, 0.0, 4.0]]))[0] - 2.0 * subject.surface(x)[0]
    assert abs(near) > (0.01 if label == "UFF" else 10.0)  # two anions repel each other


def test_a_rung_has_a_row_for_every_check_and_owes_nothing_to_physics(xtb_set, tmp_path):
    """Random weights: physics is no question of the fit."""
    dataset = some(xtb_set, "CO", "CC(=O)[O-]")
    for rung in ("class1", "mlff"):
        model = ladder_rung(topology_of(dataset), LADDER[rung])
        (tmp_path / rung).mkdir()
        folders = exported(tmp_path / rung, model, dataset)
        for name, rows, curves in probed_molecules(rung, dataset, SETTINGS, *folders):
            assert [(row["part"], row["check"]) for row in rows] == [
                (part, check) for part, limits in PARTS.items() for check in limits
            ]
            assert {row["molecule"] for row in rows} == {name} and curves
            broken = [r for r in rows if r["part"] == "physics" and not r["passed"]]
            assert not broken


def test_the_same_question_has_the_same_answer_twice(xtb_set):
    dataset = some(xtb_set, "CO")
    assert list(map(str, probed_molecules("MMFF94", dataset, SETTINGS))) == list(
        map(str, probed_molecules("MMFF94", dataset, SETTINGS))
    )


def test_a_molecule_without_parameters_is_not_measured_and_says_so(xtb_set):
    dataset = some(xtb_set, "CO")
    silent = dataset.copy(deep=True)
    silent["mapped_smiles"].values[0] = read("CC#P")["mapped_smiles"]
    ((_, rows, curves),) = probed_molecules("MMFF94", silent, SETTINGS)
    assert curves == [] and {row["passed"] for row in rows} == {None}
    assert {row["reason"] for row in rows} == {"the method has no parameters for the molecule"}
