"""The physics battery finds what is broken, and nothing else; what is sound passes."""

import math

import numpy as np
import pytest

import toy_surfaces as toy
from forceladder.tables import read_table, write_table
from forceladder.units import COULOMB
from forceladder.validate.checks import (
    COLUMNS,
    Limit,
    Unmeasured,
    check_rows,
    check_summary,
    passed_fraction,
)
from forceladder.validate.jumps import curvature_jump, largest_jump
from forceladder.validate.physics import (
    PHYSICS,
    difference_checks,
    extensivity_checks,
    physics_checks,
    rotation,
)

X = toy.MINIMUM + np.random.default_rng(4).normal(scale=0.05, size=(3, 3))


def failures(alone=toy.molecule, pair=toy.two, reordered=None, charge=0, x=X):
    values = physics_checks(
        toy.surface(alone), reordered or (lambda order: toy.reordered(order, alone)),
        toy.surface(pair), x, charge, seed=1,
    )  # fmt: skip
    rows = check_rows("toy", "H2O", "physics", values, PHYSICS)
    assert [row["check"] for row in rows] == list(PHYSICS)
    return {row["check"] for row in rows if row["passed"] is not True}


def with_more(base, more):
    return lambda x, *rest: toy.total([base(x, *rest), more(x)])


def test_springs_and_spheres_pass_every_check():
    assert failures() == set()


def test_a_field_that_pulls_all_atoms_one_way_is_seen():
    def field(x):
        return 0.1 * x[:, 0].sum(), np.tile([0.1, 0.0, 0.0], (len(x), 1))

    found = failures(with_more(toy.molecule, field), with_more(toy.two, field))
    invariances = {"rotation_energy", "rotation_force", "translation_energy", "net_force"}
    assert invariances <= found
    assert not found & {"translation_force", "mirror_energy", "difference_force"}


def test_an_energy_that_knows_left_from_right_is_seen():
    def handed(x):
        """A triple product of four points is a pseudoscalar; the fourth is fixed by the third."""
        a, b = x[0] - x[1], x[2] - x[1]
        c = np.cross(a, b) + [0.0, 0.0, 1.0]
        return 0.2 * c[2], np.zeros_like(x)

    found = failures(with_more(toy.molecule, handed))
    assert {"rotation_energy", "difference_force"} <= found and "translation_energy" not in found


def test_forces_that_are_no_slope_are_seen_alone():
    def push(x):
        """A force along the line of the two outer atoms, without an energy."""
        gradient = np.zeros_like(x)
        gradient[0], gradient[2] = 0.05 * (x[0] - x[2]), -0.05 * (x[0] - x[2])
        return 0.0, gradient

    def pair_push(x):
        return 0.0, np.concatenate([push(x[:3])[1], push(x[3:])[1]])

    found = failures(with_more(toy.molecule, push), with_more(toy.two, pair_push))
    assert found == {"difference_force", "difference_relative"}


def test_an_energy_that_depends_on_the_order_of_atoms_is_seen_alone():
    """Atom 0 alone has a stiffer bond, whatever stands there."""

    def first_is_special(x):
        return toy.pull(x, 0, 1, toy.spring(0.9, 50.0))

    odd = with_more(toy.molecule, first_is_special)

    def anew(order):
        """Parametrized by the new order: the special atom is another one."""
        place = np.argsort(order)

        def moved(x):
            energy, gradient = toy.molecule(x[place])
            more, slope = toy.pull(x, int(place[2]), int(place[1]), toy.spring(0.9, 50.0))
            return energy + more, gradient[order] + slope

        return toy.surface(moved)

    def odd_pair(x):
        return toy.two(x, odd)

    assert failures(odd, odd_pair, anew) == {"permutation_energy", "permutation_force"}


def test_copies_that_feel_each_other_at_any_distance_are_seen():
    constant = failures(pair=lambda x: (toy.two(x)[0] + 1.0, toy.two(x)[1]))
    assert constant == {"extensivity_energy", "extensivity_decay"}


def test_ions_may_repel_each_other_by_coulombs_law_and_by_nothing_longer_ranged():
    def repelled(x, strength=COULOMB):
        return toy.total(
            [toy.two(x), toy.pull(x, 1, 4, lambda r: (strength / r, -strength / r**2))]
        )

    assert failures(pair=repelled, charge=1) == set()
    assert failures(pair=toy.two, charge=1) == set()  # a method without electrostatics
    assert "extensivity_energy" in failures(pair=repelled, charge=0)
    half = failures(pair=lambda x: repelled(x, 0.5 * COULOMB), charge=1)
    assert {"extensivity_energy", "extensivity_decay"} <= half


def test_decay_of_two_dipoles_is_eightfold():
    dipoles = toy.surface(
        lambda x: toy.total(
            [toy.two(x, between=lambda r: (0.0, 0.0)),
             toy.pull(x, 1, 4, lambda r: (100.0 / r**3, -300.0 / r**4))]
        )
    )  # fmt: skip
    found = extensivity_checks(dipoles, X, toy.molecule(X), 0)
    assert found["extensivity_decay"] == pytest.approx(1 / 8, rel=1e-6)


CUTOFF = 5.2  # Å, within the approach


