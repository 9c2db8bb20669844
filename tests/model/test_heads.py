"""Heads write parameters that keep the promises of their files."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lammps_oracle
from force_fields import (
    CLASS1,
    CLASS2,
    COUPLINGS,
    NETWORK,
    VARIETY,
    backwards,
    geometry_of,
    random_rung,
    shaken,
    swapped_ends,
    topology,
    untrained_rung,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.total import energy_and_gradient
from forceladder.errors import ConfigError
from forceladder.model import priors
from forceladder.model.heads import HEADS
from forceladder.model.heads.angles import QUARTIC_SHARE
from forceladder.model.heads.bonds import MORSE_CUBIC, MORSE_QUARTIC
from forceladder.model.heads.couplings import COUPLED, rows_of, shares_spent
from forceladder.model.heads.head import Writing
from forceladder.model.heads.quartic import (
    CONVEX,
    SHARE_OF_COUPLINGS,
    SHARE_OF_HARMONIC,
    quartic_well,
)
from forceladder.model.rung import make_rung

SEEDS = st.integers(0, 2**31)
SCALES = st.sampled_from([0.1, 1.0, 10.0, 1000.0])  # of the weights of the last layers
HARMONIC = (*CLASS1, *COUPLINGS)
EVERYTHING = topology(*VARIETY)
SHARES = [(CLASS2, SHARE_OF_COUPLINGS), (HARMONIC, SHARE_OF_HARMONIC)]


def written(seed, scale, terms=CLASS2, graph=EVERYTHING):
    with torch.no_grad():
        return random_rung(graph, seed, scale, terms=terms)(graph)


def test_every_term_has_a_head_that_reads_its_table():
    assert set(HEADS) == set(TERMS)
    for name, head in HEADS.items():
        wanted = "atom" if TERMS[name].table == "pair" else TERMS[name].table
        assert head.table == wanted, name


# quartic wells


@given(st.floats(1.0, 1e4), st.floats(-5.0, 5.0), st.floats(0.01, 10.0), SEEDS, SCALES)
def test_quartic_well_is_convex_and_has_one_minimum(quadratic, cubic, quartic, seed, scale):
    """The second derivative is never negative, for any deviation from any convex prior."""
    cubic = float(np.clip(cubic, -1.0, 1.0)) * 0.99 * math.sqrt(CONVEX * quartic)
    generator = torch.Generator().manual_seed(seed)
    deviation = scale * torch.randn(50, 2, generator=generator, dtype=torch.float64)
    k2 = torch.full((50,), quadratic, dtype=torch.float64)
    well = quartic_well(k2, cubic, quartic, deviation)
    k3, k4 = well["cubic"][:, None], well["quartic"][:, None]
    x = torch.linspace(-5.0, 5.0, 2001, dtype=torch.float64)
    curvature = 2.0 * quadratic + 6.0 * k3 * x + 12.0 * k4 * x**2
    assert float((curvature / (quadratic + k4 * x**2)).min()) >= -1e-12
    assert bool((k3**2 <= CONVEX * (1.0 + 1e-12) * quadratic * k4).all())


def test_deviation_of_zero_is_morses_series_of_a_bond_and_no_cubic_term_of_an_angle():
    terms = untrained_rung(EVERYTHING, terms=CLASS2)(EVERYTHING).terms
    bond, angle = terms["bond_quartic"], terms["angle_quartic"]
    k2 = bond["quadratic"]
    torch.testing.assert_close(bond["cubic"], MORSE_CUBIC * k2, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(bond["quartic"], MORSE_QUARTIC * k2, rtol=1e-12, atol=0.0)
    assert not bool(angle["cubic"].any())
    torch.testing.assert_close(
        angle["quartic"], QUARTIC_SHARE * angle["quadratic"], rtol=1e-12, atol=0.0
    )


def test_morses_series_is_that_of_morses_curve():
    """D [1 − exp(−aΔ)]² to fourth order, by differences of its derivatives."""
    a, d, step = -MORSE_CUBIC, 100.0, 1e-3
    x = step * np.arange(-3, 4)
    morse = d * (1.0 - np.exp(-a * x)) ** 2
    series = d * a**2 * (x**2 + MORSE_CUBIC * x**3 + MORSE_QUARTIC * x**4)
    np.testing.assert_allclose(series, morse, rtol=0, atol=2.0 * d * (a * 3 * step) ** 5)


@pytest.mark.parametrize("kind", ["bond", "angle"])
def test_quartic_and_harmonic_rungs_start_from_the_same_force_constants(kind):
    """K = ½ k."""
    harmonic = untrained_rung(EVERYTHING)(EVERYTHING).terms[f"{kind}_harmonic"]
    quartic = untrained_rung(EVERYTHING, terms=CLASS2)(EVERYTHING).terms[f"{kind}_quartic"]
    assert torch.equal(quartic["quadratic"], 0.5 * harmonic["force_constant"])


# quadratic couplings


# in the order of COUPLED, where it is not that of the parameters
COUPLING_NAMES = {"bond_angle_13": ("coupling_1", "turned_1", "coupling_3", "turned_3")}


def quadratic_form(parameters, graph, cosine):
    """Matrix of Σ K q² + Σ c q q' over all bonds and angles, scaled to a diagonal of one.

    cosine: [torsions], cos φ
    """
    first = len(graph.atoms["bond"])
    stiffness = []
    for kind in ("bond", "angle"):
        if (well := parameters.terms.get(f"{kind}_quartic")) is not None:
            stiffness.append(well["quadratic"])
        else:
            stiffness.append(0.5 * parameters.terms[f"{kind}_harmonic"]["force_constant"])
    stiffness = torch.cat(stiffness).numpy()
    matrix = np.diag(stiffness)
    for term, pairs in COUPLED.items():
        values = parameters.terms[term]
        names = COUPLING_NAMES.get(term, [name for name in values if name.startswith("coupling")])
        for name, pair in zip(names, pairs, strict=True):
            i, j = (
                rows_of(graph, term, which).numpy() + (first if which[0] == "angle" else 0)
                for which in pair
            )
            half = 0.5 * values[name].numpy()
            if term == "angle_angle_torsion" or name.startswith("turned"):
                half = half * cosine
            np.add.at(matrix, (i, j), half)
            np.add.at(matrix, (j, i), half)
    return matrix / np.sqrt(np.outer(stiffness, stiffness))


@pytest.mark.parametrize("terms, share", SHARES, ids=["quartic", "harmonic"])
@settings(max_examples=30)
@given(SEEDS, st.sampled_from(VARIETY), SCALES)
def test_couplings_never_take_more_of_the_quadratic_form_than_is_set_aside(
    terms, share, seed, smiles, scale
):
    """The least eigenvalue, for any weights and any torsions."""
    graph = topology(smiles)
    cosine = np.random.default_rng(seed).choice([-1.0, 1.0], len(graph.atoms["torsion"]))
    matrix = quadratic_form(written(seed, scale, terms, graph), graph, cosine)
    assert np.linalg.eigvalsh(matrix).min() >= 1.0 - share - 1e-10


def test_harmonic_wells_keep_a_part_of_themselves():
    """No quartic term would hold what couplings leave."""
    assert SHARE_OF_HARMONIC < 1.0


@pytest.mark.parametrize("terms, share", SHARES, ids=["quartic", "harmonic"])
@settings(max_examples=30)
@given(SEEDS, SCALES)
def test_shares_of_a_coordinate_add_up_to_less_than_is_set_aside(terms, share, seed, scale):
    found = written(seed, scale, terms)
    spent = shares_spent(Writing(EVERYTHING, {}, found.deviations, found.terms, {}, {}))
    for kind, shares in spent.items():
        assert len(shares) == len(EVERYTHING.atoms[kind])
        assert float(shares.max()) <= share * (1.0 + 1e-12)
        assert float(shares.min()) >= 0.0


def test_a_single_coupling_may_spend_nearly_all_that_is_set_aside():
    """Water's two bonds, coupled by nothing but bond_bond: c → 2 SHARE √(K K')."""
    terms = written(1, 1000.0, ("bond_quartic", "bond_bond"), topology("O")).terms
    largest = 2.0 * float(terms["bond_quartic"]["quadratic"].prod().sqrt())
    coupling = abs(float(terms["bond_bond"]["coupling"]))
    assert coupling / largest == pytest.approx(SHARE_OF_COUPLINGS, rel=1e-3)


def test_small_couplings_are_linear_in_what_the_network_says():
    """So that a fit feels them from the first step, whatever else is coupled."""
    graph = topology("CCO")
    small, smaller = (written(3, scale, graph=graph).terms for scale in (1e-3, 1e-4))
    for term in COUPLED:
        for name in (name for name in small[term] if name.startswith(("coupling", "turned"))):
            torch.testing.assert_close(small[term][name], 10.0 * smaller[term][name],
                                       rtol=0.1, atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("term", COUPLINGS)
def test_coupling_without_the_energies_it_couples_is_an_error_that_names_them(term):
    kinds = {kind for kind, _ in TERMS[term].coordinates} & {"bond", "angle"}
    model = make_rung({"terms": [term], **NETWORK}, EVERYTHING, 0)
    named = "|".join(f"couples {kind}s but has neither {kind}_quartic" for kind in sorted(kinds))
    with pytest.raises(ConfigError, match=named):
        model(EVERYTHING)


# straight angles


@settings(max_examples=10)
@given(SEEDS, SCALES)
def test_straight_angle_has_no_edge(seed, scale):
    """At π the energy of an angle must be even in π − θ: no cubic term, and no coupling."""
    terms = written(seed, scale).terms
    straight = priors.is_linear(EVERYTHING)
    assert bool(straight.any())
    assert bool((terms["angle_quartic"]["angle"][straight] == math.pi).all())
    assert not bool(terms["angle_quartic"]["cubic"][straight].any())
    for name in ("coupling_1", "coupling_2"):
        assert not bool(terms["bond_angle"][name][straight].any())
    pairs = EVERYTHING.members["angle_pair"]["angle"]
    assert not bool(terms["angle_angle"]["coupling"][straight[pairs].any(dim=1)].any())
    assert bool(terms["bond_bond"]["coupling"][straight].all())  # two bonds need no angle


def test_no_torsion_has_a_straight_angle():
    straight = priors.is_linear(EVERYTHING)
    assert not bool(straight[EVERYTHING.members["torsion"]["angle"]].any())


# ends of a row


@pytest.mark.parametrize("table", ["bond", "angle", "angle_pair", "torsion"])
@settings(max_examples=10)
@given(SEEDS, st.sampled_from([CLASS2, HARMONIC]))
def test_parameters_of_the_ends_swap_when_rows_are_read_backwards(table, seed, terms):
    model = random_rung(EVERYTHING, seed, terms=terms)
    other = backwards(EVERYTHING, table)
    with torch.no_grad():
        ours, theirs = model(EVERYTHING).terms, model(other).terms
    for term in terms:
        swap = TERMS[term].table == table and table not in ("bond", "pair")
        expected = swapped_ends(ours[term]) if swap else ours[term]
        for name, values in theirs[term].items():
            torch.testing.assert_close(values, expected[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "term", ["bond_angle", "end_bond_torsion", "angle_torsion", "bond_angle_13"]
)
def test_ends_that_differ_get_parameters_that_differ(term):
    values = written(1, 1.0).terms[term]
    for name in (name for name in values if name.endswith("_1")):
        if name.startswith(("coupling", "turned", "amplitude")):
            other = swapped_ends(values)[name]
            assert float((values[name] - other).abs().max()) > 0.1


# Lennard-Jones


def test_lennard_jones_is_the_table_unless_the_rung_fits_it():
    fixed = written(1, 3.0)
    assert torch.equal(fixed.lj_sigma, EVERYTHING.lj_sigma)
    assert torch.equal(fixed.lj_epsilon, EVERYTHING.lj_epsilon)
    model = random_rung(EVERYTHING, 1, 3.0, terms=CLASS2, fit_lennard_jones=True)
    with torch.no_grad():
        fitted = model(EVERYTHING)
    assert float((fitted.lj_sigma / EVERYTHING.lj_sigma).log().abs().max()) <= 0.3
    assert float((fitted.lj_epsilon / EVERYTHING.lj_epsilon).log().abs().max()) <= 2.0
    assert not torch.allclose(fitted.lj_sigma, EVERYTHING.lj_sigma)
    untrained = untrained_rung(EVERYTHING, terms=CLASS2, fit_lennard_jones=True)(EVERYTHING)
    assert torch.equal(untrained.lj_sigma, EVERYTHING.lj_sigma)


@pytest.mark.parametrize("smiles", [*VARIETY, "CCCCCC", "C1CC1C1CCC1"])
def test_lennard_jones_96_is_mixed_and_scaled_by_lammps_rules(smiles):
    """Sixth powers, from the minima of the 12-6 table; 1–4 pairs by half, closer ones left out."""
    graph, x = topology(smiles), shaken(smiles, 1, 0.1)
    terms = written(0, 0.0, ("lennard_jones_96",), graph).terms
    energy, gradient = energy_and_gradient(terms, geometry_of(graph, [x]))
    minimum = 2.0 ** (1.0 / 6.0) * graph.lj_sigma
    expected, expected_gradient = lammps_oracle.mixed_lennard_jones_96(
        graph.atoms["bond"], graph.lj_epsilon, minimum, x
    )
    size = 1.0 + np.abs(expected_gradient).max()
    assert float(energy) == pytest.approx(expected, rel=1e-11, abs=1e-11)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-11 * size)
