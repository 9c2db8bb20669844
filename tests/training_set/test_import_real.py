"""Public data sets, where they lie, have what their descriptions say."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds
from tblite.interface import Calculator

from examples import read
from forceladder.errors import (
    MoleculeError,
    TooManyFailuresError,
)
from forceladder.molecules.angles import torsion_angle
from forceladder.training_set.dataset import (
    molecule_positions,
    row_ranges,
)
from forceladder.training_set.importers import identity
from forceladder.training_set.importers.collect import import_data
from forceladder.training_set.importers.openff_industry import sdf_entries
from forceladder.training_set.importers.torsions_npz import read_torsions_npz
from imported_files import BOHR, HARTREE


def real(*parts) -> Path:
    """A file of the public sets; the test is skipped where they are missing."""
    root = Path(os.environ.get("FORCELADDER_DATA", Path(__file__).parents[2] / "../shared/data"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {path}; FORCELADDER_DATA may name a folder of the public sets")
    return path


def real_import(form, *parts, **settings):
    level = {} if form in ("spice", "torsions_npz") else {"level_of_theory": "as its README says"}
    return import_data("real", real(*parts), {"format": form, **level, **settings})


def test_qm7x_is_250_molecules_of_ten_frames():
    """RDKit's own connectivity, whose count its README gives, agrees on every molecule."""
    dataset, rejected = real_import("qm7x_npz", "qm7x", "qm7x_250_small.npz")
    assert rejected == []
    assert dataset["conformer_count"].values.tolist() == [10] * 250
    flags, ranges = dataset["flag"].values, row_ranges(dataset)
    majority = 0
    for row in range(250):
        numbers = dataset["atomic_number"].values[slice(*ranges["atom"][row : row + 2])]
        positions = molecule_positions(dataset, row)
        by_rdkit = [rdkit_bonds(numbers, x) for x in positions]
        most = max(by_rdkit, key=by_rdkit.count)
        majority += by_rdkit.count(most)
        bonds = dataset["bond_atoms"].values[slice(*ranges["bond"][row : row + 2])]
        assert most == {tuple(sorted(bond)) for bond in bonds.tolist()}
    assert majority == 2003
    assert (flags == "connectivity_changed").sum() == 607  # by the house's stricter rule
    spread = [np.ptp(dataset["energy"].values[10 * row : 10 * row + 10]) for row in range(250)]
    assert np.median(spread) == pytest.approx(246, abs=0.5)


def rdkit_bonds(numbers, positions) -> set:
    mol = identity.skeleton(numbers, ())
    conformer = Chem.Conformer(len(positions))
    conformer.SetPositions(np.array(positions))
    mol.AddConformer(conformer)
    rdDetermineBonds.DetermineConnectivity(mol)
    return {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}


def test_3bpa_is_one_molecule_named_or_not():
    smiles = "Nc1ncccc1OCc1ccccc1"
    for options in ({}, {"smiles": smiles}):
        dataset, rejected = real_import("extxyz", "3bpa", "train_mixedT.xyz", **options)
        assert rejected == []
        assert dataset["conformer_count"].values.tolist() == [500]
        assert dataset["inchikey"].values.tolist() == [read(smiles)["inchikey"]]
        hot = dataset["flag"].values == "hot"
        # 300 K, 600 K, 1200 K: 2 kcal/mol on every atom is the mean of 670 K
        assert not hot[:167].any()
        assert hot[167:334].mean() < 0.05 < 0.8 < hot[334:].mean()


def test_ethanol_and_methanol_are_told_apart_and_lone_atoms_rejected():
    dataset, rejected = real_import("extxyz", "ethanol", "train_eth_meth.xyz")
    assert rejected == []
    assert dataset["inchikey"].values.tolist() == [read("CO")["inchikey"], read("CCO")["inchikey"]]
    with pytest.raises(TooManyFailuresError, match="one atom has no geometry"):
        real_import("extxyz", "ethanol", "isolated_atoms.xyz")


def test_torsion_set_has_the_scans_of_its_readme():
    """Before any molecule is judged; the stored angles are those of the stored torsions."""
    molecules = list(read_torsions_npz(real("torsions", "TorsionTest2000.npz")))
    assert sum(len(scans) for _, _, scans in molecules) == 2109
    assert len({said["smiles"] for said, _, _ in molecules}) == 1838
    assert sum(len(conformers) for _, conformers, _ in molecules) == 2109 * 24
    worst = 0.0
    for _, conformers, scans in molecules[::20]:
        for item in conformers:
            corners = item["positions"][scans[item["scan"]][:4]]
            difference = torsion_angle(corners[None])[0] - item["scan_angle"][0]
            worst = max(worst, abs((difference + 180.0) % 360.0 - 180.0))
    assert worst < 0.01


def test_torsion_set_is_perceived_as_the_smiles_that_it_gives():
    """Every tenth molecule, by the InChIKey; what differs is drawn by another resonance form."""
    same = asked = 0
    for said, conformers, _ in list(read_torsions_npz(real("torsions", "TorsionTest2000.npz")))[
        ::10
    ]:
        numbers, positions = said["atomic_numbers"], identity.least_strained(conformers)
        if {5, 14} & set(numbers):
            continue  # B and Si, which no force field here knows
        given = identity.molecule_of_smiles(said["smiles"], numbers, positions)
        try:
            found = identity.perceived_molecule(numbers, positions, said["net_charge"])
            same += Chem.MolToInchiKey(found) == Chem.MolToInchiKey(given)
        except MoleculeError:
            pass
        asked += 1
    assert asked > 150
    assert same / asked > 0.99


