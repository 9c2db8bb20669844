"""Real Psi4 calculations: known energies, slopes, multipoles; kill and carry on."""

import json
import os
import signal
import subprocess

import numpy as np
import psutil
import pytest

from examples import WATER, WATER_BOHR, bare_molecule, qc_molecule
from forceladder.qm import engines
from forceladder.qm.calculator import Calculator
from forceladder.qm.procedures import minimum_records
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.units import BOHR_IN_ANGSTROM

# Å, in the order of CCO; an RDKit conformer (ETKDG, random seed 1, MMFF)
ETHANOL = np.array(
    [[0.901053, -0.075009, 0.014433], [-0.584386, -0.367845, 0.056173],
     [-1.305777, 0.822130, 0.339827], [1.236692, 0.350698, 0.965765],
     [1.128484, 0.662551, -0.762254], [1.472437, -0.985441, -0.186827],
     [-0.808835, -1.097719, 0.839406], [-0.932240, -0.769922, -0.900185],
     [-1.107426, 1.460558, -0.366337]]
)  # fmt: skip
# Hartree, by a Psi4 1.3.2 input file, without any code of ours:
#   molecule { 0 1; no_com; no_reorient; symmetry c1; … the lines above … }
#   set basis dzvp; set scf_type df; set e_convergence 1e-8; set d_convergence 1e-8; energy('b3lyp')
ETHANOL_B3LYP = -155.06255591648926
ETHANOL_D3BJ = -0.00717269271  # s-dftd3 1.7.0
METHANOL = np.array(
    [[-1.30, 0.05, 0.10], [0.10, -0.05, -0.05], [-1.65, 1.00, -0.35], [-1.60, 0.00, 1.17],
     [-1.75, -0.80, -0.42], [0.42, 0.72, 0.45]]
)  # fmt: skip


@pytest.fixture(scope="module")
def sto_3g() -> dict:
    """HF/STO-3G: tenths of a second, and closed forms."""
    return {"engine": "psi4", "method": "hf", "basis": "sto-3g"}


def run_psi4(molecules, spec, version, grid=None):
    """Results of Psi4; `grid` [points, 3], Bohr, takes the place of the usual ESP grid."""
    tasks = [make_task(molecule, spec, version) for molecule in molecules]
    if grid is not None:
        tasks = [{**task, "esp_grid": np.ravel(grid).tolist()} for task in tasks]
    with engines.EngineProcess("psi4", threads=1) as engine:
        return [engine.compute(task, 1000, 300) for task in tasks]


def icosahedron():
    """Twelve directions whose mean of any polynomial up to the fifth degree is the sphere's."""
    golden = (1 + 5**0.5) / 2
    points = [p for a in (1, -1) for b in (golden, -golden)
              for p in ([0, a, b], [a, b, 0], [b, 0, a])]  # fmt: skip
    return np.array(points) / np.hypot(1, golden)


def test_ethanol_has_the_energy_of_an_input_file_plus_d3(b3lyp_spec, psi4_version, scratch_root):
    molecule = qc_molecule("CCO", ETHANOL)
    (result,) = run_psi4([molecule], b3lyp_spec, psi4_version)
    record = make_record(make_task(molecule, b3lyp_spec, psi4_version), molecule, result)
    assert result["energy"] == pytest.approx(ETHANOL_B3LYP, abs=1e-7)
    energy = record["properties"]["return_energy"]
    assert energy == pytest.approx(ETHANOL_B3LYP + ETHANOL_D3BJ, abs=1e-7)
    net = np.reshape(record["return_result"], (-1, 3)).sum(axis=0)
    np.testing.assert_allclose(net, 0.0, atol=2e-4)  # the DFT grid's error, Hartree/Bohr


@pytest.mark.parametrize(
    "symbols, geometry, charge",
    [("OHH", WATER_BOHR, 0), ("OH", [[0.3, -0.2, 0.1], [0.9, 1.1, 1.2]], -1)],
)
def test_charge_and_dipole_follow_from_the_potential_far_away(
    b3lyp_spec, psi4_version, scratch_root, symbols, geometry, charge
):
    """On a sphere of radius R around the origin, ⟨V⟩ = q/R and ⟨V n⟩ = μ/(3 R²), e and Bohr.

    Gauss's law: exact for any charge density inside. It ties together the units of the
    grid, the potential and the dipole, and the origin of the dipole.
    """
    radius = 25.0
    directions = icosahedron()
    molecule = bare_molecule(symbols, geometry, charge)
    grid = radius * directions
    (result,) = run_psi4([molecule], b3lyp_spec, psi4_version, grid)
    potential = np.array(result["esp"])
    assert potential.mean() * radius == pytest.approx(charge, abs=1e-6)
    dipole = 3 * radius**2 * (potential[:, None] * directions).mean(axis=0)
    np.testing.assert_allclose(result["dipole"], dipole, atol=2e-5)
    assert np.linalg.norm(result["dipole"]) > 0.5  # about 0.8 for water, in Debye it were 2


