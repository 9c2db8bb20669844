"""The training set says what the records say, in house units, and survives its file."""

import json
import subprocess
import sys

import numpy as np
import pytest
import qcelemental
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem import AllChem

from conftest import SCRIPTS
from examples import mol_of, qc_molecule, read
from forceladder.errors import CorruptFileError, TooManyFailuresError
from forceladder.fields import FIELDS, TABLES, problems
from forceladder.molecules.topology import ATOM_FEATURES, BOND_FEATURES, topology_arrays
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.training_set.build import build_training_set, topology_dataset
from forceladder.training_set.dataset import (
    join_datasets,
    provenance,
    read_training_set,
    row_ranges,
    select,
    select_conformers,
    select_each,
    select_molecules,
    select_split,
    write_training_set,
)

CODATA = qcelemental.PhysicalConstantsContext("CODATA2018")
ESP = {"shells": [1.4], "points_per_square_angstrom": 0.3}
MOLECULES = [  # SMILES, conformers, with a grid
    ("CC(=O)[O-]", 3, True), ("O", 2, False), ("c1ccoc1", 1, True), ("C#C", 2, True),
    ("CC(=O)NC", 4, False), ("[H][H]", 1, True), ("C", 2, False),
]  # fmt: skip


SCANS = [  # of N-methylacetamide: its place in the records → scan; there is no scan 1
    None,
    {"index": 0, "torsions": [[0, 1, 3, 4]], "spacing_degrees": [15], "angles_degrees": [-15.0]},
    {"index": 2, "torsions": [[0, 1, 3, 4], [2, 1, 3, 4]], "spacing_degrees": [30, 30],
     "angles_degrees": [60.0, 180.0]},
    {"index": 0, "torsions": [[0, 1, 3, 4]], "spacing_degrees": [15], "angles_degrees": [180.0]},
]  # fmt: skip


def symmetric(random, size) -> np.ndarray:
    matrix = random.normal(size=(size, size))
    return matrix + matrix.T


def entry(smiles, count, with_grid, spec):
    """A molecule and `count` records of random numbers, Hartree and Bohr.

    Those with a grid have quadrupoles and bond orders as well, and the first one a Hessian.
    """
    random = np.random.default_rng([len(smiles), count])
    mol = mol_of(smiles)
    AllChem.EmbedMolecule(mol, randomSeed=1)
    positions = mol.GetConformer().GetPositions()
    spec = {**spec, "esp": ESP if with_grid else None}
    records = []
    for i in range(count):
        kind, temperature = ("sampled", 300.0) if i else ("conformer", 0.0)
        shaken = positions + random.normal(scale=0.05, size=positions.shape)
        molecule = qc_molecule(smiles, shaken, kind, temperature)
        if smiles == "CC(=O)NC" and SCANS[i]:
            molecule["extras"]["scan"] = SCANS[i]
        task = make_task(molecule, spec, "tblite 0.8.0")
        points = len(task["esp_grid"] or []) // 3
        result = {
            "success": True, "energy": -100 * random.random(), "wall_seconds": 1.0,
            "cpu_seconds": 1.0, "gradient": random.normal(size=positions.size).tolist(),
            "dipole": random.normal(size=3).tolist(),
        }  # fmt: skip
        if points:
            result["esp"] = random.normal(size=points).tolist()
            result["quadrupole"] = symmetric(random, 3).ravel().tolist()
            result["wiberg_bond_orders"] = symmetric(random, len(positions)).ravel().tolist()
        records.append(make_record(task, molecule, result))
        if points and i == 0:
            hessian = symmetric(random, positions.size).ravel().tolist()
            records[-1]["extras"]["forceladder"]["hessian"] = hessian
    split = ("train", "validation", "test")[len(smiles) % 3]
    return {**read(smiles), "id": f"m-{count}-{len(smiles)}", "split": split}, records


@pytest.fixture(scope="module")
def entries(xtb_spec):
    return [entry(*molecule, xtb_spec) for molecule in MOLECULES]


@pytest.fixture(scope="module")
def dataset(entries):
    dataset, rejected = build_training_set(entries, min_conformers=1, provenance={"who": "test"})
    assert rejected == []
    return dataset


