"""Drift, pair distances and deaths of several methods in tables, files and pictures."""

import numpy as np
import pytest
from rdkit import Chem

from examples import read
from force_fields import dataset_of_mapped
from forceladder.figures import plt
from forceladder.md.distances import BLOCKS, EDGES, HEATING, pair_counts
from forceladder.md.watch import ALIVE, BOND, CONNECTIVITY, NO_PARAMETERS
from forceladder.tables import read_table
from forceladder.training_set.dataset import molecule_positions, select_molecules
from forceladder.validate.broken import deaths, write_broken
from forceladder.validate.distances import REFERENCE, TRAINING_FRAMES, distance_rows
from forceladder.validate.drift import drift_rows
from forceladder.validate.plots.broken import plot_broken
from forceladder.validate.plots.stability import plot_stability
from forceladder.validate.plots.survival import plot_distances, plot_survival
from trajectories import md_dataset

NOBODY = np.full((1, 2, 1), np.nan)
TWO_ALIVE = [[[ALIVE], [ALIVE]]]


def methanol_named(name):
    dataset = dataset_of_mapped([read("CO")["mapped_smiles"]])
    dataset["molecule_id"].values[0] = name
    return dataset


def test_ratio_of_fluctuations_is_four_where_energy_follows_the_square_of_the_step():
    """The hand-made energies are a wave whose height is the square of the time step."""
    short, long = drift_rows("class1", md_dataset(TWO_ALIVE, NOBODY), 300.0)
    for row in (short, long):
        assert row["median_ratio"] == pytest.approx(4.0, rel=1e-4)
        assert row["expected_ratio"] == 4.0
        assert (row["molecules"], row["died"]) == (1, 0)
    assert (short["timestep_fs"], long["timestep_fs"]) == (0.25, 0.5)
    assert long["median_fluctuation"] == pytest.approx(4 * short["median_fluctuation"], rel=1e-4)


def test_a_method_without_parameters_has_no_drift():
    rows = drift_rows("MMFF94", md_dataset([[[NO_PARAMETERS]] * 2], NOBODY), 300.0)
    assert {row["largest_drift"] for row in rows} == {row["median_ratio"] for row in rows} == {None}


# h(r)


def counted(distance, noise, seed):
    """Counts of one molecule at two temperatures: pairs about a distance, from frame to frame."""
    random = np.random.default_rng(seed)
    blocks = [
        sum(pair_counts([[0, 0, 0], [random.normal(distance, noise), 0, 0]]) for _ in range(60))
        for _ in range(2 * BLOCKS)
    ]
    return np.array(blocks, np.int32).reshape(1, 2, 1, BLOCKS, len(EDGES) - 1)


def test_methods_are_held_against_the_reference_and_chance(xtb_set):
    one = select_molecules(xtb_set, [0])
    name = [str(one["molecule_id"].values[0])]

    def moving(distance, seed):
        return md_dataset(TWO_ALIVE, NOBODY, names=name, counts=counted(distance, 0.2, seed))

    methods = {"same": moving(3.0, 1), "other": moving(4.0, 2), REFERENCE: moving(3.0, 3)}
    rows = distance_rows(one, methods)
    found = {(r["method"], r["temperature_kelvin"]): r for r in rows if r["reference"] == REFERENCE}
    assert set(found) == {(m, t) for m in ("same", "other") for t in (300.0, 500.0)}
    for kelvin in (300.0, 500.0):
        same, other = found["same", kelvin], found["other", kelvin]
        assert same["difference"] == pytest.approx(same["noise_floor"], rel=0.5)
        assert other["difference"] > 1.9
        assert same["pairs"] == 60 * (BLOCKS - HEATING)


