"""Rows of a molecule file are read or refused by name; shards are stable."""

import bz2
import gzip
import hashlib
import json
import lzma
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import SMILES
from forceladder.errors import ConfigError
from forceladder.molecules.listing import estimated_cost, molecule_rows, plan_shards


def rows_of(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return molecule_rows(path)


# QCSubmit datasets


def dataset_text(*entries) -> str:
    """entries: pairs of an index and a SMILES."""
    return json.dumps(
        {
            "type": "DataSet",
            "dataset": {
                index: {"attributes": {"canonical_isomeric_smiles": smiles}}
                for index, smiles in entries
            },
        }
    )


@pytest.mark.parametrize("suffix", ["", ".xz", ".bz2", ".gz"])
def test_molecules_of_a_qcsubmit_dataset_are_rows_by_name_or_number(tmp_path, suffix):
    """Indices that are SMILES, or differ by case alone, are no file names; twins are one row."""
    text = dataset_text(
        ("ethanol", "CCO"), ("CC(=O)O", "CC(=O)O"), ("Ethanol", "CO"), ("again", "CCO"), ("w", "O")
    )
    pack = {"": bytes, ".xz": lzma.compress, ".bz2": bz2.compress, ".gz": gzip.compress}[suffix]
    assert rows_of(tmp_path, f"a.json{suffix}", pack(text.encode())) == [
        {"id": "ethanol", "line": 1, "source": "CCO", "format": "smiles"},
        {"id": "entry-2", "line": 2, "source": "CC(=O)O", "format": "smiles"},
        {"id": "entry-3", "line": 3, "source": "CO", "format": "smiles"},
        {"id": "w", "line": 5, "source": "O", "format": "smiles"},
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", "{", r"a\.json is no QCSubmit dataset"),
        ("a.json", "[]", r"a\.json is no QCSubmit dataset"),
        ("a.json", '{"dataset": {"a": {}}}', r"is no QCSubmit dataset \(KeyError\('attributes'\)"),
        ("a.json", '{"dataset": {}}', r"a\.json holds no molecule"),
        ("a.json.xz", "{}", r"a\.json\.xz is damaged"),
        ("a.json.gz", "{}", r"a\.json\.gz is damaged"),
        ("a.json.bz2", "{}", r"a\.json\.bz2 cannot be read"),
        ("a.json.xz", lzma.compress(b"{}" * 99)[:-9], r"a\.json\.xz is damaged"),
        ("a.json.txt", "{}", r"must end in one of \.csv, \.smi, \.sdf, \.json"),
    ],
)
def test_what_is_no_qcsubmit_dataset_is_refused_by_name(tmp_path, name, content, complaint):
    with pytest.raises(ConfigError, match=complaint):
        rows_of(tmp_path, name, content)


# csv


def test_csv_rows_carry_their_columns_and_lines(tmp_path):
    text = "id,smiles,charge,split\nacetate, CC(=O)[O-] ,-1,test\n\n,C,,\n"
    assert rows_of(tmp_path, "a.csv", text) == [
        {"id": "acetate", "line": 2, "source": "CC(=O)[O-]", "format": "smiles",
         "charge": "-1", "split": "test"},
        {"id": "line-4", "line": 4, "source": "C", "format": "smiles"},
    ]  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_of_any_editor_is_read_alike(tmp_path, newline, mark):
    text = mark + newline.join(["id,smiles", "a,CCO", "b,C", ""])
    assert [row["source"] for row in rows_of(tmp_path, "a.csv", text)] == ["CCO", "C"]


def test_row_without_smiles_is_kept_for_its_rejection(tmp_path):
    (row,) = rows_of(tmp_path, "a.csv", "id,smiles\nghost,\n")
    assert row == {"id": "ghost", "line": 2, "source": "", "format": "smiles"}


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("id,smile\na,C\n", r"unknown column \['smile'\]"),
        ("id,split\na,train\n", "no column 'smiles'"),
        ("id,smiles\n", "holds no molecule"),
        ("", "no column 'smiles'"),
        ("id,smiles\na,C,train\n", "line 2 has more fields than the 2 columns"),
        ("id,smiles\na,C\nb,CC\nA,CCC\n", r"line 4: id 'A' was given before, in line 2"),
        ("id,smiles\n../a,C\n", "line 2: id '..-a' cannot be a file name"),
        ("id,smiles\n.a,C\n", "cannot be a file name"),
        (f"id,smiles\n{'a' * 81},C\n", "at most 80"),
        ("id,smiles,split\na,C,training\n", "split 'training' is not one of train, validation"),
        ("id,smiles,charge\na,C,neutral\n", "charge 'neutral' is not a whole number"),
        ("id,smiles,multiplicity\na,C,1.5\n", "multiplicity '1.5' is not a whole number"),
        ('id,smiles\n"a,C\nb,CC\n', "stray quote"),
        ("id,smiles\nméthane,C\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_file_that_is_wrong_as_a_whole_is_refused_with_the_place(tmp_path, text, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        rows_of(tmp_path, "molecules.csv", text)
    assert "molecules.csv" in str(caught.value)


def test_missing_file_and_unknown_suffix_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read: No such file"):
        molecule_rows(tmp_path / "none.csv")
    with pytest.raises(ConfigError, match=r"must end in one of \.csv, \.smi, \.sdf"):
        molecule_rows(tmp_path / "molecules.xlsx")


# smi and sdf


def test_smi_rows_are_smiles_then_name(tmp_path):
    text = "# a comment\nCCO ethanol\n\nC\tmethane\nCC\n"
    rows = rows_of(tmp_path, "a.smi", text)
    assert [(row["source"], row["id"], row["line"]) for row in rows] == [
        ("CCO", "ethanol", 2), ("C", "methane", 4), ("CC", "line-5", 5),
    ]  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("v3000", [False, True])
def test_sdf_rows_begin_where_their_mol_blocks_do(tmp_path, newline, v3000):
    text = ""
    for name, smiles in (("ethanol", "CCO"), ("", "C"), ("acetate", "CC(=O)[O-]")):
        mol = Chem.MolFromSmiles(smiles)
        mol.SetProp("_Name", name)
        text += Chem.MolToMolBlock(mol, forceV3000=v3000) + "> <note>\nno\n\n$$$$\n"
    rows = rows_of(tmp_path, "a.sdf", text.replace("\n", newline))
    lines = text.splitlines()
    starts = [1, *(i + 2 for i, line in enumerate(lines[:-1]) if line == "$$$$")]
    assert [row["line"] for row in rows] == starts
    assert [row["id"] for row in rows] == ["ethanol", f"line-{starts[1]}", "acetate"]
    assert [Chem.MolFromMolBlock(row["source"]).GetNumAtoms() for row in rows] == [3, 1, 4]


# costs and shards


@pytest.mark.parametrize("smiles", [*SMILES, "[nH]1cccc1", "C[Si](C)(C)Cl", "[13CH4]", "C%10CC%10"])
@pytest.mark.parametrize("form", ["smiles", "hydrogens", "V2000", "V3000"])
def test_cost_counts_the_heavy_atoms_that_rdkit_counts(smiles, form):
    mol = Chem.MolFromSmiles(smiles)
    heavy = max(mol.GetNumHeavyAtoms(), 1)
    source = smiles
    if form != "smiles":
        mol = Chem.AddHs(mol)
        AllChem.Compute2DCoords(mol)
        source = Chem.MolToMolBlock(mol, forceV3000=form == "V3000")
    if form == "hydrogens":
        source = Chem.MolToSmiles(mol, allBondsExplicit=True)
    row = {"source": source, "format": "sdf" if form.startswith("V") else "smiles"}
    assert estimated_cost(row) == pytest.approx(heavy**2.4, rel=1e-12)


rows = st.lists(
    st.tuples(st.integers(0, 9999), st.integers(1, 40)), min_size=1, max_size=60,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [
    {"id": f"m{number}", "source": "C" * heavy, "format": "smiles"} for number, heavy in pairs
])  # fmt: skip
costs = st.floats(min_value=1.0, max_value=1e5)


@given(rows, costs)
def test_every_row_is_in_exactly_one_shard(rows, cost_per_shard):
    shards = plan_shards(rows, cost_per_shard)
    placed = [row["id"] for members in shards.values() for row in members]
    assert sorted(placed) == sorted(row["id"] for row in rows)
    assert all(shards.values())


@given(rows, costs, st.randoms(use_true_random=False))
def test_shards_do_not_depend_on_the_order_of_rows(rows, cost_per_shard, random):
    def ids(shards):
        return {name: {row["id"] for row in members} for name, members in shards.items()}

    shuffled = random.sample(rows, len(rows))
    assert ids(plan_shards(shuffled, cost_per_shard)) == ids(plan_shards(rows, cost_per_shard))


@given(rows, costs)
def test_rows_of_one_shard_cost_alike(rows, cost_per_shard):
    for members in plan_shards(rows, cost_per_shard).values():
        cost = [estimated_cost(row) for row in members]
        assert int(max(cost)).bit_length() == int(min(cost)).bit_length()


def class_sizes(rows, cost_per_shard):
    """Shards that each class of cost was dealt into, recomputed from the documented rule."""
    totals, counts = {}, {}
    for row in rows:
        cost_class = int(estimated_cost(row)).bit_length()
        totals[cost_class] = totals.get(cost_class, 0.0) + estimated_cost(row)
        counts[cost_class] = counts.get(cost_class, 0) + 1
    return {
        cost_class: min(
            2 ** max(math.ceil(math.log2(total / cost_per_shard)), 0),
            2 ** math.ceil(math.log2(counts[cost_class])),
        )
        for cost_class, total in totals.items()
    }


@given(rows, costs, st.integers(1, 40))
def test_added_row_changes_its_own_shard_alone_unless_its_class_doubles(rows, cost, heavy):
    new = {"id": "new", "source": "C" * heavy, "format": "smiles"}
    before, after = plan_shards(rows, cost), plan_shards([*rows, new], cost)
    own = f"c{int(estimated_cost(new)).bit_length():02d}-"
    doubled = any(
        class_sizes([*rows, new], cost)[k] != size for k, size in class_sizes(rows, cost).items()
    )
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert all(name.startswith(own) for name in changed)
    if not doubled:
        assert len(changed) == 1


@given(st.integers(1, 300), st.integers(1, 20))
def test_shards_of_many_equal_rows_have_about_the_cost_asked_for(count, heavy):
    rows = [{"id": f"m{i}", "source": "C" * heavy, "format": "smiles"} for i in range(count)]
    cost = 10 * estimated_cost(rows[0])
    shards = plan_shards(rows, cost)
    assert len(shards) <= 2 ** max(math.ceil(math.log2(count / 10)), 0)
    assert len(shards) >= min(count / 10, 2 ** math.floor(math.log2(count / 10 + 1)) / 2)


@given(rows, costs, st.integers(1, 40))
def test_shards_are_no_more_than_allowed_but_for_one_of_each_class(rows, cost, most):
    shards = plan_shards(rows, cost, most)
    classes = {name.split("-")[0] for name in shards}
    assert len(shards) <= max(most, len(classes))
    assert sorted(row["id"] for members in shards.values() for row in members) == sorted(
        row["id"] for row in rows
    )


@given(rows, costs, st.integers(1, 40))
def test_a_limit_that_is_kept_anyway_changes_no_shard(rows, cost, more):
    dealt = sum(class_sizes(rows, cost).values())
    assert plan_shards(rows, cost, dealt + more - 1) == plan_shards(rows, cost)


@given(rows, costs, st.integers(1, 40), st.integers(1, 40))
def test_shards_under_a_limit_are_those_without_it_joined(rows, cost, most, heavy):
    """So whoever raises or lowers the limit splits or joins shards, and deals none anew."""
    free, bound = plan_shards(rows, cost), plan_shards(rows, cost, most)
    home = {row["id"]: name for name, members in bound.items() for row in members}
    for members in free.values():
        assert len({home[row["id"]] for row in members}) == 1


def test_at_the_limit_ten_thousand_molecules_and_one_more_share_nearly_all_shards():
    """Seven classes of cost, four times too many shards: a new molecule changes one shard."""
    rows = [
        {"id": f"m{i}", "source": "C" * (4 + i % 18), "format": "smiles"} for i in range(10_000)
    ]
    before = plan_shards(rows, 2000.0, 500)
    assert 250 < len(before) <= 500
    cost = [sum(map(estimated_cost, members)) for members in before.values()]
    assert max(cost) < 6 * statistics.mean(cost)
    for heavy in range(4, 22):
        new = {"id": "new", "source": "C" * heavy, "format": "smiles"}
        after = plan_shards([*rows, new], 2000.0, 500)
        assert sum(before.get(name) != after.get(name) for name in before | after) == 1


def test_shard_of_a_row_follows_from_the_hash_of_its_id():
    """The same on every machine and in every Python: the name is checked with sha256sum."""
    rows = [{"id": f"m{i}", "source": "C", "format": "smiles"} for i in range(4)]
    shards = plan_shards(rows, cost_per_shard=1.0)
    for name, members in shards.items():
        for row in members:
            hashed = int(hashlib.sha256(row["id"].encode()).hexdigest()[:16], 16)
            assert name == f"c01-{hashed % 4:04d}"
