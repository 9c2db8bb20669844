"""What the accuracy benchmarks share: public data, the ladder of config.yaml, fits and errors.

The data lies outside the project, in the folder that FORCELADDER_DATA names (default
../shared/data); what was fitted is kept in results/bench/models, so that a benchmark that was
stopped goes on with the rung it stopped at. `--fresh` fits anew, `--rungs` a part of the ladder.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import bench
import numpy as np
import torch
import yaml

from forceladder import files, provenance
from forceladder.configuration import fit_settings
from forceladder.energy.topology import topology_of
from forceladder.fit.bespoke import refine_rung
from forceladder.fit.loop import fit_rung, start_model
from forceladder.job import start_logging
from forceladder.model.checkpoint import load_model, save_model
from forceladder.training_set.dataset import read_training_set, write_training_set
from forceladder.training_set.importers.collect import import_data
from forceladder.units import EV_IN_KCAL

MEV_PER_KCAL = 1000.0 / EV_IN_KCAL
MODELS = bench.ROOT / "results" / "bench" / "models"
RESAMPLES = 2000
BASELINES = ("MMFF94", "UFF", "GFN2-xTB")
SEED = 0


def arguments(description: str):
    """The command line of an accuracy benchmark."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rungs", nargs="+", default=["class1", "class2", "delta", "mlff"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1, help="of corrections (3bpa alone)")
    parser.add_argument("--fresh", action="store_true", help="fit anew what was fitted before")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    start_logging()
    return chosen


def data_folder(name: str) -> Path:
    """Folder of one public data set; where it is missing, the benchmark ends with a sentence."""
    folder = Path(os.environ.get("FORCELADDER_DATA", bench.ROOT.parent / "shared" / "data")) / name
    if not folder.exists():
        sys.exit(f"{folder} is missing; FORCELADDER_DATA names the folder of the public data.")
    return folder


def imported(name: str, path: Path, settings: dict):
    """Training set of one file, kept in results/bench/data."""
    kept = bench.ROOT / "results" / "bench" / "data" / f"{name}.nc"
    if not kept.exists():
        dataset, _ = import_data(name, path, settings)
        write_training_set(dataset, kept)
    return read_training_set(kept)


def ladder_settings(rung: str, **changes) -> dict:
    """Settings of a rung of config.yaml with the benchmark's changes, section by section."""
    config = yaml.safe_load((bench.ROOT / "config" / "config.yaml").read_text())
    settings = fit_settings(config, rung)
    for key, value in changes.items():
        own = settings.get(key)
        settings[key] = {**own, **value} if isinstance(own, dict) else value
    return settings


def fitted(benchmark: str, rung: str, settings: dict, train, validation, base=None, fresh=False,
           seed=SEED):  # fmt: skip
    """The fitted model, taken from results/bench/models where it was fitted with these settings.

    Settings with a section `bespoke` refine offsets, of an untrained network where no base is
    given; else the network is fitted.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    code = provenance.code_digest("energy", "model", "fit", "training_set/dataset.py")
    data = [float(part["energy"].values.sum()) for part in (train, validation)]
    above = None if base is None else weights_digest(base)
    key = provenance.digest([settings, seed, data, above, code])
    folder = MODELS / benchmark / f"{rung}-{seed}-{key[:12]}"
    if folder.exists() and not fresh:
        return load_model(folder), files.read_json(folder / "seconds.json")["seconds"]
    start = time.perf_counter()
    if "bespoke" in settings:
        base = base or start_model(settings, topology_of(train), seed, None)
        model, _ = refine_rung(base, train, validation, settings, seed, device)
    else:
        checkpoint = MODELS / benchmark / f"{rung}-{seed}.pt"
        model, _ = fit_rung(
            train, validation, settings, seed, base, checkpoint, key, device
        )  # fmt: skip
    seconds = time.perf_counter() - start
    with files.atomic_directory(folder) as made:
        save_model(model, made)
        files.write_json(made / "seconds.json", {"seconds": seconds})
    return model, seconds


def weights_digest(model) -> str:
    """Digest of a model's weights and offsets."""
    offsets = [one[head] for one in model.offsets.values() for head in sorted(one)]
    return provenance.digest(
        [float(w.double().abs().sum()) for w in (*model.state_dict().values(), *offsets)]
    )


def block_errors(predictions, dataset, conformers) -> tuple[float, float]:
    """Force RMSE per component (kcal/mol/Å) and RMSE of relative energies (kcal/mol) of some
    conformers of a data set of one molecule.

    predictions: of one method, see `validate.predictions`
    """
    atoms = int(dataset["atom_count"].values[0])
    error = predictions["predicted_gradients"].values[0] - dataset["gradients"].values
    force = error.reshape(-1, atoms, 3)[conformers]
    energy = (predictions["predicted_energy"].values[0] - dataset["energy"].values)[conformers]
    return float(np.sqrt((force**2).mean())), float(energy.std())


def median_and_interval(values, seed: int = SEED) -> dict:
    """Median over molecules with its 95 % bootstrap interval; NaN are counted apart."""
    known = np.array(values)[np.isfinite(values)]
    draws = np.random.default_rng(seed).integers(0, len(known), (RESAMPLES, len(known)))
    low, high = np.percentile(np.median(known[draws], axis=1), [2.5, 97.5])
    return {
        "value": float(np.median(known)), "low": float(low), "high": float(high),
        "molecules": len(known), "without_parameters": len(values) - len(known),
    }  # fmt: skip
