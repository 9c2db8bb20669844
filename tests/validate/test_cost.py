"""Costs, against work of known length and bills worked out by hand."""

import time

import numpy as np
import pytest

from examples import mol_of
from forceladder.errors import MissingProgramError
from forceladder.training_set.dataset import select
from forceladder.validate.cost import (
    ENERGY_AND_FORCE,
    MD_STEP,
    chosen_molecules,
    growth_exponent,
    ledger_costs,
    measured_costs,
)
from forceladder.validate.methods import Subject
from forceladder.validate.plots.cost import plot_cost
from forceladder.validate.surface import python_surface
from forceladder.validate.timing import alternating_seconds


def work(milliseconds: float):
    """Take so much CPU time."""
    end = time.process_time() + milliseconds / 1e3
    while time.process_time() < end:
        pass


def busy_surface(smiles: str, milliseconds: float):
    """A surface that takes so much CPU time."""
    mol = mol_of(smiles)

    def evaluate(positions):
        work(milliseconds)
        return 0.0, np.zeros((mol.GetNumAtoms(), 3))

    return python_surface(mol, evaluate)


@pytest.fixture(scope="module")
def small(xtb_set):
    return select(xtb_set, [(0, [0]), (1, [0])])


def subjects(dataset, milliseconds):
    for m, smiles in enumerate(dataset["mapped_smiles"].values):
        surface = None if milliseconds[m] is None else busy_surface(smiles, milliseconds[m])
        yield Subject(m, str(dataset["molecule_id"].values[m]), None, surface)


def absent():
    raise MissingProgramError("not here.")
    yield


def test_work_of_known_length_costs_what_it_takes(small):
    methods = {"MMFF94": subjects(small, [2.0, 4.0]), "UFF": subjects(small, [6.0, None])}
    rows = measured_costs(small, methods | {"GFN2-xTB": absent()}, rounds=5)
    found = {(r["method"], r["molecule"], r["what"]): r for r in rows}
    one, two = small["molecule_id"].values.tolist()
    assert len(found) == len(rows) == 12
    for method, molecule, expected in (
        ("MMFF94", one, 2.0),
        ("MMFF94", two, 4.0),
        ("UFF", one, 6.0),
    ):
        for what in (ENERGY_AND_FORCE, MD_STEP):
            row = found[method, molecule, what]
            assert row["milliseconds"] == pytest.approx(expected, rel=0.3)
            assert row["low"] <= row["milliseconds"] <= row["high"]
            assert (
                row["atoms"]
                == mol_of(
                    dict(zip((one, two), small["mapped_smiles"].values, strict=True))[molecule]
                ).GetNumAtoms()
            )
    for method, molecule in (("UFF", two), ("GFN2-xTB", one), ("GFN2-xTB", two)):
        assert np.isnan(found[method, molecule, ENERGY_AND_FORCE]["milliseconds"])
    assert [r["method"] for r in rows] == ["MMFF94"] * 4 + ["UFF"] * 4 + ["GFN2-xTB"] * 4


def test_methods_take_their_turn_in_every_round():
    calls = []
    actions = {name: lambda name=name: (calls.append(name), work(25.0)) for name in "abc"}
    times = alternating_seconds(actions, rounds=4)
    assert {name: len(found) for name, found in times.items()} == {"a": 4, "b": 4, "c": 4}
    turns = [name for k, name in enumerate(calls) if k == 0 or calls[k - 1] != name]
    assert "".join(turns[-12:]) == "abc" * 4


def ledger_row(molecule, seconds, calculations, outcome="success", level="B3LYP"):
    return {"level_of_theory": level, "molecule": molecule, "outcome": outcome,
            "core_seconds": str(seconds), "calculations": str(calculations)}  # fmt: skip


def test_reference_costs_what_its_bill_says_per_gradient():
    ledger = [ledger_row("a", 30.0, 10), ledger_row("a", 6.0, 2), ledger_row("b", 1.0, 4),
              ledger_row("a", 99.0, 1, "timeout"), ledger_row("c", 9.0, 1)]  # fmt: skip
    rows = ledger_costs(ledger, {"a": 9, "b": 3})
    assert [(r["molecule"], r["what"], r["atoms"], r["milliseconds"]) for r in rows] == [
        ("a", ENERGY_AND_FORCE, 9, 3000.0), ("a", MD_STEP, 9, 3000.0),
        ("b", ENERGY_AND_FORCE, 3, 250.0), ("b", MD_STEP, 3, 250.0),
    ]  # fmt: skip
    assert {row["source"] for row in rows} == {"ledger"}


@pytest.mark.parametrize("most", [1, 2, 5, 40])
def test_chosen_molecules_span_all_sizes(most):
    sizes = np.random.default_rng(0).integers(3, 60, 25)
    chosen = chosen_molecules(sizes, most)
    assert len(set(chosen)) == len(chosen) == min(most, 25)
    assert chosen == sorted(chosen)
    if most > 1:
        assert {sizes[chosen].min(), sizes[chosen].max()} == {sizes.min(), sizes.max()}


def test_growth_is_the_exponent_of_a_power_law():
    rows = [{"atoms": n, "milliseconds": 0.3 * n**2.4} for n in (3, 9, 12, 30)]
    assert growth_exponent(rows) == pytest.approx(2.4)
    assert growth_exponent(rows[:1]) is None
    assert growth_exponent([*rows, {"atoms": 50, "milliseconds": float("nan")}]) == pytest.approx(
        2.4
    )


def test_picture_names_every_method_with_its_growth():
    bills = (("class1", 1e-3, 1.0, "OpenMM"), ("QM", 9.0, 2.0, "ledger"))
    rows = [
        {"method": method, "atoms": n, "what": ENERGY_AND_FORCE, "milliseconds": cost * n**power,
         "source": source}
        for method, cost, power, source in bills
        for n in (3, 9, 27)
    ]  # fmt: skip
    legend = plot_cost(rows).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "QM  ∝ N$^{2.0}$", "class1  ∝ N$^{1.0}$"
    ]  # fmt: skip
