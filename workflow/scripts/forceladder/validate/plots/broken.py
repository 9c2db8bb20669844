"""How molecules died: what went before, and what was left."""

import numpy as np
from rdkit import Chem

from forceladder.figures import plt
from forceladder.md.stability import BROKEN_BOND
from forceladder.molecules.connectivity import changed_bonds
from forceladder.validate.broken import Death, deaths

SHOWN = 6  # deaths; the rest is in the folder of broken trajectories
ELEMENTS = {
    1: ("#ffffff", 0.22), 6: ("#4d4d4d", 0.38), 7: ("#3050f8", 0.38), 8: ("#e02010", 0.38),
    9: ("#70c050", 0.38), 15: ("#ff8000", 0.42), 16: ("#e8c020", 0.42), 17: ("#1fa01f", 0.42),
    35: ("#a62929", 0.45),
}  # fmt: skip
FAR = 3.0  # Å of bond deviation: beyond it there is nothing more to see
MOST = 1000.0  # kcal/mol of energy change, likewise
TILT = np.linalg.qr([[1.0, 0.0, 0.4], [-0.15, 1.0, 0.35], [-0.4, -0.35, 1.0]])[0]
ENERGY, DEVIATION, BROKEN = "#0072B2", "#333333", "#D50000"


def plot_broken(dataset, trajectories, label: str):
    """One row a death, one of each molecule and cause, NVT before NVE: energy and bond deviation
    around it, and the molecule before, at and after it."""
    found = deaths(dataset, trajectories)
    total = trajectories["nvt_cause"].size + trajectories["nve_cause"].size
    if not found:
        figure, axis = plt.subplots(figsize=(6, 1.2))
        axis.text(0.5, 0.5, f"{label}: none of {total} trajectories broke", ha="center")
        axis.set_axis_off()
        return figure
    first = {}
    for death in sorted(found, key=lambda death: death.trajectory.startswith("nve")):
        first.setdefault((death.molecule, death.cause), death)
    shown = list(first.values())[:SHOWN]
    figure, axes = plt.subplots(
        len(shown), 4, figsize=(11, 2.4 * len(shown) + 0.5), squeeze=False,
        width_ratios=(2.0, 1.0, 1.0, 1.0),
    )  # fmt: skip
    for row, death in zip(axes, shown, strict=True):
        _draw_course(row[0], death)
        _draw_geometries(row[1:], death)
    axes[-1, 0].set_xlabel("time (ps)")
    molecules = len({death.molecule for death in found})
    figure.suptitle(
        f"{label}: {len(found)} of {total} trajectories broke, of {molecules} "
        f"molecule{'s' if molecules > 1 else ''}; {len(shown)} drawn",
        fontsize=10, fontweight="bold",
    )  # fmt: skip
    return figure


def _draw_course(axis, death: Death):
    """Bond deviation, cut at FAR (left scale), and energy above the first frame (right scale)."""
    axis.plot(death.time, np.minimum(death.deviation, FAR), "o-", ms=2.5, lw=1, color=DEVIATION)
    axis.axhline(BROKEN_BOND, color=DEVIATION, lw=0.8, ls="--")
    axis.axvline(death.died, color=BROKEN, lw=1)
    when = f"at {death.died:.3g} ps" if death.died > 0 else "at the start"
    axis.set_title(
        f"{death.molecule}, {_words(death.trajectory)}: {death.cause.replace('_', ' ')} {when}\n",
        fontsize=9, loc="left",
    )  # fmt: skip
    axis.text(0, 1.02, death.phrase, transform=axis.transAxes, fontsize=7, color=BROKEN)
    axis.set_ylabel("bond deviation (Å)", color=DEVIATION)
    axis.set_ylim(0, None)
    other = axis.twinx()
    other.spines["right"].set_visible(True)
    change = np.clip(death.energy - death.energy[0], -MOST, MOST)
    other.plot(death.time, change, "s-", ms=2, lw=1, color=ENERGY)
    other.set_ylabel("ΔE (kcal/mol)", color=ENERGY)
    other.tick_params(axis="y", colors=ENERGY)


def _words(trajectory: str) -> str:
    """'nvt-300K-0' → 'NVT 300 K, replica 0'."""
    kind, setting, *replica = trajectory.split("-")
    value = setting.replace("K", " K").replace("fs", " fs")
    return f"{kind.upper()} {value}" + (f", replica {replica[0]}" if replica else "")


def _draw_geometries(axes, death: Death):
    """The last frame before the death, the one of the death, and the last one whose atoms are
    still near, turned onto the first; the same window."""
    dead = death.time >= death.died - 1e-9
    dead[0] = False  # the reference data's geometry, where a molecule dies at the start
    near = np.flatnonzero(dead & (death.deviation < FAR))
    # what became no number has no frame of its death
    at = int(np.argmax(dead)) if dead.any() else len(death.time) - 1
    before, last = max(at - 1, 0), len(death.time) - 1
    after = int(near[-1]) if len(near) and near[-1] > at else min(at + 1, last)
    x = death.positions[before] - death.positions[before].mean(axis=0)
    _, axes_of_x = np.linalg.eigh(x.T @ x)
    x = x @ axes_of_x[:, ::-1] @ TILT  # longest axis across, shortest towards the reader, nearly
    half = np.abs(x[:, :2]).max() + 1.5
    names = "before", "at its death" if dead.any() else "last frame", "later"
    if not dead.any():
        axes[2].set_axis_off()
    for axis, name, frame in zip(
        axes, names, (before, at, after)[: 3 if dead.any() else 2], strict=False
    ):
        geometry = _onto(death.positions[frame], x)
        _draw_molecule(axis, death.mol, geometry, half)
        outside = int((np.abs(geometry[:, :2]) > half).any(axis=1).sum())
        if outside == len(geometry):
            axis.text(0, 0, "flown apart", color=BROKEN, ha="center", fontsize=9)
        note = f"\n{outside} atom{'s' if outside > 1 else ''} outside" if outside else ""
        axis.set_title(
            f"{name}, {death.time[frame]:.3f} ps{note}", fontsize=8, fontweight="normal"
        )  # fmt: skip


def _onto(positions, target) -> np.ndarray:
    """Positions [atoms, 3], turned and shifted onto a target of the same atoms (Kabsch, Acta
    Cryst. A 32, 922, 1976)."""
    x = positions - positions.mean(axis=0)
    u, _, v = np.linalg.svd(x.T @ target)
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    return x @ u @ turn @ v


def _draw_molecule(axis, mol: Chem.Mol, x, half: float):
    """Discs and lines in the plane of the first two axes; bonds that broke red, dashed, those
    that formed red, dotted."""
    broken, formed = changed_bonds(mol, x)
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]
    for i, j in bonds:
        gone = (min(i, j), max(i, j)) in broken
        style = {"color": BROKEN, "ls": "--", "lw": 1.2} if gone else {"color": "#777", "lw": 2}
        axis.plot(*x[[i, j], :2].T, zorder=1, **style)
    for i, j in formed:
        axis.plot(*x[[i, j], :2].T, zorder=1, color=BROKEN, ls=":", lw=1.2)
    order = np.argsort(x[:, 2])
    for rank, i in enumerate(order):
        colour, radius = ELEMENTS.get(mol.GetAtomWithIdx(int(i)).GetAtomicNum(), ("#b0b0b0", 0.4))
        axis.add_patch(
            plt.Circle(x[i, :2], radius, fc=colour, ec="#333", lw=0.6, zorder=2 + rank)
        )  # fmt: skip
    axis.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    axis.set_axis_off()
