"""The training loop: Adam, a cosine schedule, checkpoints with exact resume."""

import math
from pathlib import Path

import numpy as np
import torch

from forceladder import files
from forceladder.energy.total import term_energy_and_gradient
from forceladder.errors import FitError
from forceladder.fit.data import FitData, fit_data
from forceladder.fit.loss import PARTS, data_spread, loss_parts, residuals
from forceladder.fit.metrics import METRICS, error_metrics
from forceladder.job import Progress, log, seed_of
from forceladder.model.rung import Rung, make_rung
from forceladder.training_set.dataset import select_molecules, select_split


def fit_rung(
    dataset, settings: dict, seed: int, checkpoint=None, fingerprint: str = "", device="cpu"
) -> tuple[Rung, dict]:
    """Fit one rung with one seed.

    dataset: training set; only its train and validation molecules are looked at
    settings: a rung of the config: terms, network, training, loss_weights
    checkpoint: path of a file to resume from and to keep up to date; it is used only if
        it carries the same `fingerprint`, so no other run's state can slip in
    returns: the model with the lowest validation force error (of the last epoch, where
        there are no validation molecules), and its history, name → [epochs]
    raises: FitError
    """
    training = settings["training"]
    train = make_batches(
        select_split(dataset, "train"), training["molecules_per_batch"],
        training["energy_scale_kcal_per_atom"], seed, device,
    )  # fmt: skip
    validation = make_batches(
        select_split(dataset, "validation"), training["molecules_per_batch"],
        training["energy_scale_kcal_per_atom"], seed, device,
    )  # fmt: skip
    if not train:
        raise FitError("no molecule of the training set is in the split 'train'.")
    spread = data_spread(train)
    network = {"terms": settings["terms"], **settings["network"]}
    model = make_rung(network, train[0].topology, seed).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=training["learning_rate"])
    state = {"epoch": 0, "history": {}, "best": None, "best_error": math.inf}
    if checkpoint and Path(checkpoint).exists():
        state = _restore(checkpoint, fingerprint, model, optimizer, state)
    progress = Progress("fit", training["epochs"], first=state["epoch"])
    for epoch in range(state["epoch"], training["epochs"]):
        rate = cosine_rate(epoch, training)
        for group in optimizer.param_groups:
            group["lr"] = rate
        sums = train_epoch(model, optimizer, train, spread, settings["loss_weights"], seed, epoch)
        row = {"learning_rate": rate, **sums}
        last = epoch + 1 == training["epochs"]
        if (epoch + 1) % training["evaluate_every"] == 0 or last:
            row |= evaluate(model, train, "train") | evaluate(model, validation, "validation")
            error = row.get("validation_force_rmse", math.nan)
            if error < state["best_error"] or (last and state["best"] is None):
                state["best_error"] = error
                state["best"] = {k: v.detach().clone() for k, v in model.state_dict().items()}
            progress.update(epoch + 1, _note(row))
        for name in _history_names():
            state["history"].setdefault(name, []).append(float(row.get(name, math.nan)))
        state["epoch"] = epoch + 1
        if checkpoint and ((epoch + 1) % training["checkpoint_every"] == 0 or last):
            _save(checkpoint, fingerprint, model, optimizer, state)
    model.load_state_dict(state["best"])
    return model.cpu().eval(), {name: np.array(v) for name, v in state["history"].items()}


def make_batches(dataset, molecules_per_batch: int, energy_scale, seed, device) -> list[FitData]:
    """Batches of molecules, dealt once in a seeded order, resident on the device."""
    molecules = dataset.sizes["molecule"]
    order = np.random.default_rng(seed_of("batches", seed)).permutation(molecules)
    return [
        fit_data(select_molecules(dataset, np.sort(part)), energy_scale, device)
        for part in np.array_split(order, max(1, math.ceil(molecules / molecules_per_batch)))
        if len(part)
    ]


def cosine_rate(epoch: int, training: dict) -> float:
    """Learning rate: linear warm-up over the first 2 %, then half a cosine down to 1 %."""
    warm_up = max(1, training["epochs"] // 50)
    if epoch < warm_up:
        return training["learning_rate"] * (epoch + 1) / warm_up
    phase = (epoch - warm_up) / max(1, training["epochs"] - warm_up)
    return training["learning_rate"] * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * phase)))


