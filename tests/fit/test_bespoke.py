"""Bespoke parameters fit their molecules better, and keep all that the network guarantees."""

import copy

import numpy as np
import pytest
import torch

from force_fields import topology
from forceladder.energy.topology import topology_of
from forceladder.errors import ConfigError, FitError
from forceladder.fit.batches import make_batches
from forceladder.fit.bespoke import Refinement, refine_rung, row_keys
from forceladder.fit.history import read_history, write_history
from forceladder.fit.loop import fit_rung, start_model
from forceladder.fit.metrics import METRICS
from forceladder.fit.step import predict, prepare
from forceladder.model.bounds import energy_floor
from forceladder.model.checkpoint import load_model, save_model
from forceladder.model.heads import HEADS
from forceladder.training_set.dataset import select, select_molecules
from small_fits import rung_settings, same_history, same_weights, splits
from small_set import with_scans

ACETATE, FURAN, ETHANE, ETHANAL, ETHANOL = 2, 5, 7, 8, 10
SERIES = (1, 9, ETHANOL)  # methanol, dimethyl sulfide, ethanol: methyls alike, and not


def bespoke_settings(rounds=2, prior=1e-4, **training):
    settings = rung_settings("class2", 1, **training)
    return settings | {
        "base": "class2",
        "bespoke": {"rounds": rounds, "iterations_per_round": 15, "prior": prior},
    }


def nothing(dataset):
    return select_molecules(dataset, [])


@pytest.fixture(scope="module")
def base(xtb_set):
    """One bond far: the methyls of ethanol and ethanal, two bonds from what differs, are alike."""
    settings = rung_settings("class2", 30)
    settings["network"]["layers"] = 1
    return fit_rung(*splits(xtb_set), settings, 0)[0]


def refined(base, dataset, rows, validation=None, seed=0, **settings):
    train = select_molecules(dataset, rows)
    validation = nothing(dataset) if validation is None else validation
    return refine_rung(base, train, validation, bespoke_settings(**settings), seed)


@pytest.fixture(scope="module")
def one(base, xtb_set):
    """Ethane, refined."""
    return refined(base, xtb_set, [ETHANE])


@pytest.fixture(scope="module")
def series(base, xtb_set):
    return refined(base, xtb_set, SERIES)


def parameters_of(model, graph):
    with torch.no_grad():
        return model(graph)


# what it achieves


def test_refined_molecule_has_a_lower_error_than_the_network_gives_it(base, xtb_set, one):
    def error(model):
        data = make_batches(select_molecules(xtb_set, [ETHANE]), 100, 2.0, 0)
        (prepared,) = (prepare(model, batch, False) for batch in data)
        surface, _ = predict(model, prepared, differentiable=False)
        return float(((surface.gradient - prepared.data.gradient) ** 2).mean().sqrt())

    model, history = one
    assert error(model) < 0.6 * error(base)
    assert error(model) == pytest.approx(history["train_force_rmse"][-1], rel=1e-9)


def test_loss_falls_from_round_to_round(base, xtb_set):
    _, history = refined(base, xtb_set, [ACETATE], rounds=4)
    assert (np.diff(history["loss"]) < 0.0).all()


