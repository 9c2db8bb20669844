"""OpenFF's Sage through Interchange and OpenMM, against its own equations done by hand."""

import logging
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdPartialCharges

from examples import mol_of
from forceladder.errors import MissingProgramError
from forceladder.molecules.conformers import minimized_conformers
from forceladder.openff import sage
from forceladder.openff.packages import HOW
from forceladder.openff.sage import SAGE, sage_system
from forceladder.units import ANGSTROM_IN_NM, COULOMB, KCAL_IN_KJ
from forceladder.validate.baselines import BASELINES, OPENFF_SAGE, require_baseline
from forceladder.validate.surface import openmm_surface

pytest.importorskip(
    "openff.interchange", reason=f"openff-interchange is not installed here; {HOW}."
)

# Ions, rings, conjugation, impropers, sp carbons, P and S of odd valence, every element of Sage
MOLECULES = """
    CCO CC(=O)[O-] C[NH3+] CC(=O)Nc1ccc(O)cc1 C[C@H](N)C(=O)O COP(=O)([O-])OC CS(=O)(=O)C
    CSC FC(F)(Cl)Br C[N+](=O)[O-] N#Cc1ccccc1 IC#C O CN=[N+]=[N-]
""".split()
# e, in the order of CCO, published with openff-gnn-am1bcc-1.0.0 (tests of openff-nagl-models)
ETHANOL_NAGL = [-0.09629, 0.13245, -0.60293, 0.04465, 0.04465, 0.04465, 0.01728, 0.01728, 0.39826]


def charges_of(mol) -> np.ndarray:
    """Gasteiger's, e; any that add up will do."""
    mol = Chem.Mol(mol)
    rdPartialCharges.ComputeGasteigerCharges(mol)
    charges = np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()])
    return charges + (Chem.GetFormalCharge(mol) - charges.sum()) / len(charges)


def distorted(smiles: str, count: int = 2):
    """The molecule, its charge and `count` displaced geometries [count, atoms, 3] Å."""
    mol = mol_of(smiles)
    minimum = minimized_conformers(mol, 1, candidates=2, prune_rmsd=0.0, seed=1)[0]
    noise = np.random.default_rng(0).normal(0.0, 0.05, (count, *minimum.shape))
    return mol, Chem.GetFormalCharge(mol), minimum + noise


def sage_energies(mol, net_charge, positions, *given, **named):
    """Energies [geometries] kcal/mol and gradients [geometries, atoms, 3] kcal/mol/Å, as the
    baseline has them."""
    return openmm_surface(sage_system(mol, net_charge, *given, **named)).many(positions)


def angle_between(u, v) -> float:
    return np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v)


def torsion(x, i, j, k, l) -> float:  # noqa: E741 - the four atoms' usual names
    b1, b2, b3 = x[j] - x[i], x[k] - x[j], x[l] - x[k]
    n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
    return np.arctan2(b1 @ n2 * np.linalg.norm(b2), n1 @ n2)


def energy_by_hand(mol, positions, charges) -> float:
    """kcal/mol, from the SMIRNOFF specification's equations and OpenFF's labels alone."""
    from openff.toolkit import ForceField, Molecule
    from openff.units import unit

    molecule = Molecule.from_rdkit(mol, allow_undefined_stereo=True, hydrogens_are_explicit=True)
    (labels,) = ForceField(SAGE).label_molecules(molecule.to_topology())
    x, energy = np.asarray(positions, float), 0.0
    kcal = unit.kilocalorie_per_mole

    for (i, j), term in labels["Bonds"].items():
        k, length = term.k.m_as(kcal / unit.angstrom**2), term.length.m_as(unit.angstrom)
        energy += 0.5 * k * (np.linalg.norm(x[i] - x[j]) - length) ** 2
    for (i, j, m), term in labels["Angles"].items():
        k, angle = term.k.m_as(kcal / unit.radian**2), term.angle.m_as(unit.radian)
        energy += 0.5 * k * (angle_between(x[i] - x[j], x[m] - x[j]) - angle) ** 2

    def fourier(term, phi, dividers):
        terms = zip(term.k, term.periodicity, term.phase, dividers, strict=True)
        return sum(
            k.m_as(kcal) / n_paths * (1 + np.cos(n * phi - phase.m_as(unit.radian)))
            for k, n, phase, n_paths in terms
        )

    for atoms, term in labels["ProperTorsions"].items():
        energy += fourier(term, torsion(x, *atoms), term.idivf or [1.0] * len(term.k))
    for (i, j, k, m), term in labels["ImproperTorsions"].items():  # j is the centre
        for a, b, c in ((i, k, m), (k, m, i), (m, i, k)):  # trefoil: a third each
            energy += fourier(term, torsion(x, j, a, b, c), [3.0] * len(term.k))

    distance = Chem.GetDistanceMatrix(mol)
    vdw = [labels["vdW"][(atom,)] for atom in range(len(x))]
    rmin_half = [term.rmin_half.m_as(unit.angstrom) for term in vdw]
    epsilon = [term.epsilon.m_as(kcal) for term in vdw]
    for i, j in combinations(range(len(x)), 2):
        if distance[i, j] < 3:
            continue
        scale_vdw, scale_coulomb = (0.5, 0.8333333333) if distance[i, j] == 3 else (1.0, 1.0)
        r = np.linalg.norm(x[i] - x[j])
        ratio = ((rmin_half[i] + rmin_half[j]) / r) ** 6
        energy += scale_vdw * np.sqrt(epsilon[i] * epsilon[j]) * (ratio**2 - 2.0 * ratio)
        energy += scale_coulomb * COULOMB * charges[i] * charges[j] / r
    return energy


