"""Probes find holes, traps and walls that give way, each in its own check."""

import numpy as np
import pytest

import toy_surfaces as toy
from examples import mol_of
from force_fields import embedded
from forceladder.errors import MethodError
from forceladder.md.watch import bond_lengths
from forceladder.validate.checks import check_rows
from forceladder.validate.clash import CLASH, clash_checks, contact, trajectory
from forceladder.validate.geometry import (
    angles_of,
    bonds_of,
    closed_angle,
    minimized,
    one_of_each,
    start_of,
    stretched,
)
from forceladder.validate.plots.probes import plot_probes
from forceladder.validate.probes import PROBES, Curve, depth, fall, probe_checks

SETTINGS = {
    "seed": 3, "clash_contacts": [0.5, 0.7], "clash_orientations": 2,
    "clash_minimization_steps": 60, "clash_md_steps": 40, "clash_temperature_kelvin": 300,
}  # fmt: skip
SHAKEN = toy.MINIMUM + np.random.default_rng(2).normal(scale=0.02, size=(3, 3))


def failed(values, limits):
    rows = check_rows("toy", "H2O", "probes", values, limits)
    return {row["check"] for row in rows if row["passed"] is not True}


def probes(alone=toy.molecule, reference=SHAKEN):
    surface = toy.surface(alone)
    start = start_of(surface, toy.MOL, reference)
    checks, curves = probe_checks(surface, toy.MOL, start, toy.MINIMUM, 41)
    return checks, curves


def clashes(pair=toy.two, energy=0.0):
    start = start_of(toy.surface(toy.molecule), toy.MOL, SHAKEN)._replace(energy=energy)
    return failed(clash_checks(toy.surface(pair), toy.MOL, start, SETTINGS), CLASH)


def with_bond(energy_of):
    return lambda x: toy.molecule(x, energy_of)


def added(*parts):
    def energy_of(r):
        found = [part(r) for part in parts]
        return sum(e for e, _ in found), sum(s for _, s in found)

    return energy_of


def bump(place, width, height):
    """A Gaussian of the bond's length, a well where its height is negative."""

    def energy_of(r):
        e = height * np.exp(-(((r - place) / width) ** 2))
        return e, -2.0 * (r - place) / width**2 * e

    return energy_of


def test_springs_pass_and_their_curves_are_parabolas():
    checks, (curve,) = probes()
    assert failed(checks, PROBES) == set()
    # the outer atom moved along its bond takes the span with it
    assert curve.bond in ("H–O", "O–H") and len(curve.energy) == 41
    for r, energy in zip(curve.length, curve.energy, strict=True):
        x = np.array(toy.MINIMUM)
        x[0] *= r / 0.9
        assert energy == pytest.approx(toy.molecule(x)[0], abs=1e-3 * (1.0 + energy))


def test_a_hole_at_short_distance_is_seen():
    checks, _ = probes(with_bond(added(toy.BOND, bump(0.46, 0.05, -150.0))))
    assert {"stretch_hole", "stretch_fall", "stretch_minimum"} <= failed(checks, PROBES)
    # the spring itself costs ½ · 300 · 0.44² at its bottom
    assert 80.0 < checks["stretch_hole"] < 125.0


def test_a_second_well_above_the_minimum_is_a_fall_but_no_hole():
    checks, _ = probes(with_bond(added(toy.BOND, bump(1.8, 0.1, -60.0))))
    assert failed(checks, PROBES) == {"stretch_fall"}


def test_a_bond_that_dissociates_onto_a_plateau_passes():
    def morse(r):
        f = np.exp(-1.9 * (r - toy.LENGTH))
        return 100.0 * (1.0 - f) ** 2, 380.0 * (1.0 - f) * f

    checks, (curve,) = probes(with_bond(morse))
    assert failed(checks, PROBES) == set()
    assert curve.energy[-1] - curve.energy[-2] < 30.0


