"""Relaxations of a method on its own surface, and the tables that are made of them."""

import numpy as np
import pytest
import xarray
from ase import Atoms
from ase.vibrations import Vibrations
from tblite.ase import TBLite

from forceladder import files
from forceladder.errors import MethodError
from forceladder.fields import RELAXED_FIELDS
from forceladder.molecules.angles import torsion_angle
from forceladder.training_set.dataset import (
    molecule_positions,
    row_ranges,
    select,
    select_molecules,
)
from forceladder.validate.geometry_errors import (
    ScanProfile,
    frequency_rows,
    method_spectra,
    minimum_rows,
    profile_rows,
    scan_profiles,
)
from forceladder.validate.geometry_summary import MEASURES, geometry_summary
from forceladder.validate.methods import NO_PARAMETERS, Method, method_surfaces
from forceladder.validate.plots import geometries
from forceladder.validate.profiles import Scan
from forceladder.validate.relaxations import as_relaxed, fingerprints, relaxed_geometries
from forceladder.validate.relaxed import Relaxed, join_relaxed, read_relaxed
from forceladder.validate.surface import Surface

SETTINGS = {
    "convergence": "GAU_TIGHT", "max_steps": 100, "max_scans_per_molecule": 4,
    "max_minima_per_molecule": 10, "hessian_step_angstrom": 0.005,
}  # fmt: skip
NAMES = ("water", "ethyne", "hydrogen-peroxide", "methanol")
SAME, OTHER = (dict.fromkeys(NAMES, word) for word in ("same", "other"))


def relaxed_by(dataset, method="MMFF94", change=lambda subject: subject, **settings):
    subjects = map(change, method_surfaces(dataset, method))
    return relaxed_geometries(method, subjects, dataset, SETTINGS | settings)


@pytest.fixture(scope="module")
def few(example):
    """Four molecules: of each the minimum with a Hessian, of one the points of a scan."""
    first = row_ranges(example)["conformer"]
    kept = (example["hessian_count"].values > 0) | (example["scan"].values >= 0)
    rows = [example["molecule_id"].values.tolist().index(name) for name in NAMES]
    return select(example, [(m, np.flatnonzero(kept[first[m] : first[m + 1]])) for m in rows])


@pytest.fixture(scope="module")
def mmff(few):
    return relaxed_by(few)


def tables_of(dataset, relaxed) -> dict:
    return {
        "profiles": profile_rows(dataset, scan_profiles(dataset, relaxed)),
        "minima": minimum_rows(dataset, relaxed),
        "frequencies": frequency_rows(dataset, method_spectra(dataset, relaxed)),
    }


def as_reference(dataset, relaxed):
    """The training set with a method's geometries, energies and Hessians for the reference's."""
    changed, ranges = dataset.copy(deep=True), row_ranges(dataset)
    made = Relaxed(dataset, relaxed, 0)
    element = np.cumsum([0, *dataset["hessian_count"].values])
    for m in range(dataset.sizes["molecule"]):
        first, atoms = ranges["conformer"][m], int(dataset["atom_count"].values[m])
        for c in range(first, ranges["conformer"][m + 1]):
            if c not in made:
                continue
            row = ranges["position"][m] + (c - first) * atoms
            changed["positions"].values[row : row + atoms] = made.positions(c)
            changed["energy"].values[c] = made.energy(c)
            matrix = made.hessian(c).ravel()
            changed["hessian"].values[element[c] : element[c] + len(matrix)] = matrix
    return changed


def test_every_minimum_and_point_is_there_once_with_fields_as_they_are_declared(few, mmff):
    np.testing.assert_array_equal(mmff["relaxed_conformer"].values, np.arange(4 + 12))
    for name, field in RELAXED_FIELDS.items():
        assert mmff[name].dims == field.dims
        assert mmff[name].attrs["units"] == field.units
    assert mmff.sizes["relaxed_hessian_element"] == few["hessian_count"].values.sum()
    assert set(mmff["relaxed_reason"].values.ravel()) == {""}


