"""Each way in which a record can be unfit has its verdict, and no honest record is refused.

The records are real ones of GFN2-xTB, and those of the quickstart at B3LYP-D3BJ/DZVP where
they are at hand; the corruptions are ours.
"""

import copy
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms
from scipy.spatial.transform import Rotation

from conftest import SCRIPTS
from examples import mol_of, qc_molecule
from force_fields import embedded
from forceladder import files
from forceladder.errors import TooManyFailuresError
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import mapped_smiles
from forceladder.molecules.sampling import sampled_frames, xtb_gradient
from forceladder.qm import engines
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.qm.verdicts import (
    ACCEPTED,
    MEASURES,
    examine_molecule,
    judge_campaign,
    judge_molecule,
    judge_record,
    kind_of,
)
from forceladder.qm.verdicts.duplicates import superposed_rmsd
from forceladder.qm.verdicts.energies import Surface, inverse_distance_gradient, inverse_distances
from forceladder.tables import read_table
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

PROJECT = SCRIPTS.parents[1]
LIMITS = yaml.safe_load((PROJECT / "config/config.yaml").read_text())["qm"]["limits"]
XTB = {"engine": "gfn2-xtb", "method": "gfn2-xtb"}
QUICKSTART = PROJECT / "results/quickstart/qm/b3lyp-d3bj_dzvp/records"
SMILES = "N[C@@H](CO)/C=C/F"  # a stereocentre, a double bond, a proton that could move
FAILURE = {"success": False, "error_type": "SCFConvergenceError", "error_message": "no luck",
           "wall_seconds": 1.0, "cpu_seconds": 1.0}  # fmt: skip


def real_records(smiles: str, geometries, kind: str = "sampled") -> list[dict]:
    """GFN2-xTB records of geometries [atoms, 3] Å, through the engine that the workflow runs."""
    records = []
    with engines.EngineProcess("gfn2-xtb", threads=1) as engine:
        for positions in geometries:
            molecule = qc_molecule(smiles, positions, kind)
            task = make_task(molecule, XTB, engines.xtb_version())
            records.append(make_record(task, molecule, engine.compute(task, 500, 300.0)))
    return records