def sphere():
    """Directions and weights of a quadrature that is exact to the tenth degree."""
    cosines, rings = np.polynomial.legendre.leggauss(6)
    turns = np.arange(12) * np.pi / 6
    sines = np.sqrt(1 - cosines**2)[:, None]
    points = np.stack(
        [sines * np.cos(turns), sines * np.sin(turns), np.tile(cosines[:, None], 12)], axis=-1
    )
    return points.reshape(-1, 3), np.repeat(rings / 24, 12)


@pytest.mark.parametrize(
    "symbols, geometry, charge",
    [("OHH", WATER_BOHR, 0), ("OH", [[1.3, -0.8, 0.5], [1.9, 0.5, 1.6]], -1)],
)
def test_quadrupole_follows_from_the_potential_far_away(
    sto_3g, psi4_version, scratch_root, symbols, geometry, charge
):
    """On a sphere about the origin ⟨V (n nᵀ − ⅓)⟩ = (M − ⅓ tr M) / (5 R³), M the second moments."""
    radius = 15.0
    directions, weights = sphere()
    molecule = bare_molecule(symbols, geometry, charge)
    (result,) = run_psi4([molecule], sto_3g, psi4_version, radius * directions)
    squares = directions[:, :, None] * directions[:, None, :] - np.eye(3) / 3
    expected = 5 * radius**3 * np.einsum("p,p,pij", weights, result["esp"], squares)
    moments = np.reshape(result["quadrupole"], (3, 3))
    traceless = moments - np.eye(3) * np.trace(moments) / 3
    np.testing.assert_allclose(traceless, expected, atol=1e-6)
    assert np.abs(traceless).max() > 0.5  # e Bohr²; in Debye Å it were 1.3 times as much
    np.testing.assert_allclose(moments, moments.T, atol=1e-12)


def test_second_moments_keep_their_trace(sto_3g, psi4_version, scratch_root):
    """Helium, in closed form: −2 ⟨x²⟩ of its one contracted Gaussian, wherever it is.

    STO-3G: Hehre, Stewart & Pople, J. Chem. Phys. 51, 2657 (1969).
    """
    exponents = np.array([6.36242139, 1.15892300, 0.31364979])
    weights = np.array([0.15432897, 0.53532814, 0.44463454]) * exponents**0.75
    pairs = exponents[:, None] + exponents[None]
    overlap = np.outer(weights, weights) * pairs**-1.5
    mean_square = (overlap / (2 * pairs)).sum() / overlap.sum()
    (result,) = run_psi4([bare_molecule(["He"], [[0.4, -0.7, 1.1]])], sto_3g, psi4_version)
    moments = np.reshape(result["quadrupole"], (3, 3))
    np.testing.assert_allclose(moments, -2 * mean_square * np.eye(3), atol=1e-6)
    np.testing.assert_allclose(result["dipole"], 0.0, atol=1e-6)


def test_bond_orders_count_the_bonds_of_ethene(sto_3g, psi4_version, scratch_root):
    ethene = np.array(
        [[0.66, 0, 0], [-0.66, 0, 0], [1.23, 0.92, 0], [1.23, -0.92, 0], [-1.23, 0.92, 0],
         [-1.23, -0.92, 0]]
    )  # fmt: skip
    molecule = bare_molecule("CCHHHH", ethene / BOHR_IN_ANGSTROM)
    (result,) = run_psi4([molecule], sto_3g, psi4_version)
    orders = np.reshape(result["wiberg_bond_orders"], (6, 6))
    np.testing.assert_allclose(orders, orders.T, atol=1e-9)
    assert orders[0, 1] == pytest.approx(2.0, abs=0.1)
    np.testing.assert_allclose(orders[[0, 0, 1, 1], [2, 3, 4, 5]], 1.0, atol=0.1)
    assert orders[2:, 2:][~np.eye(4, dtype=bool)].max() < 0.1
    assert orders[[0, 0, 1, 1], [4, 5, 2, 3]].max() < 0.1


ANALYTIC_HESSIAN = """
import json, os, numpy, psi4
task = json.load(open(os.environ["TASK"]))
molecule = psi4.core.Molecule.from_arrays(
    geom=task["geometry"], elem=task["symbols"], units="Bohr", fix_com=True,
    fix_orientation=True, fix_symmetry="c1")
psi4.set_options({"basis": task["basis"], "scf_type": "df", "e_convergence": 1e-10,
                  "d_convergence": 1e-9})
json.dump(numpy.asarray(psi4.hessian("hf", molecule=molecule)).tolist(),
          open(os.environ["HESSIAN"], "w"))
"""