def test_ends_are_stationary_where_nothing_is_held_and_at_their_angle_where_it_is(few, mmff):
    """The method's own gradient and the training set's angles are the judges."""
    made, ranges = Relaxed(few, mmff, 0), row_ranges(few)
    for subject in method_surfaces(few, "MMFF94"):
        for c in range(*ranges["conformer"][subject.index : subject.index + 2]):
            if c not in made:
                continue
            energy, gradient = subject.surface(made.positions(c))
            assert energy == pytest.approx(made.energy(c), abs=1e-9)
            end = mmff["relaxed_torsion"].values[0, made.row[c]]
            if few["scan"].values[c] < 0:
                assert np.abs(gradient).max() < 0.02
                assert np.isnan(end).all()
            else:
                atoms = few["scan_torsions"].values[0, :4]
                assert end[0] == pytest.approx(torsion_angle(made.positions(c)[atoms]))
                turn = end[0] - few["scan_angle"].values[c, 0]
                assert (turn + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-3)


def test_a_method_that_is_its_own_reference_has_no_errors(few, mmff):
    own = as_reference(few, mmff)
    tables = tables_of(own, relaxed_by(own))
    (profile,) = tables["profiles"]
    for name in ("rmse", "barrier_error", "barrier_rmse", "boltzmann_distance", "well_distance"):
        assert profile[name] == pytest.approx(0.0, abs=1e-4), name
    assert profile["minima_shift"] == pytest.approx(0.0, abs=0.11)  # grid of 0.1°
    assert (profile["missing_minima"], profile["spurious_minima"], profile["failed"]) == (0, 0, 0)
    assert [row["rmsd"] for row in tables["minima"]] == pytest.approx([0.0] * 4, abs=1e-3)
    for row in tables["frequencies"]:
        assert row["rmse"] == pytest.approx(0.0, abs=0.5)
        assert row["matched_rmse"] == pytest.approx(0.0, abs=0.5)
        assert row["zero_point_error"] == pytest.approx(0.0, abs=1e-3)
        assert row["imaginary"] == 0


def test_against_qm_there_are_errors_of_the_size_of_the_method(few, mmff):
    """MMFF94's are known: hundredths of an ångström, a hundred wavenumbers."""
    tables = tables_of(few, mmff)
    (profile,) = tables["profiles"]
    assert 0.1 < profile["rmse"] < 2.0 and profile["torsion"] == "H3-O1-O2-H4"
    assert all(0.001 < row["rmsd"] < 0.1 for row in tables["minima"])
    assert all(20.0 < row["rmse"] < 300.0 for row in tables["frequencies"])
    assert [row["modes"] for row in tables["frequencies"]] == [3, 7, 6, 12]  # ethyne is linear


def test_minima_of_one_molecule_are_compared_by_their_energies(few):
    """The same minimum twice, its second copy 1 kcal/mol higher by QM and by nothing else."""
    twice = select(few, [(3, [0, 0])])
    twice["energy"].values[1] += 1.0
    lowest, other = tables_of(twice, relaxed_by(twice))["minima"]
    assert np.isnan(lowest["dde"])
    assert other["dde"] == pytest.approx(-1.0, abs=1e-6)
    rows = {"profiles": [], "minima": [lowest, other], "frequencies": []}
    assert said(rows, "dde")["value"] == pytest.approx(1.0, abs=1e-6)


def test_a_constant_in_the_energy_changes_nothing(few, mmff):
    def raised(subject):
        surface = subject.surface

        def evaluate(x):
            energy, gradient = surface(x)
            return energy + 100.0, gradient

        return subject._replace(surface=Surface(evaluate, surface.system))

    for plain, other in zip(
        tables_of(few, mmff).values(),
        tables_of(few, relaxed_by(few, change=raised)).values(), strict=True,
    ):  # fmt: skip
        for one, two in zip(plain, other, strict=True):
            for name, value in one.items():
                if isinstance(value, float):
                    assert two[name] == pytest.approx(value, abs=2e-2, rel=2e-2, nan_ok=True)


