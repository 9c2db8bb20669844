"""Molecular dynamics: does energy stay, do bonds hold?"""

import numpy as np

from forceladder.figures import plt


def plot_stability(dataset, rung: str):
    """Total energy along NVE, and the largest bond deviation along NVT, one line a molecule."""
    temperatures = dataset["nvt_temperature"].values
    figure, axes = plt.subplots(
        1, 1 + len(temperatures), figsize=(3.2 + 2.5 * len(temperatures), 3)
    )
    colours = plt.get_cmap("tab20").colors
    freedom = dataset["degrees_of_freedom"].values
    axis, step = axes[0], int(np.argmin(dataset["nve_timestep"].values))
    for m, name in enumerate(dataset["molecule_id"].values):
        energy = dataset["nve_energy"].values[m, step]
        change = (energy - np.nanmean(energy)) / freedom[m]
        axis.plot(
            dataset["nve_time"].values[step], change, linewidth=0.6,
            color=colours[m % 20], label=str(name),
        )  # fmt: skip
    axis.set(
        title=f"{rung}: NVE, {dataset['nve_timestep'].values[step]:g} fs",
        xlabel="time (ps)", ylabel="ΔE per degree of freedom (kcal/mol)",
    )  # fmt: skip
    for t, (axis, kelvin) in enumerate(zip(axes[1:], temperatures, strict=True)):
        for m in range(dataset.sizes["molecule"]):
            for trace in dataset["nvt_bond_deviation"].values[m, t]:
                axis.plot(
                    dataset["nvt_time"].values,
                    trace,
                    linewidth=0.4,
                    color=colours[m % 20],
                    alpha=0.8,
                )
        axis.axhline(0.5, color="black", linestyle="--", linewidth=0.8)
        axis.set(title=f"NVT, {kelvin:g} K", xlabel="time (ps)", ylim=(0, 0.6))
        axis.text(0.02, 0.51, "broken", fontsize=7, transform=axis.get_yaxis_transform())
    axes[1].set_ylabel("largest bond deviation (Å)")
    if dataset.sizes["molecule"] <= 20:
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=7
        )
    return figure