def test_what_a_record_does_not_hold_is_unknown(xtb_spec):
    """An energy alone, as records of others may be: no gradient, no dipole, nothing invented."""
    molecule, (record,) = entry("CCO", 1, False, xtb_spec)
    energy = record["properties"]["return_energy"]
    record |= {"driver": "energy", "return_result": energy}
    del record["properties"]["scf_dipole_moment"]
    dataset, _ = build_training_set([(molecule, [record])], 1, {})
    for name in ("gradients", "dipole", "quadrupole", "bond_orders", "scan_angle"):
        assert np.isnan(dataset[name].values).all(), name
    assert dataset["energy"].values[0] / energy == pytest.approx(627.5094740631)
    assert np.isfinite(dataset["positions"].values).all()


def test_built_dataset_departs_from_fields_in_nothing(dataset):
    assert problems(dataset) == []
    assert provenance(dataset) == {"who": "test"}


def test_numbers_are_the_records_in_house_units(entries, dataset):
    kcal = CODATA.conversion_factor("hartree", "kcal/mol")
    angstrom = CODATA.conversion_factor("bohr", "angstrom")
    records = [record for _, records in entries for record in records]

    def flat(values):
        return np.concatenate([np.ravel(value) for value in values])

    ours = [record["extras"]["forceladder"] for record in records]
    expected = {
        "energy": kcal * flat(r["properties"]["return_energy"] for r in records),
        "positions": angstrom * flat(r["molecule"]["geometry"] for r in records),
        "gradients": kcal / angstrom * flat(r["return_result"] for r in records),
        "dipole": angstrom * flat(r["properties"]["scf_dipole_moment"] for r in records),
        "grid_positions": angstrom * flat(o.get("esp_grid", []) for o in ours),
        "esp": kcal * flat(o.get("esp", []) for o in ours),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(dataset[name].values.ravel(), values, rtol=2e-9, err_msg=name)
    assert dataset["record_digest"].values.tolist() == [o["task_digest"] for o in ours]


def rows_of(dataset, name, molecule) -> np.ndarray:
    """The values of a field that belong to one molecule."""
    first = row_ranges(dataset)[FIELDS[name].dims[0]]
    return dataset[name].values[first[molecule] : first[molecule + 1]]


def test_quadrupoles_and_bond_orders_are_the_records_or_unknown(entries, dataset):
    """Six second moments of nine, and the orders of the bonds alone."""
    square = CODATA.conversion_factor("bohr**2", "angstrom**2")
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    for row, (_, records) in enumerate(entries):
        bonds = rows_of(dataset, "bond_atoms", row)
        quadrupoles = rows_of(dataset, "quadrupole", row)
        orders = rows_of(dataset, "bond_orders", row).reshape(len(records), len(bonds))
        for k, record in enumerate(records):
            moments = record["properties"].get("scf_quadrupole_moment")
            wiberg = record["extras"]["forceladder"].get("wiberg_bond_orders")
            assert (moments is None) == (wiberg is None) == (not MOLECULES[row][2])
            if moments is None:
                assert np.isnan(quadrupoles[k]).all() and np.isnan(orders[k]).all()
                continue
            expected = [square * moments[3 * i + j] for i, j in pairs]
            np.testing.assert_allclose(quadrupoles[k], expected, rtol=2e-9)
            atoms = len(record["molecule"]["symbols"])
            np.testing.assert_array_equal(orders[k], [wiberg[i * atoms + j] for i, j in bonds])


def test_hessians_are_the_records_or_absent(entries, dataset):
    kcal = CODATA.conversion_factor("hartree", "kcal/mol")
    factor = kcal / CODATA.conversion_factor("bohr**2", "angstrom**2")
    for row, (_, records) in enumerate(entries):
        stored = [record["extras"]["forceladder"].get("hessian", []) for record in records]
        counts = rows_of(dataset, "hessian_count", row)
        assert counts.tolist() == [len(matrix) for matrix in stored]
        assert set(counts) <= {0, 9 * dataset["atom_count"].values[row] ** 2}
        np.testing.assert_allclose(
            rows_of(dataset, "hessian", row), factor * np.concatenate(stored), rtol=2e-9
        )
    assert (dataset["hessian_count"].values > 0).sum() == 4


def test_points_of_scans_know_their_scan_and_place(dataset):
    row = [smiles for smiles, *_ in MOLECULES].index("CC(=O)NC")
    assert dataset["scan_count"].values.tolist() == [3 if k == row else 0 for k in range(7)]
    assert rows_of(dataset, "scan_torsions", row).tolist() == [
        [0, 1, 3, 4, -1, -1, -1, -1], [-1] * 8, [0, 1, 3, 4, 2, 1, 3, 4]
    ]  # fmt: skip
    assert rows_of(dataset, "scan", row).tolist() == [-1, 0, 2, 0]
    np.testing.assert_array_equal(
        rows_of(dataset, "scan_angle", row),
        [[np.nan, np.nan], [-15.0, np.nan], [60.0, 180.0], [180.0, np.nan]],
    )
    others = np.delete(dataset["scan"].values, np.flatnonzero(dataset["scan"].values >= 0))
    assert (others == -1).all()
    assert np.isfinite(dataset["scan_angle"].values).sum() == 4


def test_what_a_source_may_not_know_is_all_that_is_unknown(dataset):
    """NaN in the fields whose meaning says so, and in no other."""
    for name, field in FIELDS.items():
        if field.dtype.startswith("float") and np.isnan(dataset[name].values).any():
            assert "NaN" in field.meaning, name


def test_energy_alone_leaves_the_gradient_unknown(entries):
    molecule, records = entries[0]
    alone = [record | {"driver": "energy", "return_result": -1.0} for record in records]
    dataset, _ = build_training_set([(molecule, alone)], 1, {})
    assert np.isnan(dataset["gradients"].values).all()
    assert dataset.sizes["position"] == 7 * len(records)


def test_counts_add_up_to_the_lengths_of_what_they_count(dataset):
    for table in ("atom", *TABLES, "conformer", "scan"):
        assert dataset[f"{table}_count"].values.sum() == dataset.sizes[table]
    assert dataset["grid_count"].values.sum() == dataset.sizes["grid_point"]
    assert dataset["hessian_count"].values.sum() == dataset.sizes["hessian_element"]
    bonds = (dataset["bond_count"] * dataset["conformer_count"]).values.sum()
    assert bonds == dataset.sizes["conformer_bond"]
    positions = (dataset["atom_count"] * dataset["conformer_count"]).values.sum()
    assert positions == dataset.sizes["position"]
    for dim, first in row_ranges(dataset).items():
        assert first[0] == 0
        assert first[-1] == dataset.sizes[dim]


def test_each_molecule_has_its_own_topology(entries, dataset):
    ranges = row_ranges(dataset)
    for row, (molecule, records) in enumerate(entries):
        expected = topology_arrays(mol_of(MOLECULES[row][0]))
        for name, values in expected.items():
            first = ranges[FIELDS[name].dims[0]]
            ours = dataset[name].values[first[row] : first[row + 1]]
            np.testing.assert_array_equal(ours, values.astype(ours.dtype).reshape(ours.shape))
        assert dataset["molecule_id"].values[row] == molecule["id"]
        assert dataset["conformer_count"].values[row] == len(records)
        for table in TABLES:
            atoms = dataset[f"{table}_atoms"].values[ranges[table][row] : ranges[table][row + 1]]
            assert (atoms < dataset["atom_count"].values[row]).all()


def test_names_of_features_travel_with_them(dataset):
    assert dataset["atom_features"].attrs["names"].split() == list(ATOM_FEATURES)
    assert dataset["bond_features"].attrs["names"].split() == list(BOND_FEATURES)


# file


def test_file_gives_back_every_bit(tmp_path, dataset):
    write_training_set(dataset, tmp_path / "training_set.nc")
    again = read_training_set(tmp_path / "training_set.nc")
    xarray.testing.assert_identical(again, dataset)


@pytest.mark.parametrize("smiles", ["O", "[H][H]", "C"])
def test_molecule_with_empty_tables_survives_its_file(tmp_path, xtb_spec, smiles):
    """Water has no torsion, hydrogen not even an angle; dims of length zero are kept."""
    dataset, _ = build_training_set([entry(smiles, 1, False, xtb_spec)], 1, {})
    write_training_set(dataset, tmp_path / "training_set.nc")
    xarray.testing.assert_identical(read_training_set(tmp_path / "training_set.nc"), dataset)


def test_file_is_plain_hdf5_with_units(tmp_path, dataset):
    """A reader without xarray: h5py alone."""
    h5py = pytest.importorskip("h5py")
    write_training_set(dataset, tmp_path / "training_set.nc")
    with h5py.File(tmp_path / "training_set.nc") as file:
        np.testing.assert_array_equal(file["gradients"][:], dataset["gradients"].values)
        assert file["gradients"].attrs["units"] == "kcal/mol/angstrom"
        assert file["molecule_id"].asstr()[:].tolist() == dataset["molecule_id"].values.tolist()
        assert json.loads(file.attrs["provenance"]) == {"who": "test"}


def test_dataset_with_a_wrong_unit_is_not_written(tmp_path, dataset):
    wrong = dataset.copy()
    wrong["energy"] = wrong["energy"].assign_attrs(units="hartree")
    with pytest.raises(ValueError, match="energy is in hartree, should be in kcal/mol"):
        write_training_set(wrong, tmp_path / "training_set.nc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_cut_file_is_named(tmp_path, dataset, part):
    path = tmp_path / "training_set.nc"
    write_training_set(dataset, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CorruptFileError, match=r"training_set\.nc .*delete it"):
        read_training_set(path)


def test_file_of_an_older_layout_is_named_with_its_departures(tmp_path, dataset):
    path = tmp_path / "training_set.nc"
    dataset.drop_vars("dipole").rename(energy="energies").to_netcdf(path, engine="h5netcdf")
    with pytest.raises(CorruptFileError) as caught:
        read_training_set(path)
    for words in ("energy is missing", "dipole is missing", "energies is not in fields.py"):
        assert words in str(caught.value)


# selections


@given(st.lists(st.integers(0, len(MOLECULES) - 1), unique=True))
def test_selected_molecules_are_those_built_from_their_entries_alone(entries, dataset, rows):
    selected = select_molecules(dataset, rows)
    if rows:
        alone, _ = build_training_set([entries[row] for row in rows], 1, {"who": "test"})
        xarray.testing.assert_identical(selected, alone)
    else:
        assert selected.sizes["position"] == selected.sizes["molecule"] == 0
        assert problems(selected) == []


@given(st.permutations(range(len(MOLECULES))))
def test_reordering_there_and_back_is_the_identity(dataset, order):
    there = select_molecules(dataset, order)
    xarray.testing.assert_identical(select_molecules(there, np.argsort(order)), dataset)


@given(st.data())
@settings(max_examples=15)
def test_selected_conformers_are_those_built_from_their_records_alone(entries, dataset, data):
    """Molecules that keep none stay, with a count of zero; so do scans."""
    keep = [
        data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
        for _, records in entries
    ]
    selected = select_conformers(dataset, np.concatenate(keep))
    assert problems(selected) == []
    assert selected["conformer_count"].values.tolist() == [sum(mask) for mask in keep]
    kept = [row for row, mask in enumerate(keep) if any(mask)]
    if kept:
        fewer = [
            (entries[row][0], [r for r, one in zip(entries[row][1], keep[row], strict=True) if one])
            for row in kept
        ]
        alone, _ = build_training_set(fewer, 1, {"who": "test"})
        scans = ["scan_count", "scan_torsions"]
        xarray.testing.assert_identical(
            select_molecules(selected, kept).drop_vars(scans), alone.drop_vars(scans)
        )
    for name in ("scan_count", "scan_torsions"):
        np.testing.assert_array_equal(selected[name].values, dataset[name].values)


@st.composite
def picks(draw, repeated=True):
    """Molecules with conformers of theirs, in any order."""
    rows = draw(st.lists(st.integers(0, len(MOLECULES) - 1), min_size=1, unique=not repeated))
    return [
        (row, draw(st.none() | st.lists(st.integers(0, MOLECULES[row][1] - 1), unique=True)))
        for row in rows
    ]


@given(picks())
@settings(max_examples=30)
def test_picked_conformers_are_those_of_the_records_in_the_order_asked_for(
    entries, dataset, chosen
):
    """Molecules twice, conformers backwards or none: each pick is a molecule of the selection."""
    selected = select(dataset, chosen)
    assert problems(selected) == []
    assert selected["molecule_id"].values.tolist() == [entries[row][0]["id"] for row, _ in chosen]
    for place, (row, kept) in enumerate(chosen):
        records = entries[row][1]
        wanted = records if kept is None else [records[k] for k in kept]
        digests = [record["extras"]["forceladder"]["task_digest"] for record in wanted]
        assert rows_of(selected, "record_digest", place).tolist() == digests
        assert selected["conformer_count"].values[place] == len(wanted)
        if wanted:
            alone, _ = build_training_set([(entries[row][0], wanted)], 1, {"who": "test"})
            for name, field in FIELDS.items():
                if field.dims[0] != "molecule" and not name.startswith("scan"):
                    np.testing.assert_array_equal(
                        rows_of(selected, name, place), alone[name].values, err_msg=name
                    )


@given(picks(repeated=False))
@settings(max_examples=10)
def test_selecting_from_a_selection_is_selecting_from_the_whole(dataset, chosen):
    part = select(dataset, chosen)
    again = [(place, range(part["conformer_count"].values[place])) for place in range(len(chosen))]
    xarray.testing.assert_identical(select(part, again), part)


def test_every_list_of_picks_is_a_selection_of_its_own(dataset):
    lists = [[(0, [2, 0])], [(6, None), (4, [1])], [(4, []), (0, [1])]]
    for found, chosen in zip(select_each(dataset, lists), lists, strict=True):
        xarray.testing.assert_identical(found, select(dataset, chosen))


def test_selections_share_out_every_number_of_the_set(dataset):
    """Two halves of each molecule: joined, they hold each of its rows once."""
    halves = [
        select(dataset, [(row, range(part, n, 2)) for row, (_, n, _) in enumerate(MOLECULES)])
        for part in (0, 1)
    ]
    for dim in ("conformer", "position", "grid_point", "hessian_element", "conformer_bond"):
        assert sum(half.sizes[dim] for half in halves) == dataset.sizes[dim]
    for name in ("energy", "positions", "esp", "hessian", "bond_orders"):
        both = np.concatenate([half[name].values.ravel() for half in halves])
        np.testing.assert_array_equal(np.sort(both), np.sort(dataset[name].values.ravel()))


@given(st.lists(st.integers(0, len(MOLECULES) - 1), unique=True), st.integers(0, len(MOLECULES)))
def test_joining_the_parts_of_a_set_gives_the_set(dataset, rows, cut):
    """Empty parts included."""
    parts = [select_molecules(dataset, rows[:cut]), select_molecules(dataset, rows[cut:])]
    joined = join_datasets(parts, {"who": "test"})
    xarray.testing.assert_identical(joined, select_molecules(dataset, rows))


def test_splits_share_no_molecule_and_lose_none(dataset):
    parts = [select_split(dataset, split) for split in ("train", "validation", "test")]
    ids = [name for part in parts for name in part["molecule_id"].values]
    assert sorted(ids) == sorted(dataset["molecule_id"].values)
    assert sum(part.sizes["position"] for part in parts) == dataset.sizes["position"]
    assert all(part.sizes["molecule"] for part in parts)


# molecules that are left out


def test_molecule_with_too_few_records_is_left_out_by_name(entries):
    dataset, rejected = build_training_set(entries, min_conformers=2, provenance={})
    few = [molecule["id"] for molecule, records in entries if len(records) < 2]
    assert [line["id"] for line in rejected] == few
    assert {line["code"] for line in rejected} == {"too_few_records"}
    assert "1 accepted QM records, fewer than training_set.min_conf" in rejected[0]["reason"]
    assert set(few).isdisjoint(dataset["molecule_id"].values)


def test_training_set_of_nothing_is_an_error_that_says_why(entries):
    with pytest.raises(TooManyFailuresError, match=r"fewer than training_set\.min_conformers 99"):
        build_training_set(entries, min_conformers=99, provenance={})
    with pytest.raises(TooManyFailuresError, match="no molecule has data enough"):
        build_training_set([], min_conformers=1, provenance={})


# bare machines


def test_topology_alone_is_a_training_set_without_conformers(entries, dataset):
    bare = topology_dataset([molecule for molecule, _ in entries])
    assert problems(bare) == []
    assert bare.sizes["conformer"] == bare.sizes["position"] == bare.sizes["grid_point"] == 0
    for name in ("atom_features", "bond_atoms", "torsion_atoms", "mapped_smiles"):
        np.testing.assert_array_equal(bare[name].values, dataset[name].values)


def test_reading_a_training_set_needs_no_chemistry_package(tmp_path, dataset):
    """A GPU machine has numpy, xarray and an HDF5 reader."""
    write_training_set(dataset, tmp_path / "training_set.nc")
    path = str(tmp_path / "training_set.nc")
    program = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
for package in ("rdkit", "qcelemental", "ase", "tblite", "dftd3", "torch", "dgl", "openff"):
    sys.modules[package] = None  # importing it raises ImportError
from forceladder.training_set.dataset import read_training_set
assert read_training_set({path!r}).sizes["molecule"] == {len(MOLECULES)}
"""
    subprocess.run([sys.executable, "-c", program], check=True)
