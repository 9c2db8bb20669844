"""What a head is, and what it may look at."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from forceladder.energy.topology import Topology
from forceladder.errors import ConfigError

REFERENCES = {"bond": "length", "angle": "angle"}  # kind → its reference value's name


class Head(NamedTuple):
    """readout     settings → module that reads a table's rows, or None: nothing is predicted
    table       the rows it reads, a table of the topology
    extra       topology → further features of the rows [rows, n], or None
    parameters  (Writing, deviation) → parameter → [rows, …]
    """

    readout: Callable[[dict], nn.Module] | None
    table: str
    parameters: Callable
    extra: Callable[[Topology], Tensor] | None = None


class Writing(NamedTuple):
    """Parameters while they are written.

    topology, settings of the rung
    deviations  head → [rows, outputs], all of them
    terms       term → parameter → [rows, …], those that are written already
    atoms       charge e, lj_sigma Å, lj_epsilon kcal/mol → [atoms]
    loads       of couplings on bonds and angles, once they were worked out (heads.couplings)
    """

    topology: Topology
    settings: dict
    deviations: dict
    terms: dict
    atoms: dict
    loads: dict

    def well(self, kind: str) -> tuple[Tensor, Tensor]:
        """Reference b₀ Å or θ₀ rad of every bond or angle, and K of K Δ² kcal/mol per unit².

        raises: ConfigError where the rung has no energy of its own for them
        """
        reference = REFERENCES[kind]
        if (quartic := self.terms.get(f"{kind}_quartic")) is not None:
            return quartic[reference], quartic["quadratic"]
        if (harmonic := self.terms.get(f"{kind}_harmonic")) is not None:
            return harmonic[reference], 0.5 * harmonic["force_constant"]
        raise ConfigError(
            f"the rung couples {kind}s but has neither {kind}_quartic nor {kind}_harmonic in "
            "its terms; add one."
        )
