"""Minima, Hessians, scans and spot checks, of real GFN2-xTB gradients through the cache."""

import numpy as np
import pytest
import qcelemental
from ase import Atoms
from ase.optimize import BFGS
from ase.vibrations import Vibrations, VibrationsData
from rdkit.Chem import AllChem
from tblite.ase import TBLite

from conftest import B3LYP_D3BJ
from examples import mol_of, qc_molecule, read
from forceladder import files
from forceladder.molecules.conformers import minimized_conformers
from forceladder.molecules.relaxation import relax
from forceladder.molecules.sampling import xtb_gradient
from forceladder.molecules.torsion_scans import drive_torsions, torsion_of
from forceladder.qm.calculator import Calculator
from forceladder.qm.datasets import qcschema_molecule
from forceladder.qm.engines import failure, xtb_version
from forceladder.qm.procedures import (
    gradient_records,
    hessian_extras,
    minimum_records,
    relaxed_record,
    scan_records,
    wavefront,
)
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    EV_IN_KCAL,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

RETRIES = {"scf": 1, "died": 1, "time_factors": [3], "memory_factors": [1.5]}
LIMITS = {"memory_mb": 500, "time_limit_s": 300, "retries": RETRIES}
SETTINGS = {
    "minima_per_molecule": 5, "hessians_per_molecule": 0, "hessian_step_angstrom": 0.005,
    "saddle_wavenumber_per_cm": 30, "torsion_scans": "relaxed", "convergence": "GAU",
    "max_steps": 100, "spot_check_fraction": 0.0,
}  # fmt: skip
TIGHT = SETTINGS | {"convergence": "GAU_TIGHT"}
ESP = {"shells": [1.4], "points_per_square_angstrom": 0.3}


class Account:
    """What `on_result` was told: digests of the computed and of the cached, in order."""

    def __init__(self, stop_after=None):
        self.computed, self.cached, self.stop_after = [], [], stop_after

    def __call__(self, task, result, computed):
        (self.computed if computed else self.cached).append(task["digest"])
        if len(self.computed) == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture
def calculator(tmp_path, xtb_spec, scratch_root):
    """Function: a calculator on a cache of the test's, and its account."""
    opened = []

    def make(cache="cache", spec=xtb_spec, limits=LIMITS, stop_after=None):
        account = Account(stop_after)
        opened.append(Calculator(spec, xtb_version(), tmp_path / cache, 1, limits, account))
        return opened[-1], account

    yield make
    for one in opened:
        one.engine.close()


def tampered(calculator, change):
    """The calculator with `change(task, result)` of each result that its engine computes."""
    compute = calculator.engine.compute
    calculator.engine.compute = lambda task, *limits: change(task, compute(task, *limits))
    return calculator


def embedded(smiles, count=1, noise=0.0):
    """qcschema molecules of ETKDG geometries, shaken by so many Å."""
    mol, random = mol_of(smiles), np.random.default_rng(1)
    molecules = []
    for seed in range(1, count + 1):
        assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
        positions = mol.GetConformer().GetPositions()
        shaken = positions + random.normal(scale=noise, size=positions.shape)
        molecules.append(qc_molecule(smiles, shaken))
    return molecules


def ours(record) -> dict:
    return record["extras"]["forceladder"]


