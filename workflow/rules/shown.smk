"""What the report shows and a release keeps."""

from forceladder.errors import ReleaseError
from forceladder.release.previous import find_previous

VALIDATION = "results/{run}/validation"
QM = f"results/{{run}}/qm/{REFERENCE}"
# What the report shows and a release keeps; release/shown.py says what becomes of a name.
SHOWN = {
    "molecules": "results/{run}/molecules.csv",
    "rejected": "results/{run}/rejected.csv",
    "left_out": "results/{run}/left_out.csv",
    "verdicts": f"{QM}/verdicts.csv",
    "ledger": f"{QM}/ledger.csv",
    "verdicts_plot": f"{QM}/verdicts.svg",
    "measures_plot": f"{QM}/measures.svg",
    "ledger_plot": f"{QM}/ledger.svg",
    "gates": f"{VALIDATION}/gates.csv",
    "molecule_errors": f"{VALIDATION}/molecule_errors.csv",
    "split_errors": f"{VALIDATION}/split_errors.csv",
    "group_errors": f"{VALIDATION}/group_errors.csv",
    "front": f"{VALIDATION}/front.csv",
    "front_steps": f"{VALIDATION}/front_steps.csv",
    "front_plot": f"{VALIDATION}/front.svg",
    "front_page": f"{VALIDATION}/front.html",
    "cost": f"{VALIDATION}/cost.csv",
    "cost_plot": f"{VALIDATION}/cost.svg",
    "errors_plot": f"{VALIDATION}/errors.svg",
    "group_errors_plot": f"{VALIDATION}/group_errors.svg",
    "worst_plot": f"{VALIDATION}/worst.svg",
    "parity_plot": f"{VALIDATION}/parity.svg",
    "geometry_summary": f"{VALIDATION}/geometry_summary.csv",
    "profile_errors": f"{VALIDATION}/profile_errors.csv",
    "minimum_errors": f"{VALIDATION}/minimum_errors.csv",
    "frequency_errors": f"{VALIDATION}/frequency_errors.csv",
    "survival": f"{VALIDATION}/survival.csv",
    "drift": f"{VALIDATION}/drift.csv",
    "distances": f"{VALIDATION}/distances.csv",
    "survival_plot": f"{VALIDATION}/survival.svg",
    "distances_plot": f"{VALIDATION}/distances.svg",
    "probe_summary": f"{VALIDATION}/probe_summary.csv",
    "profiles_plot": f"{VALIDATION}/profiles.svg",
    "minima_plot": f"{VALIDATION}/minima.svg",
    "frequencies_plot": f"{VALIDATION}/frequencies.svg",
}
# The same for each released rung: files of validation/{rung}/seed-{seed}/
SHOWN_OF_RUNGS = {
    "stability": "stability.json",
    "proof": "proof.csv",
    "engines": "engines.csv",
    "stability_plot": "stability.svg",
    "broken_plot": "broken.svg",
    "probes_plot": "probes.svg",
    "history_plot": "history.svg",
}

# The release to compare with, if there is one: its manifest.json, which no rule of this run makes.
try:
    PREVIOUS = find_previous(
        config["release"]["previous"],
        config["release"]["name"],
        config["release"]["version"],
        f"results/{RUN}/releases",
    )
except ReleaseError as error:
    raise WorkflowError(str(error)) from None
if PREVIOUS:
    SHOWN |= {
        "changes": f"{VALIDATION}/changes.csv",
        "parameter_changes": f"{VALIDATION}/parameter_changes.csv",
        "changes_plot": f"{VALIDATION}/changes.svg",
        "previous": f"{VALIDATION}/previous.json",
    }


def shown(wildcards):
    """Inputs of the rules that show a run: those of all rungs, and lists of one file per rung."""
    of_rungs = {name: released_files(file) for name, file in SHOWN_OF_RUNGS.items()}
    return SHOWN | of_rungs


def released_files(file):
    """A file of validation/{rung}/seed-{seed}/ of every released rung, in their order."""
    return expand(
        "results/{{run}}/validation/{rung}/seed-{seed}/{file}",
        rung=RELEASED,
        seed=SEEDS[:1],
        file=file,
    )
