"""One verdict per QM record: use it, or do not, and why. Rejected records are kept, never used.

In the order in which they are looked for; the first that fits is the verdict.

    failed_<error type>     the engine gave no result
    wrong_level_of_theory   method, basis, dispersion or engine are not what was asked
    not_finite              energy or gradient is no number
    net_force               forces do not add up to zero
    net_torque              torques do not
    large_force             a force that no molecular dynamics meets
    finite_difference       the gradient is not the slope of the energy, by a spot check
    not_converged           a relaxation that did not come to its end
    torsion_off_grid        a relaxed scan's torsion is not at its grid point
    protonation_changed     a hydrogen moved to another heavy atom, or is shared by two
    connectivity_changed    any other bond broke or formed
    stereo_changed          a stereocentre or double bond is not as drawn
    duplicate               the task or the geometry of an earlier record of the molecule
    scf_energy_outlier      the energy contradicts the gradients: another SCF solution
    energy_outlier          an energy that no molecular dynamics visits
"""

from forceladder.qm.verdicts.campaign import judge_campaign
from forceladder.qm.verdicts.molecule import (
    MEASURES,
    Finding,
    examine_molecule,
    judge_molecule,
    kind_of,
)
from forceladder.qm.verdicts.record import ACCEPTED, judge_record

__all__ = [
    "ACCEPTED", "MEASURES", "Finding", "examine_molecule", "judge_campaign", "judge_molecule",
    "judge_record", "kind_of",
]  # fmt: skip