def test_wavenumbers_are_those_of_ases_vibrations_at_the_same_minimum(few, tmp_path):
    """GFN2-xTB: our gradients, relaxation and Hessian against tblite's ASE calculator, displaced
    atom by atom; methanol's torsion is soft, and both leave it a gradient of GAU_TIGHT."""
    methanol = select_molecules(few, [3])
    relaxed = relaxed_by(methanol, "GFN2-xTB")
    (spectrum,) = method_spectra(methanol, relaxed)
    atoms = Atoms(
        methanol["atomic_number"].values, relaxed["relaxed_positions"].values[0],
        calculator=TBLite(method="GFN2-xTB", verbosity=0),
    )  # fmt: skip
    atoms.set_masses(methanol["mass"].values)
    vibrations = Vibrations(atoms, name=tmp_path / "vibrations", delta=0.005)
    vibrations.run()
    data = vibrations.get_vibrations(method="standard")
    expected = np.sort(data.get_frequencies().real)[-12:]
    np.testing.assert_allclose(spectrum.found.ordered, expected, atol=1.5)


# failures are data


def failing(subject):
    """No parameters for water; no gradient of methanol; ethyne's atoms fly apart."""

    def none(x):
        raise MethodError("it gives no number here.")

    def torn(x):
        arrow = x - x.mean(axis=0)
        return -(arrow**2).sum(), -2.0 * arrow

    surfaces = {"water": None, "methanol": Surface(none, None), "ethyne": Surface(torn, None)}
    return subject._replace(surface=surfaces.get(subject.name, subject.surface))


def test_what_fails_is_a_row_with_a_reason(few):
    relaxed = relaxed_by(few, change=failing, max_steps=25)
    tables = tables_of(few, relaxed)
    water, ethyne, peroxide, methanol = tables["minima"]
    assert water["reason"] == NO_PARAMETERS and "rmsd" not in water
    assert methanol["reason"] == "it gives no number here."
    assert "not converged after" in ethyne["reason"]
    assert [row["failed"] for row in tables["minima"]] == [1, 1, 0, 1]
    assert [row["failed"] for row in tables["frequencies"]] == [1, 1, 0, 1]
    assert tables["frequencies"][0]["reason"] == NO_PARAMETERS
    assert peroxide["reason"] == ""
    summary = {
        row["measure"]: row for row in geometry_summary(tables, seed=1) if row["split"] == "train"
    }
    assert summary["failed_minima"]["value"] == pytest.approx(0.75)
    assert summary["minimum_rmsd"]["molecules"] == 2  # ethyne's torn atoms count
    assert summary["frequency_rmse"]["molecules"] == 1


def test_another_molecule_at_the_end_is_said_and_has_no_energy(few):
    """Springs of 3 Å for all bonds: every one of them is broken in their minimum."""

    def long(subject):
        def evaluate(x):
            arrows = x[:, None] - x[None]
            length = np.linalg.norm(arrows, axis=-1) + np.eye(len(x))
            stretch = (length - 3.0) * (1 - np.eye(len(x)))
            gradient = (100.0 * (stretch / length)[..., None] * arrows).sum(axis=1)
            return 25.0 * (stretch**2).sum(), gradient

        return subject._replace(surface=Surface(evaluate, None))

    water = select_molecules(few, [0])
    relaxed = relaxed_by(water, change=long)
    (row,) = tables_of(water, relaxed)["minima"]
    assert row["reason"] == "connectivity changed: O1-H2 broken, O1-H3 broken"
    assert row["failed"] == 1 and row["rmsd"] > 0.5
    assert np.isnan(relaxed["relaxed_hessian"].values).all()