def test_a_strong_prior_keeps_the_network(base, xtb_set):
    model, _ = refined(base, xtb_set, [ETHANE], prior=1e6)
    graph = topology_of(select_molecules(xtb_set, [ETHANE]))
    one, two = parameters_of(model, graph), parameters_of(base, graph)
    torch.testing.assert_close(
        one.terms["bond_quartic"], two.terms["bond_quartic"], rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("name", ["positions", "energy", "gradients"])
def test_broken_data_are_named_with_their_molecule(base, xtb_set, name):
    spoiled = xtb_set.copy(deep=True)
    spoiled[name].values[:] = np.nan if name != "gradients" else np.inf
    with pytest.raises(FitError, match=r"round 0: .* of molecule CC; look at its"):
        refined(base, spoiled, [ETHANE])


def test_nothing_to_refine_is_an_error(base, xtb_set):
    with pytest.raises(FitError, match="no molecule of the training set is in the split 'train'"):
        refined(base, xtb_set, [])


def test_untrained_network_can_be_refined(xtb_set):
    """Then the offsets are all that is learned."""
    untrained = start_model(rung_settings("class2", 1), topology_of(xtb_set), 0, None)
    _, history = refined(untrained, xtb_set, [ETHANE], rounds=3)
    assert history["force"][-1] < 0.1 * history["force"][0] or history["force"][-1] < 0.02


def test_profiles_of_scans_are_fitted_too(base, xtb_set):
    scanned = with_scans(xtb_set, [ETHANE])
    _, history = refined(base, scanned, [ETHANE])
    assert np.isfinite(history["train_torsion_rmse"]).all()
    assert history["torsion"][-1] < 0.2


# symmetry


def equal_classes(model, graph, head) -> list[list[int]]:
    """Sets of rows (or their ends) of a head that the network cannot tell apart."""
    keys = row_keys(model, graph, 3)[head]
    _, found = torch.unique(keys, dim=0, return_inverse=True)
    return [torch.nonzero(found == k)[:, 0].tolist() for k in range(int(found.max()) + 1)]


def test_equivalent_rows_keep_equal_offsets_exactly(base, one, xtb_set):
    """The six hydrogens of ethane: one C–H bond, two angles, one charge each."""
    offsets = one[0].offsets[xtb_set["mapped_smiles"].values[ETHANE]]
    distinct = {head: len(torch.unique(values, dim=0)) for head, values in offsets.items()}
    assert distinct["bond_quartic"] == distinct["angle_quartic"] == distinct["coulomb"] == 2
    assert distinct["torsion_cosine"] == 1
    graph = topology_of(select_molecules(xtb_set, [ETHANE]))
    found = parameters_of(one[0], graph)
    assert float(found.charge.sum()) == pytest.approx(0.0, abs=1e-12)
    hydrogen = graph.atomic_number == 1
    torch.testing.assert_close(
        found.charge[hydrogen], found.charge[hydrogen][:1].expand(6), rtol=0, atol=1e-12
    )


def test_everything_that_the_network_says_moves(one):
    """No head is forgotten: each has an offset that is not zero."""
    (offsets,) = one[0].offsets.values()
    assert set(offsets) == {head for head in HEADS if head in one[0].readouts}
    # ethane has neither planar centres nor chains of five atoms
    assert {head for head, v in offsets.items() if not v.numel()} == {
        "out_of_plane",
        "torsion_torsion",
    }
    assert all(float(v.abs().max()) > 0.0 for v in offsets.values() if v.numel())


def test_oxygens_of_acetate_stay_equal(base, xtb_set):
    model, _ = refined(base, xtb_set, [ACETATE])
    graph = topology_of(select_molecules(xtb_set, [ACETATE]))
    found = parameters_of(model, graph)
    one, two = found.charge[graph.atomic_number == 8]
    assert float(one) == pytest.approx(float(two), abs=1e-12)
    assert float(found.charge.sum()) == pytest.approx(-1.0, abs=1e-12)


@pytest.mark.parametrize(
    "head", ["bond_angle", "end_bond_torsion", "angle_torsion", "bond_angle_13"]
)
def test_offsets_of_either_end_do_not_depend_on_where_a_row_begins(base, xtb_set, head):
    """Every second row listed backwards: keys of its ends change places, and nothing else."""
    if HEADS[head].readout(base.settings) is None or not base.readouts[head].per_end:
        pytest.skip("this head says one thing of both ends")
    table = HEADS[head].table
    graph = topology_of(select_molecules(xtb_set, [ETHANAL]))
    atoms = graph.atoms[table].clone()
    atoms[::2] = atoms[::2].flip(1)
    flipped = graph._replace(atoms={**graph.atoms, table: atoms})
    one, two = (row_keys(base, g, 0)[head].view(len(atoms), 2, -1) for g in (graph, flipped))
    torch.testing.assert_close(two[1::2], one[1::2], rtol=0, atol=0)
    torch.testing.assert_close(two[::2], one[::2].flip(1), rtol=0, atol=0)


def test_symmetric_rows_keep_both_ends_equal(one, base, xtb_set):
    """H–C–C–H of ethane: the coupling of its first bond is that of its last."""
    (offsets,) = one[0].offsets.values()
    ends = offsets["end_bond_torsion"]
    assert ends.shape[1] == 2 and torch.equal(ends[:, 0], ends[:, 1])


# a congeneric series


def test_series_shares_the_offsets_of_rows_that_are_alike(base, series, xtb_set):
    """By what the network tells apart across all its molecules."""
    model, _ = series
    graph = topology_of(select_molecules(xtb_set, SERIES))
    for head in ("bond_quartic", "angle_quartic", "torsion_cosine", "coulomb"):
        offsets = torch.cat([model.offsets[name][head] for name in graph.mapped_smiles])
        classes = equal_classes(base, graph, head)
        assert len(classes) < len(offsets)
        for rows in classes:
            assert torch.equal(offsets[rows], offsets[rows[:1]].expand(len(rows), -1))
    in_two = [
        rows
        for rows in equal_classes(base, graph, "bond_quartic")
        if len({int(graph.molecule[graph.atoms["bond"][row, 0]]) for row in rows}) > 1
    ]
    assert in_two  # some bonds of different molecules are one class


def test_molecules_that_were_not_refined_are_untouched(base, series):
    graph = topology("CC=O", "CCCO", "c1ccoc1")
    one, two = parameters_of(base, graph), parameters_of(series[0], graph)
    assert torch.equal(one.charge, two.charge)
    for term, values in one.terms.items():
        assert all(torch.equal(value, two.terms[term][name]) for name, value in values.items())


def test_network_and_the_base_stay_as_they_are(base, xtb_set):
    before = copy.deepcopy(base)
    model, _ = refined(base, xtb_set, [ETHANE], rounds=1)
    assert same_weights(base, before) and same_weights(model, before)
    assert base.offsets == {}


def test_refined_molecule_is_itself_in_any_company(series, xtb_set):
    """Alone, or between others that are refined or not."""
    alone = parameters_of(series[0], topology_of(select_molecules(xtb_set, [ETHANOL])))
    rows = [0, 9, ETHANOL, 4]
    graph = topology_of(select_molecules(xtb_set, rows))
    among = parameters_of(series[0], graph)
    here = graph.rows("bond", 2)
    torch.testing.assert_close(
        among.terms["bond_quartic"]["quadratic"][here], alone.terms["bond_quartic"]["quadratic"],
        rtol=1e-12, atol=0,
    )  # fmt: skip


# bounds


def test_energy_keeps_its_floor(series, xtb_set):
    graph = topology_of(select_molecules(xtb_set, SERIES))
    assert bool(torch.isfinite(energy_floor(parameters_of(series[0], graph), graph)).all())


def test_no_offset_however_large_leaves_the_bounds(base, xtb_set):
    """Offsets go through the heads: of a hundred times the size, there still is a floor."""
    graph = topology_of(select_molecules(xtb_set, [FURAN]))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        said = base.deviations(graph, base.encoder(graph))
    model = copy.deepcopy(base)
    model.offsets = {
        graph.mapped_smiles[0]: {
            head: 20.0 * torch.randn(v.shape, generator=generator, dtype=v.dtype)
            for head, v in said.items()
        }
    }
    floor = energy_floor(parameters_of(model, graph), graph)
    assert bool(torch.isfinite(floor).all()) and float(floor) <= 0.0


# the round that is kept


def test_round_is_chosen_by_conformers_held_out_of_the_same_molecule(base, xtb_set):
    """Fitted to two geometries without a prior, later rounds are worse on the other three."""
    train = select(xtb_set, [(FURAN, [0, 1])])
    held_out = select(xtb_set, [(FURAN, [2, 3, 4]), (ETHANE, None)])
    model, history = refine_rung(base, train, held_out, bespoke_settings(4, prior=1e-9), 0)
    errors = np.array(history["validation_force_rmse"])
    best = int(errors.argmin())
    rounds = best + 1
    again, _ = refine_rung(base, train, held_out, bespoke_settings(rounds, prior=1e-9), 0)
    for name, offsets in model.offsets.items():
        assert all(torch.equal(v, again.offsets[name][head]) for head, v in offsets.items())


def test_other_molecules_held_out_say_nothing_about_the_round(base, xtb_set):
    """Their parameters are the network's in every round; the last round is kept."""
    held_out = select_molecules(xtb_set, [ETHANOL])
    watched = refined(base, xtb_set, [ETHANE], validation=held_out)
    alone = refined(base, xtb_set, [ETHANE])
    assert np.isnan(watched[1]["validation_force_rmse"]).all()
    (one,), (two,) = watched[0].offsets.values(), alone[0].offsets.values()
    assert all(torch.equal(one[head], two[head]) for head in one)


# reproducibility and files


def test_same_seed_gives_the_same_bits(base, xtb_set, one):
    torch.manual_seed(12345)  # somebody else's draws must not matter
    again, history = refined(base, xtb_set, [ETHANE])
    (found,), (expected,) = again.offsets.values(), one[0].offsets.values()
    assert all(torch.equal(found[head], expected[head]) for head in expected)
    assert same_history(history, one[1])


def test_cutting_the_data_into_batches_changes_nothing_but_round_off(base, xtb_set, one):
    """One loss over all data: pieces of a molecule share its offsets."""
    whole, pieces = (
        Refinement(
            base,
            [
                prepare(base, data, False)
                for data in make_batches(select_molecules(xtb_set, [ETHANE]), size, 2.0, 0)
            ],
            bespoke_settings(),
            0,
        )
        for size in (5, 3)
    )
    assert (len(whole.batches), len(pieces.batches)) == (1, 2)
    for head, values in whole.values.items():
        assert values.shape == pieces.values[head].shape
        values += 0.1
        pieces.values[head] += 0.1
    (one,), (two,) = whole.offsets_by_molecule().values(), pieces.offsets_by_molecule().values()
    assert all(torch.equal(one[head], two[head]) for head in one)


def test_offsets_survive_their_file(tmp_path, series, xtb_set):
    model, history = series
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.settings == model.settings and same_weights(again, model)
    assert again.offsets.keys() == model.offsets.keys()
    for name, offsets in model.offsets.items():
        assert all(torch.equal(v, again.offsets[name][head]) for head, v in offsets.items())
    graph = topology_of(select_molecules(xtb_set, SERIES))
    assert torch.equal(parameters_of(again, graph).charge, parameters_of(model, graph).charge)
    write_history(history, tmp_path / "history.nc")
    assert same_history(read_history(tmp_path / "history.nc"), history)


def test_history_has_what_the_history_of_a_fit_has(one):
    """Pictures and reports read both alike."""
    _, history = one
    named = {f"{split}_{name}" for split in ("train", "validation") for name in METRICS}
    assert named | {"loss", "force", "energy", "torsion", "esp", "dipole", "prior"} == set(history)
    assert {len(values) for values in history.values()} == {2}


# trouble


def test_base_with_a_correction_is_refused(xtb_set):
    corrected = start_model(rung_settings("delta", 1), topology_of(xtb_set), 0, None)
    with pytest.raises(ConfigError, match="its base must have no correction"):
        refined(corrected, xtb_set, [ETHANE])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_refinement_on_a_gpu_is_that_on_a_cpu(base, xtb_set):
    """L-BFGS magnifies round-off: errors agree to a percent."""
    train, rest = select_molecules(xtb_set, [ETHANE]), nothing(xtb_set)
    histories = [
        refine_rung(base, train, rest, bespoke_settings(), 0, device)[1]
        for device in ("cpu", "cuda")
    ]
    one, two = (history["train_force_rmse"][-1] for history in histories)
    assert two == pytest.approx(one, rel=0.01)