def test_a_minimum_elsewhere_is_seen_and_the_reference_takes_its_place():
    checks, _ = probes(with_bond(toy.spring(1.25, toy.STIFFNESS)))
    below = {"stretch_hole", "scaling_hole"}  # the reference is no minimum
    assert failed(checks, PROBES) == {"minimum_stretch", "stretch_minimum", *below}
    assert checks["minimum_stretch"] == pytest.approx(0.35, abs=0.1)
    start = start_of(toy.surface(with_bond(toy.spring(1.25, 9.0))), toy.MOL, SHAKEN)
    np.testing.assert_array_equal(start.positions, SHAKEN)


def test_a_hole_between_the_ends_of_an_angle_is_seen_alone():
    def well(r):
        return bump(0.5 * toy.ANGLE_SPAN, 0.1, -80.0)(r)

    checks, _ = probes(lambda x: toy.total([toy.molecule(x), toy.pull(x, 0, 2, well)]))
    assert "angle_hole" in failed(checks, PROBES)
    assert not failed(checks, PROBES) & {"stretch_hole", "minimum_stretch"}


def test_a_collapse_of_the_whole_molecule_is_seen():
    def pressed(x):
        """Falls with the square of the radius of gyration alone, below 0.3 Å²."""
        away = x - x.mean(axis=0)
        size = np.sum(away**2) / len(x)
        low = min(size - 0.28, 0.0)
        return 6e3 * -(low**2), 6e3 * -2.0 * low * 2.0 * away / len(x)

    checks, _ = probes(lambda x: toy.total([toy.molecule(x), pressed(x)]))
    assert "scaling_hole" in failed(checks, PROBES)


def test_points_without_a_number_are_counted():
    def silent(x):
        if np.linalg.norm(x[0] - x[1]) > 2.0:
            raise MethodError("too long.")
        return toy.molecule(x)

    checks, (curve,) = probes(silent)
    assert failed(checks, PROBES) == {"points_broken"}
    assert checks["points_broken"] == np.isnan(curve.energy).sum() == (curve.length > 2.0).sum()


def test_spheres_come_apart():
    assert clashes() == set()


def test_molecules_that_stick_together_are_seen():
    """The wall between oxygen and hydrogen gives way to a bond of 1 Å, 60 kcal/mol deep."""

    def sticky(x):
        attraction = [
            toy.pull(x, i, j, added(bump(1.0, 1.0, -60.0), lambda r: (0.0, 0.0)))
            for i, j in ((1, 3), (1, 5), (0, 4), (2, 4))
        ]
        return toy.total([toy.two(x, between=lambda r: (0.0, 0.0)), *attraction])

    assert {"clash_bonding", "clash_well"} <= clashes(sticky)


def test_a_clash_that_ends_without_a_number_is_seen():
    def ends(x):
        if np.linalg.norm(x[:3].mean(axis=0) - x[3:].mean(axis=0)) > 2.5:
            return np.nan, np.full_like(x, np.nan)
        return toy.two(x)

    assert "clash_broken" in clashes(ends)


def test_a_well_is_measured_from_two_molecules():
    assert clashes(energy=30.0) == {"clash_well"}  # a minimum that was none


def test_a_pair_starts_at_the_contact_asked_for():
    mol, x = mol_of("CCO"), embedded("CCO")
    radii = {"H": 1.2, "C": 1.7, "O": 1.55}  # Bondi's, as RDKit has them
    r = np.array([radii[atom.GetSymbol()] for atom in mol.GetAtoms()])
    draw = np.random.default_rng(0)
    for fraction in (0.5, 0.8):
        one, other = np.split(contact(mol, x, fraction, draw), 2)
        ratio = np.linalg.norm(one[:, None] - other[None], axis=-1) / (r[:, None] + r)
        assert ratio.min() == pytest.approx(fraction, abs=0.01)