def test_points_that_fail_are_left_out_of_their_profile(few):
    def partly(subject):
        surface = subject.surface

        def evaluate(x):
            if abs(torsion_angle(x[[2, 0, 1, 3]])) < 20.0:
                raise MethodError("not here.")
            return surface(x)

        return subject._replace(surface=Surface(evaluate, None))

    peroxide = select_molecules(few, [2])
    (row,) = tables_of(peroxide, relaxed_by(peroxide, change=partly))["profiles"]
    assert (row["points"], row["failed"]) == (11, 1)
    assert row["reason"] == "1 points: not here."
    assert np.isfinite(row["rmse"])


def test_a_saddle_point_is_left_along_its_imaginary_mode(few):
    """Ethyne on a surface that bends it: where it is linear is a hill, not a minimum."""
    ethyne = select_molecules(few, [1])
    start = molecule_positions(ethyne, 0)[np.argmax(ethyne["hessian_count"].values > 0)]

    def bent(subject):
        plain = subject.surface

        def evaluate(x):
            """MMFF94 and 40 cos² of both angles, lowest at right angles."""
            energy, gradient = plain(x)
            gradient = gradient.copy()
            for h, c, other in ((2, 0, 1), (3, 1, 0)):
                u, v = x[h] - x[c], x[other] - x[c]
                nu, nv = np.linalg.norm(u), np.linalg.norm(v)
                cosine = u @ v / nu / nv
                energy += 40.0 * cosine**2
                du, dv = v / nu / nv - cosine * u / nu**2, u / nu / nv - cosine * v / nv**2
                gradient[h] += 80.0 * cosine * du
                gradient[other] += 80.0 * cosine * dv
                gradient[c] -= 80.0 * cosine * (du + dv)
            return energy, gradient

        return subject._replace(surface=Surface(evaluate, None))

    relaxed = relaxed_by(ethyne, change=bent)
    end = relaxed["relaxed_positions"].values[0]
    arms = end[2] - end[0], end[1] - end[0]
    cosine = arms[0] @ arms[1] / np.linalg.norm(arms[0]) / np.linalg.norm(arms[1])
    assert abs(np.cross(start[2] - start[0], start[1] - start[0])).max() < 0.01  # linear at first
    assert cosine > -0.99
    (row,) = tables_of(ethyne, relaxed)["frequencies"]
    assert row["reason"] == "only the reference's minimum is linear"


# bounds, resuming, methods side by side


def test_settings_bound_what_is_relaxed(few):
    none = relaxed_by(few, max_scans_per_molecule=0, max_minima_per_molecule=0)
    assert none.sizes["relaxation"] == 0
    tables = tables_of(few, none)
    assert tables == {"profiles": [], "minima": [], "frequencies": []}
    assert geometry_summary(tables, seed=1) == []


def test_a_job_that_was_killed_goes_on_where_it_was(few, mmff, tmp_path, caplog):
    def dying(subject):
        if subject.name == "hydrogen-peroxide":
            raise KeyboardInterrupt
        return subject

    surfaces = [*method_surfaces(few, "MMFF94")]
    with pytest.raises(KeyboardInterrupt):
        relaxed_geometries("MMFF94", map(dying, surfaces), few, SETTINGS, tmp_path, SAME)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ethyne.nc", "water.nc"]

    def silent(subject):
        """Nobody may ask again what was answered."""
        return subject._replace(surface=None) if subject.name in ("water", "ethyne") else subject

    again = relaxed_geometries("MMFF94", map(silent, surfaces), few, SETTINGS, tmp_path, SAME)
    xarray.testing.assert_identical(again, mmff)
    other = relaxed_geometries("MMFF94", map(silent, surfaces), few, SETTINGS, tmp_path, OTHER)
    assert other["relaxed_reason"].values[0, 0] == NO_PARAMETERS
    (tmp_path / "water.nc").write_bytes(b"damaged")
    relaxed_geometries("MMFF94", map(silent, surfaces), few, SETTINGS, tmp_path, OTHER)


