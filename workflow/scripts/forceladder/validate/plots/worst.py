"""Molecules in two dimensions, atoms coloured by how wrong the forces on them are."""

import matplotlib
import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor

from forceladder.figures import plt
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.validate.plots.style import INK, SOFT, plain_bar, split_name

COLOURS = plt.get_cmap("YlOrRd")


def plot_worst(dataset, cases: list[dict]):
    """One row a method, one panel a case of `worst.worst_cases`.

    Discs are atoms, coloured by the length of the error of the force on them; a ring marks the
    worst. Below: energy, and the force on that atom, of both sides.
    """
    methods = list(dict.fromkeys(case["method"] for case in cases))
    columns = max((sum(c["method"] == m for c in cases) for m in methods), default=1)
    figure, axes = plt.subplots(
        max(len(methods), 1), columns, squeeze=False,
        figsize=(2.6 * columns + 0.4, 2.9 * max(len(methods), 1) + 0.7),
    )  # fmt: skip
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.06)
    for axis in axes.flat:
        axis.set_axis_off()
    if not cases:
        axes[0, 0].text(0.5, 0.5, "no forces to compare", ha="center", va="center")
        return figure
    largest = max(case["force_error"] for case in cases)
    smallest = min(float(np.median(case["atom_errors"])) for case in cases)
    scale = matplotlib.colors.LogNorm(max(smallest, 1e-3 * largest), largest, clip=True)
    for row, method in enumerate(methods):
        for axis, case in zip(axes[row], [c for c in cases if c["method"] == method], strict=False):
            smiles = str(dataset["mapped_smiles"].values[case["index"]])
            draw_molecule(axis, molecule_from_mapped_smiles(smiles), case["atom_errors"], scale)
            axis.set_title(f"{case['molecule']}\n", fontsize=9)
            axis.text(0.5, 1.015, _origin(case), transform=axis.transAxes, ha="center",
                      fontsize=7, color=SOFT)  # fmt: skip
            axis.text(0.5, -0.02, _numbers(case), transform=axis.transAxes, ha="center", va="top",
                      fontsize=7.2, color=INK, linespacing=1.35)  # fmt: skip
        axes[row, 0].text(-0.08, 0.5, method, transform=axes[row, 0].transAxes, rotation=90,
                          ha="right", va="center", fontsize=11, fontweight="bold")  # fmt: skip
    bar = figure.colorbar(
        matplotlib.cm.ScalarMappable(scale, COLOURS), ax=axes, location="bottom",
        fraction=0.02, pad=0.02, aspect=60,
    )  # fmt: skip
    bar.set_label("error of the force on an atom (kcal/mol/Å)")
    plain_bar(bar)
    return figure


def draw_molecule(axis, mol: Chem.Mol, values, scale):
    """Bonds as lines, atoms as discs coloured by `values` [atoms] on a scale."""
    x = flat_coordinates(mol)
    for bond in mol.GetBonds():
        _draw_bond(axis, x[bond.GetBeginAtomIdx()], x[bond.GetEndAtomIdx()], bond)
    for atom in mol.GetAtoms():
        row, hydrogen = atom.GetIdx(), atom.GetAtomicNum() == 1
        colour = COLOURS(scale(values[row]))
        worst = row == int(np.argmax(values))
        axis.add_patch(plt.Circle(
            x[row], 0.24 if hydrogen else 0.38, facecolor=colour, zorder=2,
            edgecolor=INK if worst else "#9aa5b1", linewidth=1.6 if worst else 0.6,
        ))  # fmt: skip
        light = np.dot(colour[:3], (0.299, 0.587, 0.114)) > 0.55
        axis.text(*x[row], _symbol(atom), ha="center", va="center_baseline", zorder=3,
                  fontsize=_letters(x) * (0.7 if hydrogen else 1.0),
                  color=INK if light else "white")  # fmt: skip
    centre, half = (x.min(axis=0) + x.max(axis=0)) / 2, np.ptp(x, axis=0).max() / 2 + 0.5
    axis.set_aspect("equal")
    axis.set_xlim(centre[0] - half, centre[0] + half)
    axis.set_ylim(centre[1] - half, centre[1] + half)


def flat_coordinates(mol: Chem.Mol) -> np.ndarray:
    """[atoms, 2], hydrogens included, the longer side of the drawing horizontal, in Å."""
    mol = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(mol)
    x = mol.GetConformer().GetPositions()[:, :2]
    x = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(x.T @ x)
    return x @ axes[:, ::-1]


def _letters(x) -> float:
    """Font size that fits the discs of a drawing that fills its panel."""
    return float(np.clip(48.0 / (np.ptp(x, axis=0).max() + 1.0), 2.5, 9.0))


def _symbol(atom) -> str:
    charge = atom.GetFormalCharge()
    sign = {0: "", 1: "⁺", -1: "⁻"}.get(charge, f"{charge:+d}")
    return atom.GetSymbol() + sign


def _draw_bond(axis, a, b, bond):
    """As many lines as its order; of an aromatic bond the second one is dashed."""
    across = np.array([a[1] - b[1], b[0] - a[0]]) / np.linalg.norm(b - a)
    order = bond.GetBondTypeAsDouble()
    lines = {1.0: (0.0,), 2.0: (-0.09, 0.09), 3.0: (-0.15, 0.0, 0.15)}.get(order, (-0.09, 0.09))
    for k, shift in enumerate(lines):
        style = "--" if order == 1.5 and k else "-"
        ends = np.array([a, b]) + shift * across
        axis.plot(*ends.T, style, color="#77828e", linewidth=1.1, zorder=1)


def _origin(case: dict) -> str:
    """Where the geometry comes from, in words."""
    kelvin = case["temperature_kelvin"]
    kind = case["kind"].replace("_", " ")
    at = f", {kelvin:g} K" if kelvin else ""
    return f"{split_name(case['split'])} · {kind}{at} · #{case['geometry']}"


def _numbers(case: dict) -> str:
    return (
        f"force RMSE {case['force_rmse']:.3g} kcal/mol/Å\n"
        f"ΔE: QM {case['qm_energy']:.2f}, predicted {case['predicted_energy']:.2f} kcal/mol\n"
        f"|F| on {case['element']}{case['atom'] + 1}: QM {case['qm_force']:.3g}, "
        f"predicted {case['predicted_force']:.3g}, off by {case['force_error']:.3g}"
    )