def test_velocity_verlet_keeps_the_energy():
    """Kinetic energy from central differences of the positions, as good as the integrator."""
    masses, steps = np.array([1.0, 16.0, 1.0]), []

    def recorded(x):
        steps.append(x)
        return toy.molecule(x)

    frames, whole = trajectory(
        toy.surface(recorded), toy.MINIMUM, masses, 3000.0, 400, np.random.default_rng(1)
    )
    assert whole and len(frames) == 40 and len(steps) == 401
    x = np.array(steps)
    v = (x[2:] - x[:-2]) / (2.0 * 0.5)  # Å/fs
    kinetic = 0.5 * (masses[:, None] * v**2).sum(axis=(1, 2)) / 4.184e-4
    potential = np.array([toy.molecule(one)[0] for one in x[1:-1]])
    total = kinetic + potential
    assert np.ptp(potential) > 1.0
    assert np.ptp(total) < 0.05 * np.ptp(potential)
    assert 0.2 < total.mean() / (4.5 * 0.0019872 * 3000.0) < 3.0  # nine degrees of freedom


def test_minimization_ends_at_the_minimum():
    x, energy = minimized(toy.surface(toy.molecule), SHAKEN, 200)
    assert energy == pytest.approx(0.0, abs=1e-6)
    assert bond_lengths(x, toy.BONDS) == pytest.approx([0.9, 0.9], abs=1e-4)


@pytest.mark.parametrize("smiles", ["CCO", "c1ccoc1", "CC(=O)NC", "C1CC1"])
def test_only_what_hangs_on_a_bond_moves_with_it(smiles):
    mol, x = mol_of(smiles), embedded(smiles)
    bonds = bonds_of(mol)
    for bond in bonds:
        moved = stretched(mol, x, bond, 2.0)
        assert bond_lengths(moved, bond)[0] == pytest.approx(2.0, abs=1e-9)
        changed = np.abs(bond_lengths(moved, bonds) - bond_lengths(x, bonds)) > 1e-9
        shifted = (np.abs(moved - x).max(axis=1) > 1e-9).sum()
        if mol.GetBondBetweenAtoms(*map(int, bond)).IsInRing():
            assert shifted == 2
        else:
            assert changed.sum() == 1 and shifted <= len(x) / 2


def test_one_of_each_kind_of_bond_and_angle():
    mol = mol_of("CCO")
    assert len(one_of_each(mol, bonds_of(mol))) == 5  # C–C, C–O, O–H, and two kinds of C–H
    assert len(angles_of(mol)) == 6 + 6 + 1
    assert len(one_of_each(mol, angles_of(mol))) == 2 + 4 + 1
    x = embedded("CCO")
    (first, centre, last), *_ = angles_of(mol)
    closed = closed_angle(x, (first, centre, last), 0.4)
    assert np.linalg.norm(closed[first] - closed[last]) == pytest.approx(
        0.4 * np.linalg.norm(x[first] - x[last])
    )


def test_depth_and_fall_of_curves():
    assert depth(np.array([3.0, -2.0, np.nan])) == 2.0 and depth(np.array([1.0])) == 0.0
    assert depth(np.full(3, np.nan)) == 0.0  # what is no number is counted elsewhere
    assert fall(np.array([5.0, 0.0, 4.0, 1.0, 9.0])) == 3.0
    assert fall(np.array([2.0, 7.0, 0.0, 4.0])) == 5.0
    assert fall(np.array([np.nan, 1.0, 0.0, 2.0])) == 0.0 and np.isnan(fall(np.array([np.nan])))


@pytest.mark.parametrize("curves", [[], [Curve("H–O", np.arange(3.0), np.array([1.0, -9.0, 5.0]))]])
def test_picture_of_one_molecule_and_of_one_without_parameters(curves):
    checks, _ = probes()
    rows = check_rows("toy", "H2O", "probes", checks, PROBES)
    figure = plot_probes(rows, {"H2O": curves}, "toy")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == f"{len(curves)} bonds, {len(curves)} with a hole"
    nothing = [row | {"value": np.nan, "passed": None} for row in rows]
    assert "nothing measured" in plot_probes(nothing, {}, "toy").get_suptitle()