def test_molecules_that_come_later_leave_what_is_finished(few, mmff, tmp_path):
    """A higher validation.max_molecules: others come in between, and rows move."""
    method = Method("MMFF94", None, None, "code")

    def relaxed(dataset, change=lambda subject: subject):
        subjects = map(change, method_surfaces(dataset, "MMFF94"))
        prints = fingerprints(dataset, method, SETTINGS)
        return relaxed_geometries("MMFF94", subjects, dataset, SETTINGS, tmp_path, prints)

    def silent(subject):
        """Nobody may ask again what was answered."""
        done = subject.name in ("ethyne", "methanol")
        return subject._replace(surface=None) if done else subject

    relaxed(select_molecules(few, [1, 3]))
    xarray.testing.assert_identical(relaxed(few, silent), mmff)


def test_fingerprints_tell_data_methods_code_and_settings_apart(few):
    water, method = select_molecules(few, [0]), Method("MMFF94", None, None, "code")
    moved = water.copy(deep=True)
    moved["positions"].values[0, 0] += 1e-9
    seen = [
        fingerprints(*given)["water"]
        for given in (
            (water, method, SETTINGS),
            (moved, method, SETTINGS),
            (water, method._replace(label="UFF"), SETTINGS),
            (water, method._replace(code="other"), SETTINGS),
            (water, method, SETTINGS | {"max_steps": 99}),
        )
    ]
    assert len(set(seen)) == 5
    assert fingerprints(few, method, SETTINGS)["water"] == seen[0]


def test_files_of_several_methods_are_read_side_by_side(few, mmff, tmp_path):
    uff = relaxed_by(select_molecules(few, [0]), "UFF")
    small = relaxed_by(select_molecules(few, [0]))
    for name, relaxed in (("one", small), ("two", uff)):
        files.write_netcdf(tmp_path / f"{name}.nc", relaxed)
    both = read_relaxed([tmp_path / "one.nc", tmp_path / "two.nc"])
    assert both["method"].values.tolist() == ["MMFF94", "UFF"]
    one = join_relaxed([both.isel(method=[1])])
    np.testing.assert_array_equal(one["relaxed_positions"].values, uff["relaxed_positions"].values)
    with pytest.raises(ValueError):  # relaxations of other molecules
        join_relaxed([mmff, uff])


def test_a_training_set_without_any_is_written_read_and_said_to_be_empty(xtb_set, tmp_path):
    relaxed = relaxed_by(xtb_set)
    files.write_netcdf(tmp_path / "relaxed.nc", relaxed)
    read = read_relaxed([tmp_path / "relaxed.nc"])
    assert read.sizes["relaxation"] == 0 and read["method"].values.tolist() == ["MMFF94"]
    tables = tables_of(xtb_set, read)
    assert not any(tables.values())
    for figure, word in (
        (geometries.plot_profiles([]), "torsion scans"),
        (geometries.plot_minima([]), "minima"),
        (geometries.plot_frequencies([]), "Hessians"),
    ):
        (text,) = figure.axes[0].texts
        assert text.get_text().startswith("no ") and word in text.get_text()


def test_pictures_show_every_method_and_every_scan(few, mmff):
    uff = relaxed_by(few, "UFF")
    both = join_relaxed([mmff, uff])
    profiles = geometries.plot_profiles(scan_profiles(few, both))
    (axis,) = [axis for axis in profiles.axes if axis.get_visible()]
    assert axis.get_title() == "hydrogen-peroxide"
    assert set(axis.get_legend_handles_labels()[1]) == {"MMFF94", "UFF", "QM"}
    minima = geometries.plot_minima(minimum_rows(few, both))
    assert [t.get_text() for t in minima.axes[0].get_yticklabels()] == ["MMFF94", "UFF"]
    frequencies = geometries.plot_frequencies(method_spectra(few, both))
    assert [axis.get_title() for axis in frequencies.axes] == ["MMFF94", "UFF"]
    (dots,) = [line for line in frequencies.axes[0].lines if line.get_marker() == "o"]
    assert len(dots.get_xdata()) == 3 + 7 + 6 + 12


