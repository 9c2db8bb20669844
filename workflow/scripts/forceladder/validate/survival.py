"""How long molecules live, with intervals that know how few were asked.

A trajectory is one trial. Replicas of a molecule share its fate more than different molecules
do, so where few molecules die, the intervals are narrower than a new molecule deserves;
`molecules_died` stands beside `died` for that reason.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import beta, chi2, norm

from forceladder.md.watch import DEATHS, NO_PARAMETERS

LEVEL = 0.95
PS_IN_NS = 1e-3

COLUMNS = [
    "method", "temperature_kelvin", "molecules", "without_parameters", "trajectories", "died",
    "molecules_died", "survival", "low", "high", "picoseconds_each", "picoseconds",
    "deaths_per_ns", "deaths_per_ns_low", "deaths_per_ns_high", "rule_of_three",
    "rule_of_three_per_ns", "common_picoseconds", "common_survival", "common_low", "common_high",
    *DEATHS,
]  # fmt: skip


class Survival(NamedTuple):
    """Steps of a survival curve: from each time [steps] ps on, this fraction is alive."""

    time: np.ndarray
    alive: np.ndarray
    low: np.ndarray
    high: np.ndarray


def survival_interval(alive: int, trials: int) -> tuple[float, float]:
    """95 % interval of the chance to survive (Clopper & Pearson, Biometrika 26, 404, 1934).

    Where all or none survived there is one bound to find, and it has the whole 5 %: of n that
    survived it is 0.05^(1/n), about 1 − 3/n, the rule of three.
    """
    tail = 1.0 - LEVEL if alive in (0, trials) else (1.0 - LEVEL) / 2.0
    low = float(beta.ppf(tail, alive, trials - alive + 1)) if alive else 0.0
    high = float(beta.ppf(1.0 - tail, alive + 1, trials - alive)) if alive < trials else 1.0
    return low, high


def death_rate(died: int, exposure: float) -> tuple[float, float, float]:
    """Deaths in a unit of exposure, and the exact 95 % interval of a Poisson rate (Garwood,
    Biometrika 28, 437, 1936); of no deaths −ln 0.05 / exposure, about 3 / exposure."""
    tail = 1.0 - LEVEL if not died else (1.0 - LEVEL) / 2.0
    low = chi2.ppf(tail, 2 * died) / 2.0 if died else 0.0
    high = chi2.ppf(1.0 - tail, 2 * died + 2) / 2.0
    return died / exposure, float(low) / exposure, float(high) / exposure


def kaplan_meier(time, died) -> Survival:
    """Fraction alive (Kaplan & Meier, J. Am. Stat. Assoc. 53, 457, 1958) from trajectories that
    died, or were alive when their time was up, with a 95 % band by Greenwood's variance of
    log(−log S), which keeps to 0…1; where all or none are alive, `survival_interval`'s.

    time: [trajectories] ps      died: [trajectories] bool
    """
    time, died = np.asarray(time, float), np.asarray(died, bool)
    steps, alive, variance = [0.0], [1.0], 0.0
    bands = [survival_interval(len(time), len(time))]
    z = norm.ppf(0.5 + LEVEL / 2.0)
    for when in np.unique(time[died]):
        at_risk, deaths = int((time >= when).sum()), int((died & (time == when)).sum())
        fraction = alive[-1] * (1.0 - deaths / at_risk)
        steps.append(float(when))
        alive.append(fraction)
        if at_risk == deaths:
            # of all that died by now; the last ones alone would say less than the step before
            bands.append(survival_interval(0, int((died & (time <= when)).sum())))
            continue
        variance += deaths / (at_risk * (at_risk - deaths))
        width = np.exp(z * np.sqrt(variance) / np.log(fraction))
        bands.append((fraction ** (1.0 / width), fraction**width))
    low, high = np.array(bands).T
    return Survival(np.array(steps), np.array(alive), low, high)


def trials(trajectories, temperature: int) -> tuple[np.ndarray, np.ndarray]:
    """Time lived (ps) and whether it ended in death, [trajectories] each, of one temperature.

    trajectories: a dataset of MD_FIELDS      temperature: its row
    """
    causes = trajectories["nvt_cause"].values[:, temperature]
    described = causes != NO_PARAMETERS
    death = trajectories["nvt_death_time"].values[:, temperature][described]
    length = float(trajectories["nvt_time"].values[-1])
    return np.where(np.isnan(death), length, death), ~np.isnan(death)


def common_lengths(methods: dict) -> dict[float, float]:
    """Temperature → ps that the trajectories of all methods are long at least: what they can be
    compared by, for who runs longer has more time to die.

    methods: name → its dataset of MD_FIELDS
    """
    found: dict[float, float] = {}
    for trajectories in methods.values():
        if not (trajectories["nvt_cause"].values != NO_PARAMETERS).any():
            continue
        length = float(trajectories["nvt_time"].values[-1])
        for kelvin in map(float, trajectories["nvt_temperature"].values):
            found[kelvin] = min(length, found.get(kelvin, length))
    return found


def survival_rows(method: str, trajectories, common: dict[float, float]) -> list[dict]:
    """One row a temperature, of the columns COLUMNS; no survival where nothing could be run.

    common: of `common_lengths`; common_survival is that after so many ps
    """
    rows = []
    for t, kelvin in enumerate(trajectories["nvt_temperature"].values):
        causes = trajectories["nvt_cause"].values[:, t]
        described = (causes != NO_PARAMETERS).all(axis=1)
        lived, died = trials(trajectories, t)
        row = {
            "method": method, "temperature_kelvin": float(kelvin),
            "molecules": int(described.sum()), "without_parameters": int((~described).sum()),
            "trajectories": len(lived), "died": int(died.sum()),
            "molecules_died": int(np.isin(causes, DEATHS).any(axis=1).sum()),
            "picoseconds_each": float(trajectories["nvt_time"].values[-1]),
            "picoseconds": float(lived.sum()),
        }  # fmt: skip
        row |= {cause: int((causes == cause).sum()) for cause in DEATHS}
        rows.append(row | _chances(row) | _at_common(lived, died, common.get(float(kelvin))))
    return rows


def _at_common(lived, died, length: float | None) -> dict:
    """Survival of the first `length` ps; nothing where nothing could be run."""
    if not len(lived):
        return {}
    alive = int((~died | (lived > length)).sum())
    low, high = survival_interval(alive, len(lived))
    return {
        "common_picoseconds": length, "common_survival": alive / len(lived), "common_low": low,
        "common_high": high,
    }  # fmt: skip


def _chances(row: dict) -> dict:
    """What the counts of a row say of the next trajectory."""
    count, died, exposure = row["trajectories"], row["died"], row["picoseconds"] * PS_IN_NS
    if not count:
        return {}
    low, high = survival_interval(count - died, count)
    found = {"survival": 1.0 - died / count, "low": low, "high": high}
    if exposure > 0:
        names = ("deaths_per_ns", "deaths_per_ns_low", "deaths_per_ns_high")
        found |= dict(zip(names, death_rate(died, exposure), strict=True))
    if not died:
        found |= {"rule_of_three": min(3.0 / count, 1.0), "rule_of_three_per_ns": 3.0 / exposure}
    return found
