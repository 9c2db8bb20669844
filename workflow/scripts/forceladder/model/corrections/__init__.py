"""Networks for the term `correction`: its section's `architecture` → how to make one."""

from forceladder.model.corrections.cluster_expansion import ClusterExpansion
from forceladder.model.corrections.correction import Correction
from forceladder.model.corrections.mace import Mace

CORRECTIONS: dict[str, type[Correction]] = {"cluster_expansion": ClusterExpansion, "mace": Mace}


def make_correction(settings: dict, width: int) -> Correction:
    """settings: the section `correction` of a rung      width: of the graph embedding"""
    return CORRECTIONS[settings["architecture"]](settings, width)
