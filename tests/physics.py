"""What every potential energy surface owes to physics, whatever rung it comes from.

Inherit from `Physics` and say what the potential is:

    class TestClass2(Physics):
        def potential(self, molecules, positions):
            ...

All geometries of a call go into one ragged batch. Tolerances are those of float64.
"""

import numpy as np
import pytest
from rdkit import Chem

import oracles
from examples import read
from force_fields import reordered, shaken
from forceladder.molecules.read import mapped_smiles, molecule_from_mapped_smiles

# A chiral molecule, an ion with resonance, a small ring, a linear chain, an improper, an atom pair
MOLECULES = ("C[C@H](N)C=O", "CC(=O)[O-]", "C1CC1", "CC#N", "O", "CNC=O", "[H][H]", "ClCCl")
EVERY_MOLECULE = pytest.mark.parametrize("smiles", MOLECULES)


class Physics:
    """Energies and forces of one model, asked the same questions as every other model."""

    relative = 1e-11  # of energies and of the largest force
    difference_error = 1e-6  # of forces against differences, relative to the largest force

    def potential(self, molecules: list[str], positions: list) -> tuple[np.ndarray, list]:
        """Energies [molecules] kcal/mol and gradients, each [atoms, 3] kcal/mol/Å.

        molecules: mapped SMILES      positions: [atoms, 3] Å for each of them
        """
        raise NotImplementedError

    def one(self, molecule, positions):
        energies, gradients = self.potential([molecule], [positions])
        return float(energies[0]), gradients[0]

    def assert_same(self, found, expected):
        (energy, gradient), (expected_energy, expected_gradient) = found, expected
        size = 1.0 + abs(expected_energy) + np.abs(expected_gradient).max()
        assert energy == pytest.approx(expected_energy, abs=self.relative * size)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=self.relative * size)

    @EVERY_MOLECULE
    def test_rotated_molecule_has_the_same_energy_and_rotated_forces(self, smiles):
        name, x = read(smiles)["mapped_smiles"], shaken(smiles, 1, 0.1)
        energy, gradient = self.one(name, x)
        for seed in range(3):
            turn = rotation(seed)
            self.assert_same(self.one(name, x @ turn.T), (energy, gradient @ turn.T))

    @EVERY_MOLECULE
    def test_translated_molecule_has_the_same_energy_and_forces(self, smiles):
        name, x = read(smiles)["mapped_smiles"], shaken(smiles, 2, 0.1)
        self.assert_same(self.one(name, x + [5.0, -7.0, 11.0]), self.one(name, x))

    @EVERY_MOLECULE
    def test_net_force_and_torque_are_zero(self, smiles):
        x = shaken(smiles, 3, 0.1)
        _, gradient = self.one(read(smiles)["mapped_smiles"], x)
        size = self.relative * (1.0 + np.abs(gradient).max()) * len(x)
        np.testing.assert_allclose(gradient.sum(axis=0), 0.0, atol=size)
        np.testing.assert_allclose(np.cross(x, gradient).sum(axis=0), 0.0, atol=10 * size)

    @EVERY_MOLECULE
    def test_mirror_images_have_equal_energy(self, smiles):
        """Both as a mirrored geometry and as the molecule drawn as its own enantiomer."""
        name, x, mirror = read(smiles)["mapped_smiles"], shaken(smiles, 4, 0.1), [1.0, 1.0, -1.0]
        energy, gradient = self.one(name, x)
        self.assert_same(self.one(name, x * mirror), (energy, gradient * mirror))
        self.assert_same(self.one(enantiomer(name), x * mirror), (energy, gradient * mirror))

    @EVERY_MOLECULE
    def test_order_of_the_users_atoms_changes_nothing(self, smiles):
        x = shaken(smiles, 5, 0.1)
        energy, gradient = self.one(read(smiles)["mapped_smiles"], x)
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(x))
            found = self.one(reordered(smiles, order), x[order])
            self.assert_same(found, (energy, gradient[order]))

    def test_molecules_of_a_batch_do_not_feel_each_other(self):
        """Strict extensivity: together they are what each is alone, near or far apart."""
        names = [read(smiles)["mapped_smiles"] for smiles in MOLECULES]
        for distance in (0.0, 1.0, 1000.0):
            x = [shaken(m, 6, 0.1) + row * distance for row, m in enumerate(MOLECULES)]
            energies, gradients = self.potential(names, x)
            for together, alone in zip(
                zip(energies, gradients, strict=True), map(self.one, names, x), strict=True
            ):
                self.assert_same(together, alone)

    @EVERY_MOLECULE
    def test_forces_are_the_slope_of_the_energy(self, smiles):
        name, x = read(smiles)["mapped_smiles"], shaken(smiles, 7, 0.05)
        _, gradient = self.one(name, x)

        def energies(stack):
            return self.potential([name] * len(stack), list(stack))[0]

        differences = oracles.gradient_by_differences(energies, x)
        size = self.difference_error * (1.0 + np.abs(gradient).max())
        np.testing.assert_allclose(gradient, differences, rtol=0, atol=size)

    @EVERY_MOLECULE
    def test_energy_goes_on_without_a_jump(self, smiles):
        """Along a line through the molecule no step is larger than its slope explains."""
        name, x = read(smiles)["mapped_smiles"], shaken(smiles, 8, 0.02)
        direction = np.random.default_rng(8).normal(size=x.shape)
        line = np.linspace(-0.1, 0.1, 101)
        energies, gradients = self.potential([name] * 101, [x + t * direction for t in line])
        slopes = np.array([np.sum(gradient * direction) for gradient in gradients])
        steps = 0.5 * (slopes[1:] + slopes[:-1]) * np.diff(line)  # trapezoid rule
        np.testing.assert_allclose(
            np.diff(energies), steps, rtol=0, atol=1e-3 * (1.0 + np.abs(slopes).max() * 2e-3)
        )


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.linalg.det(matrix)


def enantiomer(name: str) -> str:
    """Mapped SMILES of the mirror image."""
    mol = molecule_from_mapped_smiles(name)
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            atom.InvertChirality()
    return mapped_smiles(mol)
