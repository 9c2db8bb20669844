"""MD, relaxations and probes of some molecules alone: the others have no rows, and fail nothing."""

import numpy as np
import pytest

import probe_method
import relax_method
import run_md
import score_geometries
import score_probes
import score_stability
from forceladder import files
from forceladder.release.gates import judge_gates, measures_of
from forceladder.tables import read_table
from forceladder.training_set.dataset import row_ranges, select_molecules, write_training_set
from molecules_in_motion import SETTINGS
from small_runs import CONFIG, Named

NAMES = ("water", "ethyne", "hydrogen-peroxide", "methanol")
METHODS = ("MMFF94", "UFF")
MD = SETTINGS | {
    "device": "cpu", "nve_equilibration_ps": 0.02, "nve_ps": 0.02, "nve_frames": 10,
    "nvt_ps": 0.02, "nvt_frames": 10, "nvt_replicas": 1,
}  # fmt: skip
TABLES = (
    "profile_errors", "minimum_errors", "frequency_errors", "distances", "MMFF94/probes",
    "UFF/probes",
)  # fmt: skip


class Job(Named):
    """What Snakemake hands to a script."""

    def __init__(self, inputs, outputs, **params):
        super().__init__(
            input=Named(inputs), output=Named(outputs), params=Named(params), threads=1
        )


@pytest.fixture(scope="module")
def whole_set(example):
    """Four molecules with a minimum, a Hessian and MD frames each, two of them held out; of one of
    these the points of a scan."""
    names = example["molecule_id"].values.tolist()
    dataset = select_molecules(example, map(names.index, NAMES)).copy(deep=True)
    dataset["split"].values[:] = ["train", "train", "test", "test"]
    return dataset


def validated(folder, dataset, most):
    """The folder, with what the scripts leave in it of two baselines."""
    write_training_set(dataset, folder / "training_set.nc")
    given = {"training_set": str(folder / "training_set.nc")}

    def paths(*names):
        return {name.split(".")[0]: str(folder / name) for name in names}

    for label in METHODS:
        (folder / label).mkdir()
        shared = {
            "label": label,
            "max_molecules": most,
            "surface": "s",
            "checkpoints": folder / "md",
        }
        of_method = {"checkpoint": folder / "relaxing" / label, "relaxing": "r", "dynamics": "d"}

        def made(*names, label=label):
            return {name: str(folder / label / file) for name, file in names}

        relax_method.main(
            Job(
                given, made(("relaxed", "relaxed.nc")), **shared, **of_method,
                settings=CONFIG["validation"]["relaxations"],
            )
        )  # fmt: skip
        quick = {"stretch_points": 5, "clash_contacts": [0.6], "clash_orientations": 1,
                 "clash_minimization_steps": 2, "clash_md_steps": 2}  # fmt: skip
        probe_method.main(
            Job(
                given, made(("probes", "probes.csv"), ("plot", "probes.svg")), **shared,
                settings=CONFIG["validation"]["probes"] | quick,
            )
        )  # fmt: skip
        run_md.main(
            Job(
                given,
                made(
                    ("trajectories", "md.nc"), ("stability", "stability.json"),
                    ("plot", "stability.svg"), ("broken", "broken"), ("broken_plot", "broken.svg"),
                ),
                **shared, **of_method, settings=MD,
            )
        )  # fmt: skip

    def of_methods(file):
        return [str(folder / label / file) for label in METHODS]

    score_geometries.main(
        Job(
            given | {"relaxed": of_methods("relaxed.nc")},
            {"profiles": folder / "profile_errors.csv", "minima": folder / "minimum_errors.csv",
             "frequencies": folder / "frequency_errors.csv",
             "summary": folder / "geometry_summary.csv"}
            | paths("profiles_plot.svg", "minima_plot.svg", "frequencies_plot.svg"),
            seed=1,
        )
    )  # fmt: skip
    score_probes.main(
        Job({"probes": of_methods("probes.csv")}, {"summary": folder / "probe_summary.csv"})
    )
    score_stability.main(
        Job(
            given | {"trajectories": of_methods("md.nc")},
            paths("survival.csv", "drift.csv", "distances.csv", "survival_plot.svg",
                  "distances_plot.svg"),
            labels=METHODS, temperatures=dict.fromkeys(METHODS, 300.0),
        )
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def whole(whole_set, tmp_path_factory):
    return validated(tmp_path_factory.mktemp("whole"), whole_set, 4)


@pytest.fixture(scope="module")
def fewer(whole_set, tmp_path_factory):
    return validated(tmp_path_factory.mktemp("fewer"), whole_set, 2)


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_those_of_the_held_out_molecules_and_the_same(whole, fewer, name):
    chosen = NAMES[2:]
    expected = [row for row in read_table(whole / f"{name}.csv") if row["molecule"] in chosen]
    assert read_table(fewer / f"{name}.csv") == expected
    assert expected


def test_nobody_counts_as_dead_unmeasured_or_failed_who_was_not_asked(whole, fewer):
    for row in read_table(fewer / "survival.csv"):
        assert (row["molecules"], row["without_parameters"], row["trajectories"]) == ("2", "0", "2")
        assert row["died"] == "0" and float(row["common_survival"]) == 1.0
    for row in read_table(fewer / "drift.csv"):
        assert (row["molecules"], row["died"]) == ("2", "0")
    for row in read_table(fewer / "probe_summary.csv"):
        assert int(row["molecules"]) + int(row["unmeasured"]) == 2
    one, other = (read_table(folder / "geometry_summary.csv") for folder in (whole, fewer))
    assert {row["split"] for row in other} == {"test"}
    assert other == [row for row in one if row["split"] == "test"]


def test_gates_judge_those_who_were_asked(whole, fewer):
    """Of held-out geometries the same; of MD and probes the molecules that there are."""
    values = []
    for folder in (whole, fewer):
        found = measures_of(
            {"geometries": str(folder / "geometry_summary.csv"),
             "probes": str(folder / "probe_summary.csv"),
             "stability": [str(folder / "MMFF94/stability.json")]},
            ["MMFF94"], {"MMFF94": "MMFF94"},
        )["MMFF94"]  # fmt: skip
        asked = ("profile", "minimum", "frequency", "failed", "survival", "drift", "physics")
        limits = {k: v for k, v in CONFIG["gates"].items() if any(word in k for word in asked)}
        rows = judge_gates("MMFF94", found, limits)
        assert len(rows) == len(limits)
        values.append({row["gate"]: row["value"] for row in rows})
    assert np.isfinite(list(values[1].values())).all()
    for gate, value in values[0].items():
        if "_test_" in gate or "survival" in gate:
            assert values[1][gate] == value, gate


def test_relaxations_name_conformers_of_the_whole_set(whole_set, fewer):
    rows = files.read_netcdf(fewer / "MMFF94/relaxed.nc")["relaxed_conformer"].values
    asked = np.isin(whole_set["geometry_kind"].values, ("minimum", "torsion_scan"))
    asked[: row_ranges(whole_set)["conformer"][2]] = False
    np.testing.assert_array_equal(rows, np.flatnonzero(asked))