def positions_of(record) -> np.ndarray:
    return np.reshape(record["molecule"]["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM


def ase_minimum(molecule) -> Atoms:
    """BFGS with tblite's own ASE calculator."""
    positions = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    atoms = Atoms(molecule["symbols"], positions, calculator=TBLite(verbosity=0))
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=500)
    return atoms


# gradients for relaxations


def test_gradient_is_that_of_the_record_in_kcal_and_angstrom(calculator, xtb_spec):
    """With the dispersion correction that a record has."""
    spec = xtb_spec | {"dispersion": B3LYP_D3BJ, "esp": ESP}
    (molecule,) = embedded("CO")
    calculate, account = calculator(spec=spec)
    (record,) = gradient_records(calculate, [molecule], SETTINGS)
    gradient = calculate.gradient_of(molecule)
    energy, slope = gradient(positions_of(record))
    assert energy == pytest.approx(record["properties"]["return_energy"] * HARTREE_IN_KCAL)
    expected = np.reshape(record["return_result"], (-1, 3)) * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    np.testing.assert_allclose(slope, expected, atol=1e-8)
    bare = calculator()[0].gradient_of(molecule)(positions_of(record))[0]
    assert energy < bare - 0.5  # D3 of methanol
    assert gradient.steps == account.computed[-1:] != [ours(record)["task_digest"]]  # no ESP


# minima


def test_minimum_is_ases_and_its_record_says_how_it_came_about(calculator, tmp_path):
    (molecule,) = embedded("OO")
    calculate, account = calculator()
    (record,) = minimum_records(calculate, [molecule], TIGHT)
    qcelemental.models.AtomicResult(**record)
    energy = record["properties"]["return_energy"] * HARTREE_IN_KCAL
    judge = ase_minimum(molecule).get_potential_energy() * EV_IN_KCAL
    assert energy == pytest.approx(judge, abs=1e-3)
    assert np.abs(record["return_result"]).max() < 1.5e-5
    procedure = ours(record)["procedure"]
    assert procedure == {
        "kind": "minimum", "convergence": "GAU_TIGHT", "converged": True,
        "steps": account.computed,
    }  # fmt: skip
    assert record["molecule"]["extras"] == molecule["extras"] | {"geometry_kind": "minimum"}
    assert (
        calculate.cache.get(procedure["steps"][0])["energy"] > record["properties"]["return_energy"]
    )


def test_minimum_has_all_properties_and_a_scans_point_no_esp(calculator, xtb_spec):
    """Its last step, without ESP, is in the cache already: it costs no calculation more."""
    (molecule,) = embedded("OO")
    calculate, account = calculator(spec=xtb_spec | {"esp": ESP})
    (minimum,) = minimum_records(calculate, [molecule], SETTINGS)
    assert account.computed == [*ours(minimum)["procedure"]["steps"], ours(minimum)["task_digest"]]
    (point,) = scan_records(calculate, [on_scan(molecule, 90.0)], SETTINGS)
    assert ours(point)["task_digest"] == ours(point)["procedure"]["steps"][-1]
    assert account.cached[-1] == ours(point)["task_digest"]


def test_relaxation_that_does_not_converge_is_a_record_that_says_so(calculator):
    """And no Hessian is computed of it."""
    settings = SETTINGS | {"max_steps": 1, "hessians_per_molecule": 5}
    calculate, account = calculator()
    records = minimum_records(calculate, embedded("CCO", 2), settings)
    for record in records:
        assert record["success"]
        assert ours(record)["procedure"]["converged"] is False
        assert not {"hessian", "hessian_error"} & ours(record).keys()
    assert len(account.computed) == 4


@pytest.mark.parametrize("step", [1, 3])
def test_calculation_that_fails_on_the_way_is_a_failed_record(calculator, step):
    calculate, account = calculator()
    broken = failure("SCFConvergenceError", "could not converge in 50 iterations", 1.0)

    def change(task, result):
        return broken if len(account.computed) >= step - 1 else result

    (molecule,) = embedded("CO")
    (record,) = minimum_records(
        tampered(calculate, change), [molecule], SETTINGS | {"hessians_per_molecule": 1}
    )
    qcelemental.models.FailedOperation(**record)
    assert record["error"]["error_type"] == "SCFConvergenceError"
    assert record["input_data"]["molecule"] == molecule
    procedure = ours(record)["procedure"]
    assert (procedure["kind"], procedure["converged"]) == ("minimum", False)
    assert procedure["steps"] == account.computed
    assert len(account.computed) == step


# Hessians


def test_lowest_minima_have_a_hessian_and_the_others_none(calculator):
    """Glycol: several minima, far enough apart to be told by their energies."""
    settings = SETTINGS | {"hessians_per_molecule": 2}
    calculate, _ = calculator()
    records = minimum_records(calculate, embedded("OCCF", 4), settings)
    energies = [record["properties"]["return_energy"] for record in records]
    with_hessian = ["hessian" in ours(record) for record in records]
    assert with_hessian == [energy in sorted(energies)[:2] for energy in energies]


def test_wavenumbers_of_a_minimum_are_those_of_ases_vibrations(calculator, tmp_path):
    (molecule,) = embedded("CO")
    calculate, account = calculator()
    (record,) = minimum_records(calculate, [molecule], TIGHT | {"hessians_per_molecule": 1})
    assert ours(record)["hessian_steps"] == account.computed[-24:]  # two each for 3 N − 6
    matrix = np.reshape(ours(record)["hessian"], (18, 18))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    atoms = Atoms(molecule["symbols"], positions_of(record), calculator=TBLite(verbosity=0))
    judge = Vibrations(atoms, name=str(tmp_path / "vib"), delta=0.005)
    judge.run()
    in_ev = matrix * HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2 / EV_IN_KCAL
    found = VibrationsData.from_2d(atoms, in_ev).get_frequencies().real
    expected = judge.get_frequencies().real
    np.testing.assert_allclose(np.sort(found)[-12:], np.sort(expected)[-12:], atol=3.0)  # 1/cm


def test_lowest_wavenumber_of_a_record_is_ases(calculator):
    """Also where isotopes' masses or a linear molecule's five rigid motions could mislead."""
    for smiles in ("CO", "C#C", "Cl"):
        (molecule,) = embedded(smiles)
        calculate, _ = calculator()
        (record,) = minimum_records(calculate, [molecule], TIGHT | {"hessians_per_molecule": 1})
        atoms = Atoms(molecule["symbols"], positions_of(record))
        size = 3 * len(atoms)
        matrix = np.reshape(ours(record)["hessian"], (size, size))
        in_ev = matrix * HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2 / EV_IN_KCAL
        modes = VibrationsData.from_2d(atoms, in_ev).get_frequencies().real
        rigid = 5 if smiles in ("C#C", "Cl") else 6
        expected = np.sort(modes)[rigid]
        assert ours(record)["lowest_wavenumber_per_cm"] == pytest.approx(expected, rel=2e-3)


@pytest.fixture(scope="module")
def cis_peroxide() -> dict:
    """HOOH at the top of its barrier: no force, and no minimum."""
    mol = mol_of("OO")
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    symbols, start = list("OOHH"), mol.GetConformer().GetPositions()
    found = relax(
        xtb_gradient(mol, 0, 1), symbols, start, [[2, 0, 1, 3]], [0.0], convergence="GAU_TIGHT"
    )
    return qc_molecule("OO", found.positions)


def test_saddle_point_is_left_for_the_minimum_beside_it(calculator, cis_peroxide):
    calculate, account = calculator()
    (top,) = minimum_records(calculate, [cis_peroxide], SETTINGS)
    assert ours(top)["procedure"]["converged"]
    settings = SETTINGS | {"hessians_per_molecule": 1}
    (record,) = minimum_records(calculate, [cis_peroxide], settings)
    assert ours(record)["procedure"]["left_saddle_per_cm"] < -300.0
    assert ours(record)["lowest_wavenumber_per_cm"] > 100.0
    judge = ase_minimum(embedded("OO")[0]).get_potential_energy() * EV_IN_KCAL
    energy = record["properties"]["return_energy"] * HARTREE_IN_KCAL
    assert energy == pytest.approx(judge, abs=0.01)
    assert energy < top["properties"]["return_energy"] * HARTREE_IN_KCAL - 3.0
    assert len(set(account.computed)) == len(account.computed)


def test_saddle_point_that_is_allowed_stays(calculator, cis_peroxide):
    settings = SETTINGS | {"hessians_per_molecule": 1, "saddle_wavenumber_per_cm": 3000}
    (record,) = minimum_records(calculator()[0], [cis_peroxide], settings)
    assert "left_saddle_per_cm" not in ours(record)["procedure"]
    assert ours(record)["lowest_wavenumber_per_cm"] < -300.0


def test_saddle_point_stays_where_the_way_down_fails(calculator, cis_peroxide):
    calculate, account = calculator()
    settings = SETTINGS | {"hessians_per_molecule": 1, "saddle_wavenumber_per_cm": 3000}
    (expected,) = minimum_records(calculate, [cis_peroxide], settings)
    broken = tampered(calculate, lambda *_: failure("SCFConvergenceError", "none"))
    (record,) = minimum_records(broken, [cis_peroxide], settings | {"saddle_wavenumber_per_cm": 30})
    assert record == expected
    assert calculate.cache.get(account.computed[-1]) is None  # it was tried


def test_failing_displacement_leaves_the_minimum_and_a_reason(calculator):
    calculate, _ = calculator()
    (record,) = minimum_records(calculate, embedded("OO"), SETTINGS)

    def change(task, result):
        return failure("SCFConvergenceError", "no convergence")

    extras = hessian_extras(tampered(calculate, change), record, SETTINGS)
    assert extras == {"hessian_error": "SCFConvergenceError: no convergence"}


# torsion scans


def on_scan(molecule, angle: float, torsions=((2, 0, 1, 3),), spacing=90) -> dict:
    """The molecule as a point of a scan."""
    scan = {
        "index": 0, "torsions": [list(t) for t in torsions], "spacing_degrees": [spacing],
        "angles_degrees": [angle],
    }  # fmt: skip
    extras = molecule["extras"] | {"scan": scan, "geometry_kind": "torsion_scan"}
    return molecule | {"extras": extras}


def torsion_angle(i, j, k, m) -> float:
    axis = (k - j) / np.linalg.norm(k - j)
    one, two = i - j - (i - j) @ axis * axis, m - k - (m - k) @ axis * axis
    return float(np.degrees(np.arctan2(np.cross(one, two) @ axis, one @ two)))


@pytest.mark.parametrize("angle", [-60.0, 95.0, 180.0])
def test_point_of_a_scan_is_relaxed_with_its_torsion_held(calculator, angle):
    calculate, _ = calculator()
    (molecule,) = embedded("OO")
    (record,) = scan_records(calculate, [on_scan(molecule, angle)], SETTINGS)
    positions = positions_of(record)
    error = torsion_angle(*positions[[2, 0, 1, 3]]) - angle
    assert abs((error + 180) % 360 - 180) < 0.1
    procedure = ours(record)["procedure"]
    assert procedure["converged"]
    assert (procedure["torsions"], procedure["angles_degrees"]) == ([[2, 0, 1, 3]], [angle])
    assert record["molecule"]["extras"]["scan"]["angles_degrees"] == [angle]
    direct = relax(
        xtb_gradient(mol_of("OO"), 0, 1), molecule["symbols"],
        np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM, [[2, 0, 1, 3]], [angle],
    )  # fmt: skip
    energy = record["properties"]["return_energy"] * HARTREE_IN_KCAL
    assert energy == pytest.approx(direct.energy, abs=0.01)


@pytest.fixture(scope="module")
def trioxide_scan():
    """HOOOH every 90° about one bond: relaxed points with the other bond at about ±80°, but
    those at −90° and 90° with it on the dearer side."""
    mol, state = mol_of("OOO"), read("OOO")
    gradient = xtb_gradient(mol, 0, 1)
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    minima = minimized_conformers(mol, 3, 20, 0.3, 1)
    torsions = [torsion_of(mol, 0, 1), torsion_of(mol, 1, 2)]
    scan = {"index": 0, "torsions": torsions[:1], "spacing_degrees": [90]}
    points = drive_torsions(gradient, symbols, minima, scan, 100)
    for angle in (-90, 90):
        wrong = [float(angle), -float(angle)]
        points[angle,] = relax(gradient, symbols, points[angle,], torsions, wrong).positions
    return [
        qcschema_molecule(mol, state, {
            "positions": positions, "kind": "torsion_scan", "temperature": 0.0,
            "scan": scan | {"angles_degrees": [float(angle) for angle in angles]},
        })
        for angles, positions in points.items()
    ]  # fmt: skip


def energies(records) -> list[float]:
    return [record["properties"]["return_energy"] * HARTREE_IN_KCAL for record in records]


def test_wavefront_finds_what_relaxing_each_point_misses(calculator, trioxide_scan):
    """And is nowhere higher; the points are the same ones in the same order."""
    calculate, _ = calculator()
    alone = scan_records(calculate, trioxide_scan, SETTINGS)
    together = scan_records(calculate, trioxide_scan, SETTINGS | {"torsion_scans": "wavefront"})
    scans = [[r["molecule"]["extras"]["scan"] for r in records] for records in (alone, together)]
    assert scans[0] == scans[1] == [m["extras"]["scan"] for m in trioxide_scan]
    gain = np.array(energies(alone)) - energies(together)
    assert gain.min() > -0.01
    assert gain[[0, 2]].min() > 0.5  # the points at −90° and 90°
    assert all(ours(record)["procedure"]["converged"] for record in together)


def test_wavefront_without_a_single_point_leaves_the_molecules_as_they_were(
    calculator, trioxide_scan
):
    calculate, _ = calculator()
    broken = tampered(calculate, lambda *_: failure("SCFConvergenceError", "none"))
    settings = SETTINGS | {"torsion_scans": "wavefront"}
    assert wavefront(broken, trioxide_scan, settings) == trioxide_scan
    assert not any(record["success"] for record in scan_records(broken, trioxide_scan, settings))


# interrupted and replayed


def run_minima(calculate):
    settings = SETTINGS | {"hessians_per_molecule": 1}
    return minimum_records(calculate, embedded("CO", 2, noise=0.05), settings)


def run_scan(calculate):
    (molecule,) = embedded("OO")
    points = [on_scan(molecule, angle) for angle in (-90.0, 0.0, 90.0, 180.0)]
    return scan_records(calculate, points, SETTINGS | {"torsion_scans": "wavefront"})


def run_gradients(calculate):
    return gradient_records(calculate, embedded("CO", 4), SETTINGS | {"spot_check_fraction": 1.0})


def without_times(records) -> list[dict]:
    """The same records but for how long they took on the clock."""
    return [
        record
        | {"extras": {"forceladder": {k: v for k, v in ours(record).items() if "seconds" not in k}}}
        for record in records
    ]


@pytest.mark.parametrize("run", [run_minima, run_scan, run_gradients])
@pytest.mark.parametrize("part", [0.0, 0.7])
def test_interrupted_procedure_computes_only_what_is_missing(calculator, run, part):
    """Stopped at the n-th calculation, then run again; beside it a run in one go."""
    whole, all_of_it = calculator("other cache")
    expected = run(whole)
    stop = 1 + int(part * len(all_of_it.computed))
    with pytest.raises(KeyboardInterrupt):
        run(calculator(stop_after=stop)[0])
    again, account = calculator()
    records = run(again)
    assert account.computed == all_of_it.computed[stop:]
    assert without_times(records) == without_times(expected)
    replay, account = calculator()
    assert run(replay) == records
    assert account.computed == []


# spot checks


LIMIT = 0.5 / HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM  # the verdicts', Hartree/Bohr


def finite_difference_errors(records) -> list[float]:
    checks = [ours(record)["finite_difference"] for record in records]
    return [abs(check["analytic"] - check["numeric"]) for check in checks]


@pytest.mark.parametrize("smiles", ["O", "CC(=O)[O-]", "[CH3]", "Clc1ccccc1"])
def test_good_gradients_pass_their_spot_check_by_far(calculator, smiles):
    calculate, account = calculator()
    molecules = embedded(smiles, 2, noise=0.05)
    records = gradient_records(calculate, molecules, SETTINGS | {"spot_check_fraction": 1.0})
    assert max(finite_difference_errors(records)) < 0.2 * LIMIT
    slopes = [abs(ours(record)["finite_difference"]["analytic"]) for record in records]
    assert max(slopes) > LIMIT  # there was something to check
    assert len(account.computed) == 3 * len(records)


@pytest.mark.parametrize("fault", ["scaled", "sign", "unit", "swapped"])
def test_false_gradients_do_not_pass_it(calculator, fault):
    faults = {
        "scaled": lambda slope: 1.2 * slope,
        "sign": lambda slope: -slope,
        "unit": lambda slope: slope / BOHR_IN_ANGSTROM,
        "swapped": lambda slope: slope[::-1],
    }

    def change(task, result):
        if "gradient" in result:
            slope = np.reshape(result["gradient"], (-1, 3))
            result["gradient"] = faults[fault](slope).ravel().tolist()
        return result

    calculate, _ = calculator()
    records = gradient_records(
        tampered(calculate, change),
        embedded("CC(=O)OC", 4, noise=0.1), SETTINGS | {"spot_check_fraction": 1.0},
    )  # fmt: skip
    assert max(finite_difference_errors(records)) > 2 * LIMIT


def test_chosen_fraction_grows_with_the_setting_and_never_changes(calculator):
    """What is checked at 20 % is checked at 60 %: a draw by content, not by chance."""
    calculate, _ = calculator()
    molecules = embedded("O", 30, noise=0.05)
    chosen = {}
    for fraction in (0.0, 0.2, 0.6, 1.0):
        records = gradient_records(
            calculate, molecules, SETTINGS | {"spot_check_fraction": fraction}
        )
        chosen[fraction] = {r["id"] for r in records if "finite_difference" in ours(r)}
    assert chosen[0.0] == set()
    assert chosen[0.0] < chosen[0.2] < chosen[0.6] < chosen[1.0]
    assert len(chosen[1.0]) == 30
    assert 1 <= len(chosen[0.2]) <= 12 <= len(chosen[0.6]) <= 24


def test_check_that_cannot_be_made_is_left_out_and_the_record_stays(calculator):
    def change(task, result):
        return failure("SCFConvergenceError", "none") if task["driver"] == "energy" else result

    calculate, _ = calculator()
    (record,) = gradient_records(
        tampered(calculate, change), embedded("O"), SETTINGS | {"spot_check_fraction": 1.0}
    )
    assert record["success"]
    assert "finite_difference" not in ours(record)


def test_failed_gradient_is_not_checked(calculator):
    (molecule,) = embedded("O")
    molecule["geometry"] = molecule["geometry"][:3] + 2 * molecule["geometry"][3:6]
    calculate, account = calculator()
    (record,) = gradient_records(calculate, [molecule], SETTINGS | {"spot_check_fraction": 1.0})
    assert not record["success"]
    assert len(account.computed) == 1


def test_records_are_json_whatever_procedure_made_them(calculator, tmp_path):
    calculate, _ = calculator()
    records = [*run_minima(calculate), *run_scan(calculate), *run_gradients(calculate)]
    records.append(
        relaxed_record(tampered(calculate, lambda *_: failure("x", "y")),
                       embedded("CCC")[0], "minimum", SETTINGS)
    )  # fmt: skip
    files.write_json_lines(tmp_path / "records.jsonl.xz", records)
    assert files.read_json_lines(tmp_path / "records.jsonl.xz") == records