def hot_frames(smiles: str, count: int, temperature: float = 600.0) -> list[np.ndarray]:
    mol = mol_of(smiles)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    return sampled_frames(
        numbers, embedded(smiles), Chem.GetFormalCharge(mol), 1, temperature, count,
        interval=100, timestep=1.0, friction=10.0, seed=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def hot() -> list[dict]:
    """Twelve records of one molecule at 600 K; not to be changed."""
    return real_records(SMILES, [embedded(SMILES), *hot_frames(SMILES, 11)])


@pytest.fixture
def records(hot) -> list[dict]:
    return copy.deepcopy(hot)


@pytest.fixture
def record(records) -> dict:
    return records[3]


def verdict_of(record, limits=LIMITS, spec=XTB):
    return judge_record(record, spec, limits)


def codes(records, limits=LIMITS, spec=XTB) -> list[str]:
    return [verdict for verdict, _ in judge_molecule(records, spec, limits)]


def positions_of(record) -> np.ndarray:
    return np.reshape(record["molecule"]["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM


def gradient_of(record) -> np.ndarray:
    return np.reshape(record["return_result"], (-1, 3)) * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM


def set_positions(record, positions):
    record["molecule"]["geometry"] = (np.ravel(positions) / BOHR_IN_ANGSTROM).tolist()


def set_gradient(record, gradient):
    record["return_result"] = (np.ravel(gradient) / HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM).tolist()


def shift_energy(record, kcal: float):
    record["properties"]["return_energy"] += kcal / HARTREE_IN_KCAL


# --- honest records ---------------------------------------------------------------------


def test_every_hot_record_of_the_example_is_accepted(hot):
    assert judge_molecule(hot, XTB, LIMITS) == [(ACCEPTED, "")] * len(hot)


@pytest.mark.parametrize("smiles", ["O", "CC(=O)[O-]", "C[S@](=O)CC", "[CH3]", "OCCO", "C#CC=O"])
def test_frames_of_dynamics_at_600_kelvin_are_accepted(smiles):
    found = real_records(smiles, hot_frames(smiles, 8))
    assert codes(found) == [ACCEPTED] * 8


@pytest.fixture(scope="module")
def quickstart() -> list[list[dict]]:
    """The quickstart's records at B3LYP-D3BJ/DZVP, molecule by molecule; not to be changed."""
    paths = sorted(QUICKSTART.glob("*/*.jsonl.xz"))
    if not paths:
        pytest.skip("results/ holds no QM records of the quickstart; `make run` computes them")
    return [files.read_json_lines(path) for path in paths]


def test_no_record_of_the_quickstart_is_refused(quickstart, b3lyp_spec):
    refused = [
        (records[0]["molecule"]["extras"][MAPPED], row, *verdict)
        for records in quickstart
        for row, verdict in enumerate(judge_molecule(records, b3lyp_spec, LIMITS))
        if verdict[0] != ACCEPTED
    ]
    assert not refused


def test_dft_grid_error_stays_far_below_the_limits(quickstart, b3lyp_spec):
    """The distance that the comments in the config speak of."""
    for records in quickstart:
        for finding in examine_molecule(records, b3lyp_spec, LIMITS):
            assert finding.measures["net_force"] < 0.2
            assert finding.measures["net_torque"] < 0.3
            assert finding.measures["largest_force"] < 200.0
            assert finding.measures["energy_per_atom"] < 3.0


# --- one record -------------------------------------------------------------------------


def test_failure_is_named_after_its_error(hot):
    molecule = hot[0]["molecule"]
    failed = make_record(make_task(molecule, XTB, "tblite 0.8.0"), molecule, FAILURE)
    assert verdict_of(failed) == ("failed_SCFConvergenceError", "no luck")
    assert codes([failed, *hot]) == ["failed_SCFConvergenceError"] + [ACCEPTED] * len(hot)


def test_record_of_another_level_of_theory_is_refused(record, b3lyp_spec):
    verdict = judge_record(record, b3lyp_spec, LIMITS)
    assert verdict == ("wrong_level_of_theory", "GFN2-xTB instead of B3LYP-D3BJ/DZVP")


def test_record_of_another_engine_is_refused(record):
    record["provenance"]["creator"] = "Psi4"
    assert verdict_of(record) == ("wrong_level_of_theory", "computed by Psi4 instead of tblite")


def test_record_without_the_dispersion_that_was_asked_for_is_refused(record, b3lyp_spec):
    record["extras"]["forceladder"]["level_of_theory"] = "B3LYP-D3BJ/DZVP"
    record["provenance"]["creator"] = "Psi4"
    verdict, reason = judge_record(record, b3lyp_spec, LIMITS)
    assert verdict == "wrong_level_of_theory" and "without the dispersion" in reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_number_that_is_none_is_refused(hot, value):
    energy, gradient = copy.deepcopy(hot[:2])
    energy["properties"]["return_energy"] = value
    gradient["return_result"][4] = value
    for record in (energy, gradient):
        assert verdict_of(record)[0] == "not_finite"


def test_gradient_of_too_few_atoms_is_refused(record):
    record["return_result"] = record["return_result"][:-3]
    verdict, reason = verdict_of(record)
    assert verdict == "not_finite" and "gradient vectors for" in reason


def push(record, force, atom=0):
    gradient = gradient_of(record)
    gradient[atom] += force
    set_gradient(record, gradient)


@pytest.mark.parametrize("share, verdict", [(0.999, ACCEPTED), (1.001, "net_force")])
@pytest.mark.parametrize("axis", [[1.0, 0, 0], [0.6, 0.0, -0.8], [0.48, 0.6, 0.64]])
def test_net_force_is_judged_by_its_length(record, axis, share, verdict):
    limit = LIMITS["max_net_force_kcal_per_angstrom"]
    atoms = len(positions_of(record))
    gradient = gradient_of(record) + share * limit * np.array(axis) / atoms
    set_gradient(record, gradient)
    found = verdict_of(record)
    assert found[0] == verdict
    assert verdict == ACCEPTED or f"limit {limit:g}" in found[1]


@pytest.mark.parametrize("share, verdict", [(0.999, ACCEPTED), (1.001, "net_torque")])
def test_net_torque_is_judged_by_its_length(record, share, verdict):
    """A couple: opposite forces on two atoms, of length torque / lever."""
    positions = positions_of(record)
    arm = positions[1] - positions[0]
    across = np.cross(arm, [0.3, -0.5, 0.8])
    couple = share * LIMITS["max_net_torque_kcal"] / np.linalg.norm(arm)
    for atom, sign in ((0, -1.0), (1, 1.0)):
        push(record, sign * couple * across / np.linalg.norm(across), atom)
    assert verdict_of(record)[0] == verdict


@pytest.mark.parametrize("share, verdict", [(0.999, ACCEPTED), (1.001, "large_force")])
def test_largest_force_is_judged_by_its_length(record, share, verdict):
    gradient = gradient_of(record)
    largest = np.linalg.norm(gradient, axis=1).max()
    set_gradient(record, gradient * share * LIMITS["max_force_kcal_per_angstrom"] / largest)
    assert verdict_of(record)[0] == verdict


def spot_check(record, seed: int = 0) -> dict:
    """A true spot check of a GFN2-xTB record, by central differences."""
    surface = xtb_gradient(mol_of(SMILES), 0, 1)
    direction = np.random.default_rng(seed).normal(size=positions_of(record).shape)
    direction /= np.linalg.norm(direction)
    step = 0.02 * BOHR_IN_ANGSTROM
    above, below = (surface(positions_of(record) + s * step * direction)[0] for s in (1, -1))
    unit = HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    return {
        "analytic": float((gradient_of(record) * direction).sum() / unit),
        "numeric": (above - below) / (2.0 * step) / unit,
        "step_bohr": 0.02,
    }


def test_true_gradient_passes_the_spot_check_and_a_wrong_one_does_not(records):
    for seed, record in enumerate(records):
        record["extras"]["forceladder"]["finite_difference"] = spot_check(record, seed)
    findings = examine_molecule(records, XTB, LIMITS)
    assert {finding.verdict for finding in findings} == {ACCEPTED}
    assert max(finding.measures["finite_difference_error"] for finding in findings) < 0.1
    wrong = max(records, key=lambda r: abs(gradient_of(r)).max())
    set_gradient(wrong, 1.2 * gradient_of(wrong))
    wrong["extras"]["forceladder"]["finite_difference"] = spot_check(wrong, 5)
    verdict, reason = verdict_of(wrong)
    assert verdict == "finite_difference" and "limit 0.5" in reason


@pytest.mark.parametrize("share, verdict", [(0.999, ACCEPTED), (1.001, "finite_difference")])
def test_spot_check_is_judged_in_kcal_per_angstrom(record, share, verdict):
    limit = LIMITS["max_finite_difference_error_kcal_per_angstrom"]
    error = share * limit / HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    check = {"analytic": 0.01, "numeric": 0.01 + error, "step_bohr": 0.02}
    record["extras"]["forceladder"]["finite_difference"] = check
    assert verdict_of(record)[0] == verdict
    check["numeric"] = float("nan")
    assert verdict_of(record)[0] == "finite_difference"


@pytest.mark.parametrize("kind", ["minimum", "torsion_scan"])
@pytest.mark.parametrize("steps", [100, ["a"] * 100])
def test_relaxation_that_did_not_converge_is_refused(record, kind, steps):
    procedure = {"kind": kind, "converged": False, "steps": steps}
    record["extras"]["forceladder"]["procedure"] = procedure
    assert verdict_of(record) == ("not_converged", f"{kind} not converged after 100 gradients")
    assert kind_of(record) == kind
    procedure["converged"] = True
    assert verdict_of(record)[0] == ACCEPTED


def torsion_by_rdkit(record, atoms) -> float:
    conformer = Chem.Conformer(len(positions_of(record)))
    conformer.SetPositions(positions_of(record))
    return rdMolTransforms.GetDihedralDeg(conformer, *atoms)


@pytest.mark.parametrize("turns", [-360.0, 0.0, 360.0])
@pytest.mark.parametrize("off, verdict", [(0.9, ACCEPTED), (-0.9, ACCEPTED),
                                          (1.1, "torsion_off_grid"), (-30.0, "torsion_off_grid"),
                                          (180.0, "torsion_off_grid")])  # fmt: skip
def test_scan_point_must_be_at_its_angles(record, off, verdict, turns):
    atoms = [next(iter(bond)) for bond in _chain(mol_of(SMILES))]
    angle = torsion_by_rdkit(record, atoms)
    record["extras"]["forceladder"]["procedure"] = {
        "kind": "torsion_scan", "converged": True, "steps": 5,
        "torsions": [atoms, atoms[::-1]], "angles_degrees": [angle + off + turns, angle],
    }  # fmt: skip
    found, reason = verdict_of(record)
    assert found == verdict
    assert verdict == ACCEPTED or "-".join(str(atom + 1) for atom in atoms) in reason


def _chain(mol):
    """Four atoms in a row, each as a set of one."""
    pattern = Chem.MolFromSmarts("[!#1]~[!#1]~[!#1]~[!#1]")
    return [{atom} for atom in mol.GetSubstructMatch(pattern)]


@given(st.integers(0, 10**6))
def test_torsion_angle_agrees_with_rdkit(seed):
    positions = np.random.default_rng(seed).normal(size=(4, 3))
    conformer = Chem.Conformer(4)
    conformer.SetPositions(positions)
    expected = rdMolTransforms.GetDihedralDeg(conformer, 0, 1, 2, 3)
    assert torsion_angle(positions) == pytest.approx(expected, abs=1e-6)


def atom_of(symbol: str) -> int:
    return next(a.GetIdx() for a in mol_of(SMILES).GetAtoms() if a.GetSymbol() == symbol)


def hydrogen_on(symbol: str) -> int:
    neighbours = mol_of(SMILES).GetAtomWithIdx(atom_of(symbol)).GetNeighbors()
    return next(a.GetIdx() for a in neighbours if a.GetSymbol() == "H")


def carbon_of_fluorine() -> int:
    return mol_of(SMILES).GetAtomWithIdx(atom_of("F")).GetNeighbors()[0].GetIdx()


def pulled(positions, atom: int, anchor: int) -> np.ndarray:
    """An atom pulled along a bond until it is twice as long."""
    positions = positions.copy()
    positions[atom] += positions[atom] - positions[anchor]
    return positions


def put(positions, hydrogen: int, heavy: int) -> np.ndarray:
    """Hydrogen 1 Å from a heavy atom, on the side away from everything else."""
    positions = positions.copy()
    others = np.delete(np.arange(len(positions)), [hydrogen, heavy])
    directions = Rotation.random(500, rng=0).apply([1.0, 0.0, 0.0])
    places = positions[heavy] + directions
    room = np.linalg.norm(places[:, None] - positions[others][None], axis=-1).min(axis=1)
    positions[hydrogen] = places[np.argmax(room)]
    return positions


def test_proton_that_moved_is_told_apart_from_other_bonds():
    proton, goal = hydrogen_on("O"), atom_of("N")
    moved = put(embedded(SMILES), proton, goal)
    lost = pulled(embedded(SMILES), proton, atom_of("O"))
    both = pulled(moved, atom_of("F"), carbon_of_fluorine())
    verdicts = [verdict_of(r) for r in real_records(SMILES, [moved, lost, both])]
    assert [verdict for verdict, _ in verdicts] == [
        "protonation_changed", "connectivity_changed", "connectivity_changed"
    ]  # fmt: skip
    names = f"H{proton + 1} moved from O{atom_of('O') + 1} to N{goal + 1}"
    assert verdicts[0][1] == names
    assert verdicts[1][1] == f"O{atom_of('O') + 1}-H{proton + 1} broken"
    assert "F" in verdicts[2][1]


def test_amino_acid_that_neutralizes_itself_in_vacuum_has_changed_its_protonation():
    """A real proton transfer: dynamics of zwitterionic glycine."""
    smiles = "[NH3+]CC(=O)[O-]"
    verdicts = [verdict_of(r) for r in real_records(smiles, hot_frames(smiles, 5, 300.0))]
    assert "protonation_changed" in {verdict for verdict, _ in verdicts}
    assert {v for v, _ in verdicts} <= {ACCEPTED, "protonation_changed"}
    assert all(
        ("from N" in r and "to O" in r) or "shared" in r for v, r in verdicts if v != ACCEPTED
    )


def test_mirror_image_is_another_stereoisomer():
    mirrored = real_records(SMILES, [embedded(SMILES) * [-1.0, 1.0, 1.0]])[0]
    verdict, reason = verdict_of(mirrored)
    assert verdict == "stereo_changed" and "inverted" in reason


def test_cis_is_not_trans():
    smiles, other = "C/C=C/F", "C/C=C\\F"
    mol = mol_of(smiles)
    bond = next(b for b in mol.GetBonds() if b.GetStereo() == Chem.BondStereo.STEREOE)
    bond.SetStereo(Chem.BondStereo.STEREOCIS)
    assert AllChem.EmbedMolecule(mol, randomSeed=2) == 0
    Chem.AssignStereochemistryFrom3D(mol)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(other)
    verdict, reason = verdict_of(real_records(smiles, [mol.GetConformer().GetPositions()])[0])
    assert verdict == "stereo_changed" and "Z instead of E" in reason


def test_first_check_that_fails_gives_the_verdict(record):
    """Each further defect comes earlier in the order than those before it."""
    checks = []

    def then(verdict, corrupt):
        corrupt()
        assert verdict_of(record)[0] == verdict
        checks.append(verdict)

    ours = record["extras"]["forceladder"]
    mirror = [-1.0, 1.0, 1.0]

    def reflect():
        set_positions(record, positions_of(record) * mirror)
        set_gradient(record, gradient_of(record) * mirror)

    def unbind():
        """Along the force on it, so that the torque stays balanced."""
        positions, gradient = positions_of(record), gradient_of(record)
        atom = hydrogen_on("O")
        positions[atom] += 4.0 * gradient[atom] / np.linalg.norm(gradient[atom])
        set_positions(record, positions)

    procedure = {"kind": "minimum", "converged": False, "steps": 3}
    check = {"analytic": 0.0, "numeric": 1.0, "step_bohr": 0.02}
    then("stereo_changed", reflect)
    then("connectivity_changed", unbind)
    then("not_converged", lambda: ours.update(procedure=procedure))
    then("finite_difference", lambda: ours.update(finite_difference=check))
    then("large_force", lambda: set_gradient(record, 1000.0 * gradient_of(record)))
    then("net_torque", lambda: set_positions(record, positions_of(record)[::-1]))
    then("net_force", lambda: push(record, [100.0, 0.0, 0.0]))
    then("not_finite", lambda: record["properties"].update(return_energy=None))
    then("wrong_level_of_theory", lambda: ours.update(level_of_theory="HF/6-31G*"))
    assert len(set(checks)) == 9


# --- records of one molecule against each other -------------------------------------------


def copy_of(record, rotation=None, noise: float = 0.0, seed: int = 0) -> dict:
    """The record in another frame and with another digest; `noise` Å on every coordinate."""
    other, random = copy.deepcopy(record), np.random.default_rng(seed)
    rotation = rotation or Rotation.random(rng=random)
    moved = positions_of(record) + noise * random.normal(size=positions_of(record).shape)
    set_positions(other, rotation.apply(moved) + [1.0, -2.0, 3.0])
    set_gradient(other, rotation.apply(gradient_of(record)))
    other["extras"]["forceladder"]["task_digest"] = f"copy {seed}"
    return other


def test_task_that_is_there_twice_is_used_once(records):
    found = judge_molecule([*records, copy.deepcopy(records[4])], XTB, LIMITS)
    assert [verdict for verdict, _ in found] == [ACCEPTED] * len(records) + ["duplicate"]
    assert found[-1] == ("duplicate", "the same task as geometry 4")


def test_geometry_that_is_there_twice_is_used_once_in_any_frame(records):
    for seed, record in enumerate(records):
        found = judge_molecule([*records, copy_of(record, seed=seed)], XTB, LIMITS)
        assert [verdict for verdict, _ in found] == [ACCEPTED] * len(records) + ["duplicate"]
        assert f"of geometry {seed}, limit" in found[-1][1]


def test_point_of_a_scan_is_no_copy_of_what_is_there(records):
    point = copy_of(records[4])
    point["molecule"]["extras"]["scan"] = {"index": 0}
    assert codes([*records, point]) == [ACCEPTED] * (len(records) + 1)


def test_mirror_image_of_an_achiral_molecule_is_no_copy():
    """Two conformers that are mirror images are two: atoms are told apart."""
    smiles = "OCCO"
    frames = hot_frames(smiles, 5)
    assert codes(real_records(smiles, [*frames, frames[0] * [-1, 1, 1]])) == [ACCEPTED] * 6


@pytest.mark.parametrize("share, verdict", [(0.99, "duplicate"), (1.01, ACCEPTED)])
def test_copies_are_told_by_their_rmsd(records, share, verdict):
    one, other = records[2], copy_of(records[2], noise=0.002)
    found = [x - x.mean(axis=0) for x in (positions_of(one), positions_of(other))]
    limits = LIMITS | {"duplicate_rmsd_angstrom": superposed_rmsd(*found) / share}
    assert codes([*records, other], limits)[-1] == verdict


@given(st.integers(0, 10**6), st.integers(4, 8))
def test_superposed_rmsd_agrees_with_scipy(seed, atoms):
    random = np.random.default_rng(seed)
    one, other = random.normal(size=(2, atoms, 3))
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    _, total = Rotation.align_vectors(one, other)
    assert superposed_rmsd(one, other) == pytest.approx(total / np.sqrt(atoms), abs=1e-6)
    turned = Rotation.random(rng=random).apply(one)
    assert superposed_rmsd(one, turned) == pytest.approx(0.0, abs=1e-7)


def test_copy_with_a_hessian_is_the_one_that_stays(records):
    richer = copy_of(records[2])
    richer["extras"]["forceladder"]["hessian"] = [0.0]
    found = codes([*records, richer])
    assert found[2] == "duplicate" and found[-1] == ACCEPTED


@pytest.mark.parametrize("wrong_first", [True, False])
def test_of_two_energies_of_one_geometry_the_wrong_one_goes(records, wrong_first):
    wrong = copy_of(records[5])
    shift_energy(wrong, 30.0)
    order = [wrong, *records] if wrong_first else [*records, wrong]
    found = codes(order)
    assert found[0 if wrong_first else -1] == "scf_energy_outlier"
    assert sorted(found)[:-1] == [ACCEPTED] * len(records)


@pytest.mark.parametrize("shift", [100.0, 20.0, -20.0, -100.0])
def test_shifted_energy_is_found_in_every_record_and_accuses_no_other(hot, shift):
    for row in range(len(hot)):
        records = copy.deepcopy(hot)
        shift_energy(records[row], shift)
        found = judge_molecule(records, XTB, LIMITS)
        expected = ["scf_energy_outlier" if k == row else ACCEPTED for k in range(len(hot))]
        assert [verdict for verdict, _ in found] == expected
        assert f"{shift:+.1f} on the difference to GFN2-xTB" in found[row][1]


def test_three_shifted_energies_are_found_at_once(records):
    for row, shift in ((1, 15.0), (4, -40.0), (9, 100.0)):
        shift_energy(records[row], shift)
    outliers = [row for row, code in enumerate(codes(records)) if code != ACCEPTED]
    assert outliers == [1, 4, 9]


@pytest.mark.parametrize("shift, power", [(5.0, 0.8), (-5.0, 0.8), (20.0, 1.0), (100.0, 1.0)])
def test_power_of_the_energy_test_at_b3lyp(quickstart, b3lyp_spec, shift, power):
    """Fraction of single shifted energies that are found, records of a molecule in turn."""
    found = []
    for records in quickstart:
        for row in range(0, len(records), 3):
            corrupt = list(records)
            corrupt[row] = copy.deepcopy(records[row])
            shift_energy(corrupt[row], shift)
            verdicts = codes(corrupt, spec=b3lyp_spec)
            found.append(verdicts[row] == "scf_energy_outlier")
            assert verdicts.count(ACCEPTED) == len(records) - found[-1]
    assert np.mean(found) >= power


def test_energy_is_not_judged_by_fewer_than_three_neighbours(records):
    shift_energy(records[0], 30.0)
    assert codes(records[:4])[0] == "scf_energy_outlier"
    assert codes(records[:3]) == [ACCEPTED] * 3


@pytest.mark.parametrize("share, verdict", [(0.999, ACCEPTED), (1.001, "energy_outlier")])
def test_energy_too_high_per_atom_is_refused(records, share, verdict):
    low, high = sorted(records[:2], key=lambda r: r["properties"]["return_energy"])
    atoms = len(positions_of(low))
    height = share * LIMITS["max_energy_kcal_per_atom"] * atoms / HARTREE_IN_KCAL
    high["properties"]["return_energy"] = low["properties"]["return_energy"] + height
    assert codes([low, high]) == [ACCEPTED, verdict]


def test_record_that_was_refused_is_no_lowest_energy(records):
    """An energy far too low, of a record that is refused, makes no other one too high."""
    low = records[0]
    shift_energy(low, -1e5)
    set_gradient(low, 100.0 * gradient_of(low))
    assert codes(records[:2]) == ["large_force", ACCEPTED]


@given(st.integers(0, 10**6))
def test_trapezoidal_rule_is_exact_on_a_surface_quadratic_in_inverse_distances(seed):
    """E = ½ qᵀ A q + b q, with ∂E/∂x by the chain rule, of five atoms: 10 q, 9 of freedom."""
    random = np.random.default_rng(seed)
    stretch = random.normal(size=(6, 6))
    curvature, slope = stretch @ stretch.T, random.normal(size=6)
    geometries = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) + 0.1 * random.normal(
        size=(5, 4, 3)
    )
    energy, gradient = [], []
    for positions in geometries:
        q = inverse_distances(positions)
        energy.append(0.5 * q @ curvature @ q + slope @ q)
        jacobian = np.zeros((6, 4, 3))
        for row, (i, j) in enumerate(zip(*np.triu_indices(4, k=1), strict=True)):
            arm = positions[i] - positions[j]
            jacobian[row, i] = -arm * q[row] ** 3
            jacobian[row, j] = arm * q[row] ** 3
        gradient.append(np.tensordot(curvature @ q + slope, jacobian, axes=1))
        found = inverse_distance_gradient(positions, gradient[-1])
        np.testing.assert_allclose(found, curvature @ q + slope, rtol=1e-3, atol=1e-3)
    surface = Surface(geometries, energy, gradient)
    mismatch = surface.mismatch(0, np.arange(1, 5))
    assert mismatch.median == pytest.approx(0.0, abs=1e-4)
    shifted = Surface(geometries, np.add(energy, [7.0, 0, 0, 0, 0]), gradient)
    assert shifted.mismatch(0, np.arange(1, 5)).median == pytest.approx(7.0, abs=1e-4)


# --- what no verdict depends on -------------------------------------------------------------


@pytest.fixture(scope="module")
def corrupted(hot) -> list[dict]:
    """Records with a defect of every kind that has to do with geometry, and honest ones."""
    records = copy.deepcopy(hot)
    push(records[0], [1.5, 0.0, 0.0])
    set_gradient(records[1], 30.0 * gradient_of(records[1]))
    positions = positions_of(records[2])
    arm = np.cross(positions[1] - positions[0], [0.0, 0.0, 1.0])
    push(records[2], 3.0 * arm, 1)
    push(records[2], -3.0 * arm, 0)
    shift_energy(records[3], 40.0)
    records.append(copy_of(records[6]))
    mirrored, moved = real_records(
        SMILES,
        [embedded(SMILES) * [-1, 1, 1], put(embedded(SMILES), hydrogen_on("O"), atom_of("N"))],
    )
    return [*records, mirrored, moved]


CORRUPTED = {
    "net_force", "large_force", "net_torque", "scf_energy_outlier", "duplicate", "stereo_changed",
    "protonation_changed", ACCEPTED,
}  # fmt: skip


def test_corrupted_records_are_of_every_geometrical_kind(corrupted):
    assert set(codes(corrupted)) == CORRUPTED


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_turning_and_moving_every_record_changes_no_verdict(corrupted, seed):
    random = np.random.default_rng(seed)
    moved = copy.deepcopy(corrupted)
    for record in moved:
        rotation = Rotation.random(rng=random)
        set_positions(record, rotation.apply(positions_of(record)) + random.normal(size=3))
        set_gradient(record, rotation.apply(gradient_of(record)))
    assert codes(moved) == codes(corrupted)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_renumbering_atoms_changes_no_verdict(corrupted, seed):
    order = np.random.default_rng(seed).permutation(mol_of(SMILES).GetNumAtoms())
    smiles = mapped_smiles(Chem.RenumberAtoms(mol_of(SMILES), [int(i) for i in order]))
    renumbered = copy.deepcopy(corrupted)
    for record in renumbered:
        set_positions(record, positions_of(record)[order])
        set_gradient(record, gradient_of(record)[order])
        record["molecule"]["extras"][MAPPED] = smiles
    assert codes(renumbered) == codes(corrupted)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_order_of_records_changes_no_verdict_but_which_copy_stays(corrupted, seed):
    order = np.random.default_rng(seed).permutation(len(corrupted))
    found = codes([corrupted[row] for row in order])
    copies = {6, len(corrupted) - 3}
    before = codes(corrupted)
    for row, code in zip(order, found, strict=True):
        assert code == before[row] or row in copies
    assert {found[list(order).index(row)] for row in copies} == {ACCEPTED, "duplicate"}


def test_energy_of_the_atoms_changes_no_verdict(corrupted):
    shifted = copy.deepcopy(corrupted)
    for record in shifted:
        shift_energy(record, 12345.0)
    assert codes(shifted) == codes(corrupted)


def test_judging_changes_no_record(corrupted):
    before = copy.deepcopy(corrupted)
    judge_molecule(corrupted, XTB, LIMITS)
    assert corrupted == before


# --- the campaign and the rule ----------------------------------------------------------------


def verdicts(accepted, failed, copies=0):
    good = {"molecule": "a", "verdict": ACCEPTED, "reason": ""}
    bad = {"molecule": "b", "verdict": "net_force", "reason": "forces add up to 3"}
    twin = {"molecule": "c", "verdict": "duplicate", "reason": "the same task as geometry 0"}
    return [good] * accepted + [bad] * failed + [twin] * copies


def test_campaign_with_as_many_failures_as_allowed_goes_on():
    judge_campaign(verdicts(9, 1), max_failed_fraction=0.1)
    judge_campaign(verdicts(9, 1, copies=90), max_failed_fraction=0.01)


def test_campaign_with_more_failures_ends_with_the_most_common_of_them():
    rows = [{"molecule": "z", "verdict": "failed_died", "reason": "x"}, *verdicts(89, 10)]
    with pytest.raises(TooManyFailuresError) as caught:
        judge_campaign(rows, max_failed_fraction=0.1)
    for words in ("11 of 100", "0.1", "net_force (10 times)", "b: forces add up to 3",
                  "verdicts.csv"):  # fmt: skip
        assert words in str(caught.value)


def test_empty_campaign_is_a_failure():
    with pytest.raises(TooManyFailuresError, match=r"rejected\.csv"):
        judge_campaign([], max_failed_fraction=1.0)


def judged(folder: Path, molecules: dict[str, list[dict]]) -> SimpleNamespace:
    """Run the script of the rule on records; returns its output paths."""
    main = runpy.run_path(str(SCRIPTS / "judge_qm.py"))["main"]
    for name, records in molecules.items():
        files.write_json_lines(folder / "records" / f"{name}.jsonl.xz", records)
    (folder / "records").mkdir(exist_ok=True)
    names = sorted(path.name for path in (folder / "records").iterdir())
    files.write_json(folder / "records" / files.CONTENTS, names)
    output = SimpleNamespace(
        verdicts=folder / "verdicts.csv", counts=folder / "verdicts.json",
        plot=folder / "verdicts.svg", measures=folder / "measures.svg",
    )  # fmt: skip
    main(
        SimpleNamespace(
            input=SimpleNamespace(records=[str(folder / "records")]), output=output,
            params=SimpleNamespace(spec=XTB, limits=LIMITS),
        )
    )  # fmt: skip
    return output


def test_rule_writes_a_row_per_record_with_its_kind(tmp_path, hot):
    molecule = hot[0]["molecule"]
    failed = make_record(make_task(molecule, XTB, "tblite 0.8.0"), molecule, FAILURE)
    relaxed = copy.deepcopy(hot[7])
    procedure = {"kind": "minimum", "converged": False, "steps": 9}
    relaxed["extras"]["forceladder"]["procedure"] = procedure
    output = judged(tmp_path, {"one": [*hot[:7], failed, relaxed], "two": hot[:5]})
    rows = read_table(output.verdicts)
    assert list(rows[0]) == ["molecule", "geometry", "kind", "verdict", "reason", "wall_seconds",
                             "cpu_seconds", "digest"]  # fmt: skip
    assert [row["geometry"] for row in rows] == [*map(str, range(9)), *map(str, range(5))]
    assert [row["kind"] for row in rows[:9]] == ["sampled"] * 8 + ["minimum"]
    assert rows[7]["verdict"] == "failed_SCFConvergenceError"
    counts = json.loads(output.counts.read_text())
    assert counts == {
        "records": 14, "accepted": 12,
        "counts": {"sampled": {ACCEPTED: 12, "failed_SCFConvergenceError": 1},
                   "minimum": {"not_converged": 1}},
    }  # fmt: skip
    for picture in (output.plot, output.measures):
        assert picture.read_text().count("<path") > 20


def test_rule_writes_its_files_where_there_is_no_record(tmp_path):
    output = judged(tmp_path, {})
    assert read_table(output.verdicts) == []
    assert json.loads(output.counts.read_text()) == {"records": 0, "accepted": 0, "counts": {}}
    assert output.plot.exists() and output.measures.exists()


def test_measures_of_every_judged_record_are_numbers(hot):
    for finding in examine_molecule(hot, XTB, LIMITS):
        missing = {name for name, value in finding.measures.items() if not np.isfinite(value)}
        assert set(finding.measures) == set(MEASURES) and missing == {"finite_difference_error"}