def test_maps_gaps_and_failures_have_pictures(few):
    """A 2-D scan shows the reference; a scan whose points all failed has the reference's alone."""
    one, two = np.meshgrid(np.arange(-180.0, 180.0, 60.0), np.arange(-180.0, 180.0, 60.0))
    grid = np.column_stack([one.ravel(), two.ravel()])
    line = np.arange(-180.0, 180.0, 30.0)[:, None]
    flat, angle = np.zeros(len(grid)), line[:, 0]
    gap = np.where(abs(angle) < 80.0, np.nan, 1.0)
    profiles = [
        ScanProfile("ours", name, "A", Scan(0, 0, None, angles), reference, energies, None)
        for name, angles, reference, energies in (
            ("map", grid, grid.sum(axis=1), flat),
            ("failed", line, angle, np.nan * angle),
            ("gap", line, angle, gap),
        )
    ]
    figure = geometries.plot_profiles(profiles)
    a_map, failed, gap, *_ = figure.axes  # the last one is a colour bar
    assert a_map.collections and not a_map.lines
    assert failed.get_legend_handles_labels()[1] == ["QM"]
    crosses = gap.lines[0]
    assert (crosses.get_marker(), len(crosses.get_xdata())) == ("x", 7)
    water = select_molecules(few, [0])
    nothing = method_spectra(water, relaxed_by(water, change=failing))
    (text,) = geometries.plot_frequencies(nothing).axes[0].texts
    assert "frequency_errors.csv" in text.get_text()


def test_molecules_of_one_method_are_put_together_in_order(mmff):
    parts = [
        {name: mmff[name].values[0] if "method" in field.dims else mmff[name].values
         for name, field in RELAXED_FIELDS.items() if name != "method"}
    ]  # fmt: skip
    xarray.testing.assert_identical(as_relaxed("MMFF94", parts), mmff)


# summary


def rows_of(column, values, table="profiles", method="m", split="test"):
    return {
        "profiles": [], "minima": [], "frequencies": [],
        table: [{"method": method, "molecule": str(m), "split": split, column: v}
                for m, v in values],
    }  # fmt: skip


def said(tables, measure, seed=0):
    (row,) = [row for row in geometry_summary(tables, seed) if row["measure"] == measure]
    return row


def test_summary_pools_squares_of_rmse_and_sizes_of_the_rest():
    rmse = said(rows_of("rmse", [("a", 3.0), ("a", 4.0), ("b", 0.0)]), "profile_rmse")
    assert rmse["value"] == pytest.approx(np.sqrt(25.0 / 3.0))
    assert (rmse["molecules"], rmse["low"], rmse["unit"]) == (2, None, "kcal/mol")
    barrier = said(rows_of("barrier_error", [("a", -3.0), ("b", 1.0)]), "barrier_error")
    assert barrier["value"] == pytest.approx(2.0)
    missing = said(rows_of("rmse", [("a", np.nan)]), "profile_rmse")
    assert (missing["value"], missing["molecules"]) == (None, 0)


def test_intervals_are_over_molecules_and_the_same_for_the_same_seed():
    values = [(m, v) for m in range(12) for v in (1.0 + m, 1.0 + m)]
    row = said(rows_of("dde", values, "minima"), "dde", seed=5)
    assert row["low"] < row["value"] < row["high"]
    assert said(rows_of("dde", values, "minima"), "dde", seed=5) == row
    # two rows of each molecule say no more than one
    single = said(rows_of("dde", values[::2], "minima"), "dde", seed=5)
    assert (row["low"], row["high"]) == pytest.approx((single["low"], single["high"]))


def test_every_measure_is_of_a_column_that_tables_have(few, mmff):
    tables = tables_of(few, mmff)
    known = {name: set().union(*map(set, rows)) for name, rows in tables.items()}
    for measure in MEASURES:
        # no torsion of heavy atoms is in these four
        assert measure.column in known[measure.table] | {"tfd"}, measure