@pytest.mark.parametrize(
    "within, seen",
    [
        (lambda r: (-0.01, 0.0), {"approach_energy_jump"}),
        (lambda r: (0.5 * (r - CUTOFF), 0.5), {"approach_force_jump"}),
        (lambda r: (2.0 * (r - CUTOFF) ** 2, 4.0 * (r - CUTOFF)), {"approach_curvature_jump"}),
        (lambda r: (9.0 * (r - CUTOFF) ** 4, 36.0 * (r - CUTOFF) ** 3), set()),
    ],
    ids=["energy", "force", "curvature", "none"],
)
def test_a_cutoff_is_as_smooth_as_it_is(within, seen):
    """Between the central atoms alone, and nothing else across the molecules."""

    def cut(r):
        return within(r) if r < CUTOFF else (0.0, 0.0)

    def pair(x):
        return toy.total([toy.two(x, between=lambda r: (0.0, 0.0)), toy.pull(x, 1, 4, cut)])

    found = failures(pair=pair)
    jumps = {check for check in found if "jump" in check}
    # what jumps has no curvature there, so that is seen, too
    assert jumps - {"approach_curvature_jump"} == seen - {"approach_curvature_jump"}
    assert seen <= jumps and (seen or not jumps)
    assert found == jumps


def test_a_jump_along_a_bond_is_seen_on_a_random_line():
    def step(x):
        return 0.01 * float(np.linalg.norm(x[0] - x[1]) > np.linalg.norm(X[0] - X[1])), 0.0 * x

    found = failures(with_more(toy.molecule, step))
    assert "line_energy_jump" in found and "line_force_jump" not in found


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_jump_is_measured(size):
    places = np.linspace(0.0, 2.0, 21)
    found = largest_jump(lambda t: 100.0 * np.exp(-t) + size * (t > 1.234), places, 8)
    assert found == pytest.approx(size, rel=0.01)


def test_a_steep_wall_is_no_jump():
    places = np.linspace(0.0, 2.0, 21)
    assert largest_jump(lambda t: 1e4 / (t + 0.5) ** 9, places, 8) < 0.1  # of 5e6
    assert np.isnan(largest_jump(lambda t: np.nan if t > 1.5 else t, places, 8))


def test_a_jump_of_the_curvature_is_relative_to_the_lines_largest():
    def kinked(x):
        t = x[0, 0]
        bent = 3.0 * max(t - 0.57, 0.0) ** 2
        return t**2 + bent, np.array([[2.0 * t + 6.0 * max(t - 0.57, 0.0), 0.0, 0.0]])

    found = curvature_jump(
        kinked, np.zeros((1, 3)), np.array([[1.0, 0.0, 0.0]]), np.linspace(0.0, 1.0, 21)
    )
    assert found == pytest.approx(6.0 / 8.0, rel=1e-3)


def test_noise_of_the_energy_leaves_differences_unmeasured():
    """Noise is no mistake of the gradient, but a mistake beyond the noise is seen."""
    draw = np.random.default_rng(0)

    def noisy(x):
        energy, gradient = toy.molecule(x)
        return energy + draw.normal(scale=1e-4), gradient

    gradient = toy.molecule(X)[1]
    found = difference_checks(toy.surface(noisy), X, gradient, np.random.default_rng(1))
    assert all(isinstance(value, Unmeasured) for value in found.values())
    (row,) = check_rows(
        "toy", "x", "physics", found, {"difference_force": PHYSICS["difference_force"]}
    )
    assert row["passed"] is None and "uncertain" in row["reason"]
    wrong = difference_checks(toy.surface(noisy), X, gradient + 10.0, np.random.default_rng(1))
    assert wrong["difference_force"] > 1.0


def test_rotations_are_proper_and_differ():
    draw = np.random.default_rng(0)
    one, other = rotation(draw), rotation(draw)
    for turn in (one, other):
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-14)
        assert np.linalg.det(turn) == pytest.approx(1.0)
    assert np.abs(one - other).max() > 0.1


def test_what_is_no_number_fails_and_what_is_not_measured_does_neither():
    limits = dict.fromkeys("abcd", PHYSICS["net_force"])
    values = {"a": 0.0, "b": np.nan, "c": Unmeasured("no parameters"), "d": 1.0}
    rows = check_rows("m", "x", "physics", values, limits)
    assert [row["passed"] for row in rows] == [True, False, None, False]
    assert passed_fraction(rows) == pytest.approx(1 / 3) == passed_fraction(rows, "physics")
    assert np.isnan(passed_fraction(rows, "probes"))


def test_the_summary_counts_molecules_and_names_the_worst(tmp_path):
    limits = {"rotation": Limit("kcal/mol", 1e-6), "hole": Limit("kcal/mol", 0.5)}
    rows = []
    for molecule, turned, pressed in (
        ("water", 0.0, 0.1), ("ethane", 2e-6, Unmeasured("one atom")), ("furan", math.nan, 0.9)
    ):  # fmt: skip
        values = {"rotation": turned, "hole": pressed}
        rows += check_rows("class1", molecule, "physics", values, limits)
    write_table(tmp_path / "probes.csv", rows, COLUMNS)
    rotation, hole = check_summary(read_table(tmp_path / "probes.csv"))
    assert (rotation["molecules"], rotation["failed"], rotation["unmeasured"]) == (3, 2, 0)
    assert (rotation["worst"], rotation["worst_molecule"]) == ("", "furan")
    assert (hole["molecules"], hole["failed"], hole["unmeasured"]) == (2, 1, 1)
    assert (hole["worst"], hole["worst_molecule"], hole["reasons"]) == ("0.9", "furan", "one atom")