def test_openff_torsion_drives_have_the_points_of_their_readme():
    dataset, rejected = real_import(
        "openff_torsiondrives", "openff_torsiondrives", "original-torsiondrives"
    )
    assert rejected == []
    assert dataset.sizes["molecule"] == 58
    assert dataset.sizes["conformer"] == 1560
    assert dataset.sizes["scan"] == 65  # rows of 48 and 96 points are two and four drives
    assert (dataset["flag"].values == "").all()
    assert (dataset["scan"].values >= 0).all()


def test_openff_industry_chunks_have_the_minima_of_their_readme():
    """Ten chunks, one of them imported."""
    chunks = sorted(real("openff_industry").glob("*.sdf.gz"))
    assert sum(1 for chunk in chunks for _ in sdf_entries(chunk)) == 2940
    dataset, rejected = real_import(
        "openff_industry", "openff_industry", "01-processed-qm-1.sdf.gz"
    )
    assert rejected == []
    assert dataset.sizes["conformer"] == 294
    assert (dataset["geometry_kind"].values == "minimum").all()


def test_spice_file_has_the_dipoles_of_its_own_multipoles():
    """MBIS charges and dipoles about the origin of the positions: Σ q r + Σ μ."""
    path = real("spice_fixture", "SPICE-1.1.4_n2.hdf5")
    dataset, rejected = real_import("spice", "spice_fixture", "SPICE-1.1.4_n2.hdf5")
    assert [line["code"] for line in rejected] == ["several_components"]  # an ion pair
    assert dataset["net_charge"].values.tolist() == [1]
    with h5py.File(path) as file:
        charges = file["103147721/mbis_charges"][:][..., 0]
        dipoles = file["103147721/mbis_dipoles"][:].sum(axis=1) * BOHR
        quadrupoles = file["103147721/mbis_quadrupoles"][:].sum(axis=1) * BOHR**2
        atomic = file["103147721/mbis_dipoles"][:] * BOHR
    positions = molecule_positions(dataset, 0)
    expected = np.einsum("ca,cax->cx", charges, positions) + dipoles
    np.testing.assert_allclose(dataset["dipole"].values, expected, atol=2e-3)
    second = np.einsum("ca,cax,cay->cxy", charges, positions, positions) + quadrupoles
    mixed = np.einsum("cax,cay->cxy", atomic, positions)
    second += mixed + mixed.transpose(0, 2, 1)
    upper = second[:, *np.triu_indices(3)]
    np.testing.assert_allclose(dataset["quadrupole"].values, upper, atol=5e-3)
    orders = dataset["bond_orders"].values.reshape(50, -1)
    assert 0.6 < orders.min() < orders.max() < 2.5


@pytest.mark.parametrize(
    "form, parts",
    [
        ("extxyz", ("3bpa", "train_300K.xyz")),
        ("extxyz", ("ethanol", "test_MD.xyz")),
        ("qm7x_npz", ("qm7x", "qm7x_250_small.npz")),
        ("spice", ("spice_fixture", "SPICE-1.1.4_n2.hdf5")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_real_gradients_are_in_the_units_that_gfn2_xtb_expects(form, parts):
    """Another method, the same molecules: sign, unit and order of atoms must fit."""
    dataset, _ = real_import(form, *parts)
    ranges = row_ranges(dataset)
    ours, theirs, work, difference = [], [], [], []
    for row in range(0, dataset.sizes["molecule"], 10):
        atoms = dataset["atomic_number"].values[slice(*ranges["atom"][row : row + 2])]
        conformers = slice(*ranges["conformer"][row : row + 2])
        whole = dataset["flag"].values[conformers] == ""
        gradients = dataset["gradients"].values[slice(*ranges["position"][row : row + 2])]
        gradients = gradients.reshape(-1, len(atoms), 3)[whole]
        positions = molecule_positions(dataset, row)[whole]
        energies = dataset["energy"].values[conformers][whole]
        for k in range(min(len(positions), 20)):
            ours.append(gradients[k].ravel())
            theirs.append(xtb_gradient(atoms, positions[k], dataset["net_charge"].values[row]))
        for k in range(len(positions) - 1):
            others = range(k + 1, min(k + 41, len(positions)))
            turned = [(row, *superposed(positions[row], positions[k])) for row in others]
            row, step, turn = min(turned, key=lambda found: np.square(found[1]).sum())
            if np.square(step).sum() < 0.3**2 * len(atoms):
                work.append(0.5 * ((gradients[k] + gradients[row] @ turn) * step).sum())
                difference.append(energies[row] - energies[k])
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.93
    assert 0.85 < (ours @ theirs) / (ours @ ours) < 1.15
    # the trapezoidal rule between frames up to 0.3 Å per atom apart: rough, but the sign is clear
    assert np.corrcoef(work, difference)[0, 1] > 0.7


def xtb_gradient(numbers, positions, charge) -> np.ndarray:
    """GFN2-xTB, flat, kcal/mol/Å."""
    calculator = Calculator("GFN2-xTB", numbers, positions / BOHR, charge=float(charge))
    calculator.set("verbosity", 0)
    return calculator.singlepoint().get("gradient").ravel() * HARTREE / BOHR


def superposed(moving, fixed) -> tuple[np.ndarray, np.ndarray]:
    """Step from `fixed` to `moving` once turned onto it (Kabsch), and the turn [3, 3]."""
    moving, fixed = moving - moving.mean(axis=0), fixed - fixed.mean(axis=0)
    left, _, right = np.linalg.svd(moving.T @ fixed)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ sign @ right
    return moving @ turn - fixed, turn