@pytest.mark.parametrize("smiles", MOLECULES)
def test_energies_are_those_of_the_equations_done_by_hand(smiles):
    mol, net_charge, positions = distorted(smiles)
    charges = charges_of(mol)
    energies, _ = sage_energies(mol, net_charge, positions, charges=charges)
    for energy, x in zip(energies, positions, strict=True):
        # OpenMM's Coulomb constant differs from CODATA's in the seventh digit
        assert energy == pytest.approx(energy_by_hand(mol, x, charges), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "C[C@H](N)C(=O)O", "CS(=O)(=O)C"])
def test_gradients_are_slopes_of_these_equations(smiles):
    mol, net_charge, positions = distorted(smiles, count=1)
    charges = charges_of(mol)
    _, gradients = sage_energies(mol, net_charge, positions, charges=charges)
    random, step = np.random.default_rng(1), 1e-4  # Å
    for _ in range(3):
        direction = random.normal(size=positions[0].shape)
        direction /= np.linalg.norm(direction)
        up, down = (
            energy_by_hand(mol, positions[0] + sign * step * direction, charges)
            for sign in (1.0, -1.0)
        )
        assert (gradients[0] * direction).sum() == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_bonds_with_hydrogen_pull():
    """openff-2.3.0.offxml constrains them for dynamics; its unconstrained twin is the judge."""
    mol, net_charge, positions = distorted("CCO")
    ours = sage_energies(mol, net_charge, positions, charges=ETHANOL_NAGL)
    twin = sage_energies(
        mol, net_charge, positions, "openff_unconstrained-2.3.0.offxml", ETHANOL_NAGL
    )
    for one, two in zip(ours, twin, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-9)
    assert sage_system(mol, net_charge, charges=ETHANOL_NAGL).getNumConstraints() == 0


@settings(max_examples=10)
@given(st.lists(st.floats(-0.5, 0.5), min_size=8, max_size=8))
def test_each_atom_has_the_charge_that_it_was_given(some):
    """Equivalent hydrogens too, in whatever order Interchange matches molecules."""
    charges = [*some, -sum(some)]
    system = sage_system(mol_of("CCO"), 0, charges=charges)
    (force,) = [f for f in system.getForces() if type(f).__name__ == "NonbondedForce"]
    found = [force.getParticleParameters(atom)[0]._value for atom in range(9)]
    np.testing.assert_allclose(found, charges, atol=1e-12)


def test_charges_that_do_not_fit_are_refused():
    mol = mol_of("C[NH3+]")
    with pytest.raises(ValueError, match="add up to 0 e do not fit 8 atoms with a net charge of 1"):
        sage_system(mol, 1, charges=np.zeros(8))
    with pytest.raises(ValueError, match="7 charges"):
        sage_system(mol, 1, charges=np.full(7, 1 / 7))


@pytest.mark.parametrize("smiles", ["[CH3]", "[H][H]"])
def test_a_molecule_without_parameters_has_no_system_and_says_so(smiles, caplog):
    mol = mol_of(smiles)
    with caplog.at_level(logging.WARNING):
        assert sage_system(mol, 0, charges=np.zeros(mol.GetNumAtoms())) is None
    assert f"{SAGE} has no parameters for" in caplog.text


def test_without_a_charge_model_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sage, "has_nagl", lambda: False)
    monkeypatch.setattr(sage, "has_ambertools", lambda: False)
    with pytest.raises(
        MissingProgramError, match=r"neither openff-nagl with its model.*AmberTools"
    ):
        sage_system(mol_of("CCO"), 0)
    assert sage.why_no_sage() == sage.why_no_charges() is not None
    monkeypatch.setattr(sage, "has_ambertools", lambda: True)
    assert sage.why_no_sage() is None


def test_a_force_field_that_is_not_installed_is_named():
    with pytest.raises(MissingProgramError, match=r"no-such-1.0.0\.offxml is not in the installed"):
        sage_system(mol_of("CCO"), 0, "no-such-1.0.0.offxml", ETHANOL_NAGL)