def test_hessian_of_a_minimum_is_psi4s_own_analytic_one(
    sto_3g, psi4_version, scratch_root, tmp_path
):
    """Ours by differences of gradients through the cache; all 81 elements, Hartree/Bohr²."""
    spec = sto_3g | {"keywords": {"e_convergence": 1e-10, "d_convergence": 1e-9}}
    settings = {
        "hessians_per_molecule": 1, "hessian_step_angstrom": 0.005, "convergence": "GAU_TIGHT",
        "saddle_wavenumber_per_cm": 30, "max_steps": 50,
    }  # fmt: skip
    retries = {"scf": 1, "died": 1, "time_factors": [], "memory_factors": []}
    limits = {"memory_mb": 500, "time_limit_s": 300, "retries": retries}
    with Calculator(spec, psi4_version, tmp_path / "cache", 1, limits) as calculator:
        (record,) = minimum_records(calculator, [qc_molecule("O", WATER)], settings)
    (tmp_path / "hessian.py").write_text(ANALYTIC_HESSIAN)
    molecule = record["molecule"]
    task = {"basis": "sto-3g", **{key: molecule[key] for key in ("symbols", "geometry")}}
    (tmp_path / "task.json").write_text(json.dumps(task))
    command = [*engines.psi4_command(1, tmp_path)[:-1], str(tmp_path / "hessian.py")]
    environment = engines.clean_environment() | {
        "TASK": str(tmp_path / "task.json"), "HESSIAN": str(tmp_path / "hessian.json"),
        "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True)
    expected = np.array(json.loads((tmp_path / "hessian.json").read_text()))
    ours = np.reshape(record["extras"]["forceladder"]["hessian"], (9, 9))
    np.testing.assert_allclose(ours, expected, atol=2e-4)
    assert np.abs(expected).max() > 0.5


def test_gradient_of_a_record_is_the_slope_of_its_energy(hf_spec, psi4_version, scratch_root):
    """Central differences along a random direction, Richardson-extrapolated; D3 included.

    Hartree-Fock has no integration grid, so the two agree to the SCF's convergence.
    """
    spec = {**hf_spec, "keywords": {"e_convergence": 1e-10, "d_convergence": 1e-9}}
    direction = np.random.default_rng(7).normal(size=METHANOL.shape)
    direction /= np.linalg.norm(direction)
    steps = [0.0, 0.04, -0.04, 0.08, -0.08]
    molecules = [qc_molecule("CO", METHANOL + h * direction * BOHR_IN_ANGSTROM) for h in steps]
    results = run_psi4(molecules, spec, psi4_version)
    records = [
        make_record(make_task(molecule, spec, psi4_version), molecule, result)
        for molecule, result in zip(molecules, results, strict=True)
    ]
    energy = [record["properties"]["return_energy"] for record in records]
    near, far = (energy[1] - energy[2]) / 0.08, (energy[3] - energy[4]) / 0.16
    slope = (4 * near - far) / 3
    gradient = np.reshape(records[0]["return_result"], (-1, 3))
    assert (gradient * direction).sum() == pytest.approx(slope, abs=1e-6)
    without = np.reshape(results[0]["gradient"], (-1, 3))
    assert abs(((gradient - without) * direction).sum()) > 1e-5  # D3 would be missed


def test_triplet_oxygen_is_unrestricted_and_below_the_singlet(hf_spec, psi4_version, scratch_root):
    bond = [[0, 0, 0], [0, 0, 2.28]]
    triplet, singlet = run_psi4(
        [bare_molecule("OO", bond, multiplicity=m) for m in (3, 1)], hf_spec, psi4_version
    )
    assert triplet["success"] and singlet["success"]
    assert triplet["energy"] < singlet["energy"] - 0.02


def test_killed_psi4_costs_the_task_under_way_alone(b3lyp_spec, psi4_version, scratch_root):
    """The first task is over when its result is there; the kill meets the second."""
    water, methanol = bare_molecule("OHH", WATER_BOHR), qc_molecule("CO", METHANOL)
    spec = {**b3lyp_spec, "method": "hf", "basis": "6-31g*"}
    tasks = [make_task(molecule, spec, psi4_version) for molecule in (water, methanol, water)]
    results = []
    with engines.EngineProcess("psi4", threads=1) as engine:
        for index, task in enumerate(tasks):
            results.append(engine.compute(task, 1000, 300))
            if index == 0:
                for process in psutil.Process().children(recursive=True):
                    os.kill(process.pid, signal.SIGKILL)
    assert [results[i]["success"] for i in range(3)] == [True, False, True]
    assert results[1]["error_type"] == "engine_killed"
    assert results[2]["energy"] == pytest.approx(results[0]["energy"], abs=1e-9)
    assert list(scratch_root.iterdir()) == []


def test_basis_set_that_psi4_lacks_is_a_failed_task(b3lyp_spec, psi4_version, scratch_root):
    water = bare_molecule("OHH", WATER_BOHR)
    (result,) = run_psi4([water], {**b3lyp_spec, "basis": "nonesuch"}, psi4_version)
    assert result["error_type"] == "BasisSetNotFound"
    assert "NONESUCH" in result["error_message"]