def train_epoch(model, optimizer, batches, spread, weights, seed, epoch) -> dict[str, float]:
    """One pass over the batches, in an order drawn from seed and epoch; mean of each part."""
    model.train()
    sums = dict.fromkeys((*PARTS, "loss"), 0.0)
    random = np.random.default_rng(seed_of("order", seed, epoch))
    for index in random.permutation(len(batches)):
        data = batches[index]
        parameters = model(data.topology)
        parts = loss_parts(parameters, data, spread)
        loss = sum(weights[name] * parts[name] for name in PARTS)
        if not torch.isfinite(loss):
            raise FitError(_blame(parameters, data, parts, epoch))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=10.0)
        if not torch.isfinite(norm):
            raise FitError(_blame(parameters, data, parts, epoch))
        optimizer.step()
        for name, value in {**parts, "loss": loss}.items():
            sums[name] += float(value.detach()) / len(batches)
    return sums


def evaluate(model: Rung, batches: list[FitData], split: str) -> dict[str, float]:
    """Error metrics with the split before their name; none for an empty split."""
    if not batches:
        return {}
    model.eval()
    with torch.no_grad():
        parameters = [model(data.topology) for data in batches]
    return {f"{split}_{k}": v for k, v in error_metrics(parameters, batches).items()}


def _history_names() -> list[str]:
    splits = [f"{split}_{metric}" for split in ("train", "validation") for metric in METRICS]
    return ["learning_rate", "loss", *PARTS, *splits]


def _note(row: dict) -> str:
    note = f"loss {row['loss']:.4f}, force RMSE {row['train_force_rmse']:.2f}"
    if "validation_force_rmse" in row:
        note += f", validation {row['validation_force_rmse']:.2f}"
    return note + " kcal/mol/Å"


def _blame(parameters, data: FitData, parts: dict, epoch: int) -> str:
    """Name the molecule and term that are not finite."""
    for name, values in parameters.terms.items():
        energy, gradient = term_energy_and_gradient(name, values, data.geometry)
        bad = ~torch.isfinite(energy)
        bad[data.geometry.position_conformer[~torch.isfinite(gradient).all(dim=1)]] = True
        if bad.any():
            molecule = int(data.geometry.molecule[bad][0])
            return (
                f"the loss is not finite in epoch {epoch}: term {name} of molecule "
                f"{data.topology.molecule_ids[molecule]}; look at its geometries, or lower "
                "training.learning_rate."
            )
    broken = [name for name, value in parts.items() if not torch.isfinite(value)]
    message = f"the loss is not finite in epoch {epoch}: part {', '.join(broken)}"
    found = residuals(parameters, data, differentiable=False)
    bad = ~torch.isfinite(found.energy) | ~torch.isfinite(found.dipole).all(dim=1)
    bad[data.geometry.position_conformer[~torch.isfinite(found.gradient).all(dim=1)]] = True
    molecules = [*data.geometry.molecule[bad], *torch.nonzero(~torch.isfinite(found.esp_square))]
    if molecules:
        name = data.topology.molecule_ids[int(molecules[0])]
        message += f" of molecule {name}; look at its QM data"
    return message + "."


def _save(path, fingerprint, model, optimizer, state):
    content = {
        "fingerprint": fingerprint, "model": model.state_dict(),
        "optimizer": optimizer.state_dict(), "state": state,
    }  # fmt: skip
    with files.atomic_path(path) as temporary:
        torch.save(content, temporary)


def _restore(path, fingerprint, model, optimizer, fresh: dict) -> dict:
    try:
        content = torch.load(path, weights_only=True)
        belongs = content["fingerprint"] == fingerprint
    except Exception as error:
        reason = type(error).__name__  # torch's own words advise to load it unsafely
        log.warning("checkpoint %s cannot be read (%s); starting anew.", path, reason)
        return fresh
    if not belongs:
        log.info("checkpoint %s belongs to other data or settings; starting anew.", path)
        return fresh
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    log.info("resumed at epoch %d", content["state"]["epoch"])
    return content["state"]