def test_training_frames_of_that_temperature_are_a_reference_of_their_own(xtb_set):
    one = select_molecules(xtb_set, [0]).copy(deep=True)
    one["temperature"].values[1:] = 300.0
    frames = molecule_positions(one, 0)[1:]
    counts = np.zeros((1, 2, 1, BLOCKS, len(EDGES) - 1), np.int32)
    counts[0, 0, 0, -1] = sum(pair_counts(x) for x in frames)
    trajectories = md_dataset(
        TWO_ALIVE, NOBODY, names=[str(one["molecule_id"].values[0])], counts=counts
    )
    (row,) = distance_rows(one, {"class1": trajectories})
    assert (row["reference"], row["temperature_kelvin"]) == (TRAINING_FRAMES, 300.0)
    assert row["difference"] == pytest.approx(0.0, abs=1e-12)
    assert row["reference_pairs"] == len(frames) * frames.shape[1] * (frames.shape[1] - 1) // 2


# deaths


def broken():
    died = np.full((1, 2, 2), np.nan)
    died[0, 1] = [0.5, 1.25]
    return md_dataset([[[ALIVE, ALIVE], [BOND, CONNECTIVITY]]], died, names=["methanol"], atoms=[6])


def test_every_death_is_a_file_of_geometries_and_a_row(tmp_path):
    dataset, trajectories = methanol_named("methanol"), broken()
    write_broken(tmp_path / "broken", dataset, trajectories)
    rows = read_table(tmp_path / "broken" / "deaths.csv")
    assert [(row["trajectory"], row["cause"], float(row["time_ps"])) for row in rows] == [
        ("nvt-500K-0", BOND, 0.5),
        ("nvt-500K-1", CONNECTIVITY, 1.25),
    ]
    for row, death in zip(rows, deaths(dataset, trajectories), strict=True):
        path = tmp_path / "broken" / row["file"]
        frames = list(Chem.SDMolSupplier(str(path), removeHs=False, sanitize=False))
        assert len(frames) == int(row["frames"]) == 4
        for k, frame in enumerate(frames):
            x = frame.GetConformer().GetPositions()
            np.testing.assert_allclose(x, death.positions[k], atol=6e-5)
            assert float(frame.GetProp("energy_kcal_per_mol")) == 100.0 * k
            assert frame.GetProp("after_death") == str(k >= 2)
            assert frame.GetNumBonds() == 5


def test_a_folder_of_no_deaths_says_so(tmp_path):
    write_broken(tmp_path / "broken", methanol_named("molecule-0"), md_dataset(TWO_ALIVE, NOBODY))
    assert [path.name for path in (tmp_path / "broken").iterdir()] == ["deaths.csv"]
    assert read_table(tmp_path / "broken" / "deaths.csv") == []


def texts(figure):
    return " ".join(t.get_text() for t in figure.findobj(plt.Text))


def test_pictures_say_what_died_and_what_did_not():
    dataset, dead, alive = methanol_named("methanol"), broken(), md_dataset(TWO_ALIVE, NOBODY)
    said = texts(plot_broken(dataset, dead, "mlff"))
    assert "2 of 6 trajectories broke" in said
    assert "bond at 0.5 ps" in said
    assert "none of 4 trajectories broke" in texts(plot_broken(dataset, alive, "class1"))
    said = texts(plot_stability(dead, "mlff", 300.0))
    assert "dead: methanol" in said
    assert "all alive" in said
    assert "median ratio 4.00" in said
    said = texts(plot_survival({"mlff": dead, "class1": alive}))
    assert "2 of 2 died" in said
    assert "0 of 1 died; chance to live ≥ 0.05" in said
    assert "no h(r) of GFN2-xTB" in texts(plot_distances([], "GFN2-xTB"))
    plt.close("all")


def test_pictures_of_a_method_that_could_not_be_run_are_drawn():
    nothing = md_dataset([[[NO_PARAMETERS]] * 2], NOBODY)
    assert "1 without parameters" in texts(plot_stability(nothing, "MMFF94", 300.0))
    assert "not run" in texts(plot_survival({"MMFF94": nothing}))
    plt.close("all")