def small_nagl_model(path):
    """A graph network of NAGL's with random weights, for H, C, N and O, but not for N–N."""
    import torch

    nagl = pytest.importorskip("openff.nagl", reason="openff-nagl is not installed")
    from openff.nagl.config.model import ModelConfig
    from openff.nagl.domains import ChemicalDomain
    from openff.nagl.features import atoms

    torch.manual_seed(0)
    layer = {"hidden_feature_size": 8, "activation_function": "ReLU"}
    config = ModelConfig(
        version="0.1",
        atom_features=[atoms.AtomicElement(), atoms.AtomConnectivity()],
        convolution={"architecture": "SAGEConv", "layers": [layer | {"aggregator_type": "mean"}]},
        readouts={
            "am1bcc_charges": {
                "pooling": "atoms", "layers": [layer, layer | {"hidden_feature_size": 2}],
                "postprocess": "compute_partial_charges",
            }
        },
    )  # fmt: skip
    domain = ChemicalDomain(allowed_elements=(1, 6, 7, 8), forbidden_patterns=("[#7:1]~[#7:2]",))
    model = nagl.GNNModel(config, chemical_domain=domain)
    model.save(path)
    return model


@pytest.fixture
def small_nagl(tmp_path, monkeypatch):
    """Sage's own model of charges needs a download; what is done with a model is the same for
    any."""
    model = small_nagl_model(tmp_path / "small.pt")
    monkeypatch.setattr(sage, "NAGL_MODEL", str(tmp_path / "small.pt"))
    monkeypatch.setattr(sage, "has_nagl", lambda: True)
    return model


def charges_by(model, mol) -> np.ndarray:
    from openff.toolkit import Molecule

    molecule = Molecule.from_rdkit(mol, allow_undefined_stereo=True, hydrogens_are_explicit=True)
    return model.compute_property(molecule, as_numpy=True).astype(float)


def test_charges_are_those_of_nagl(small_nagl):
    mol, net_charge, positions = distorted("CC(=O)[O-]")
    charges = charges_by(small_nagl, mol)
    assert charges.sum() == pytest.approx(-1.0, abs=1e-5) and np.ptp(charges) > 0.01
    found = sage_energies(mol, net_charge, positions)
    expected = sage_energies(mol, net_charge, positions, charges=charges)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-3)  # float32 charges, normalized
    np.testing.assert_allclose(found[1], expected[1], atol=1e-3)
    assert sage_system(mol_of("CN=[N+]=[N-]"), 0) is None  # outside the model's domain


def interchange_energies(mol, positions, charges):
    """kcal/mol and kcal/mol/Å of the System that openff-interchange makes of the force field that
    OpenFF publishes without constraints."""
    import openmm
    from openff.toolkit import ForceField, Molecule, Quantity

    molecule = Molecule.from_rdkit(mol, allow_undefined_stereo=True, hydrogens_are_explicit=True)
    molecule.partial_charges = Quantity(charges, "elementary_charge")
    system = (
        ForceField("openff_unconstrained-2.3.0.offxml")
        .create_interchange(molecule.to_topology(), charge_from_molecules=[molecule])
        .to_openmm_system()
    )
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    energies, gradients = [], []
    for x in positions:
        context.setPositions(x * ANGSTROM_IN_NM)
        state = context.getState(energy=True, forces=True)
        energies.append(state.getPotentialEnergy()._value / KCAL_IN_KJ)
        forces = np.array(state.getForces(asNumpy=True)._value)
        gradients.append(-forces * ANGSTROM_IN_NM / KCAL_IN_KJ)
    return np.array(energies), np.array(gradients)


def test_the_baseline_is_what_interchange_makes_and_its_gradient_its_slope(small_nagl):
    """OpenFF Sage 2.3.0 as validation.baselines names it, of ethanol at two geometries."""
    mol, net_charge, positions = distorted("CCO")
    require_baseline(OPENFF_SAGE)
    surface = BASELINES[OPENFF_SAGE](mol, net_charge)
    energies, gradients = surface.many(positions)
    expected = interchange_energies(mol, positions, charges_by(small_nagl, mol))
    np.testing.assert_allclose(energies, expected[0], atol=1e-3)  # float32 charges, normalized
    np.testing.assert_allclose(gradients, expected[1], atol=1e-3)
    assert abs(energies[1] - energies[0]) > 0.1
    step = 1e-4  # Å
    for x, gradient in zip(positions, gradients, strict=True):
        for place in np.ndindex(x.shape):
            shift = np.zeros_like(x)
            shift[place] = step
            slope = (surface(x + shift)[0] - surface(x - shift)[0]) / (2.0 * step)
            assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-4)


@pytest.mark.skipif("not sage.has_nagl()", reason=f"{sage.NAGL_MODEL} is not installed")
def test_ethanol_has_the_charges_that_were_published():
    mol, net_charge, positions = distorted("CCO")
    found = sage_energies(mol, net_charge, positions)
    published = sage_energies(mol, net_charge, positions, charges=ETHANOL_NAGL)
    np.testing.assert_allclose(found[0], published[0], atol=2e-3)
