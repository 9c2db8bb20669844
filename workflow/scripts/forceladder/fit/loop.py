"""The training loop: seeded, resumable to the bit, with a live history."""

import math
from pathlib import Path

import numpy as np
import torch

from forceladder import files
from forceladder.errors import ConfigError, FitError
from forceladder.fit.batches import make_batches, require_conformers
from forceladder.fit.blame import blame, check_finite
from forceladder.fit.history import write_history
from forceladder.fit.loss import PARTS, Spread, data_spread, loss_parts
from forceladder.fit.metrics import METRICS, deciding_error, error_metrics
from forceladder.fit.optimizer import Optimizer, RunningMean
from forceladder.fit.references import fit_atomic_energies
from forceladder.fit.step import Prepared, predict, prepare
from forceladder.job import Progress, log, seed_of
from forceladder.model.rung import CORRECTION, Rung, make_rung

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def fit_rung(
    train, validation, settings: dict, seed: int, base: Rung | None = None, checkpoint=None,
    fingerprint: str = "", device="cpu",
) -> tuple[Rung, dict]:  # fmt: skip
    """Fit one rung with one seed.

    train, validation: training sets; the second may hold no molecules
    settings: a rung of the config: terms, network, correction, training, loss_weights
    base: a fitted rung that the mechanical terms are taken from and stay as they are
    checkpoint: path of a file to resume from and to keep up to date; it is used only if
        it carries the same `fingerprint`, so no other run's state can slip in. The history is
        kept beside it, for those who watch: checkpoint with the ending .history.nc
    returns: the model with the lowest validation error (of the last epoch, where there are no
        validation molecules), and its history, name → [epochs]
    raises: FitError
    """
    require_conformers(train)
    fit = Fit(train, validation, settings, seed, base, device)
    if checkpoint and Path(checkpoint).exists():
        fit.restore(checkpoint, fingerprint)
    training = settings["training"]
    progress = Progress("fit", training["epochs"], first=fit.epoch)
    while fit.epoch < training["epochs"] and not fit.stopped_early():
        row = fit.run_epoch()
        if fit.is_evaluated():
            progress.update(fit.epoch, _note(row))
        if checkpoint and (fit.epoch % training["checkpoint_every"] == 0 or fit.is_last()):
            fit.save(checkpoint, fingerprint)
            write_history(fit.history_arrays(), Path(checkpoint).with_suffix(".history.nc"))
    return fit.finished(), fit.history_arrays()


class Fit:
    """A fit on its way: the model, its data on the device, and all that a resume needs."""

    def __init__(self, train, validation, settings, seed, base, device):
        self.settings, self.seed = settings, seed
        training = settings["training"]
        load, scale = training["conformers_per_batch"], training["energy_scale_kcal_per_atom"]
        batches = make_batches(train, load, scale, seed, device)
        held_out = []
        if validation is not None and validation.sizes["molecule"]:
            held_out = make_batches(validation, load, scale, seed, device)
        self.spread: Spread = data_spread(batches)
        self.model = start_model(settings, batches[0].topology, seed, base).to(device)
        self.train = [prepare(self.model, data, base is not None) for data in batches]
        self.validation = [prepare(self.model, data, base is not None) for data in held_out]
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        if not weights:
            raise ConfigError("the rung has nothing to fit: its terms are all those of its base.")
        self.optimizer = Optimizer(weights, training)
        self.mean = RunningMean(self.model, training["ema_decay"])
        self.epoch, self.history = 0, {}
        self.best, self.best_error, self.best_epoch = None, math.inf, 0

    def run_epoch(self) -> dict:
        """One pass over the batches; returns, and keeps, this epoch's row of the history."""
        row = self.train_epoch()
        self.epoch += 1
        if self.is_evaluated():
            self.mean.swap(self.model)
            row |= self.evaluate(self.train, "train") | self.evaluate(self.validation, "validation")
            deciding = (row.get(f"validation_{name}", math.nan) for name in METRICS[:2])
            if not all(map(math.isfinite, deciding)):  # no data, or nothing to choose a model by
                check_finite(self.model, self.validation, self.spread, f"epoch {self.epoch}")
            self.keep_if_best(row)
            self.mean.swap(self.model)
        for name in _history_names():
            self.history.setdefault(name, []).append(float(row.get(name, math.nan)))
        return row

    def train_epoch(self) -> dict[str, float]:
        """Batches in an order drawn from seed and epoch; mean of each part of the loss."""
        self.model.train()
        sums = dict.fromkeys((*PARTS, "loss"), 0.0)
        order = np.random.default_rng(seed_of("order", self.seed, self.epoch))
        count, weights = len(self.train), self.settings["loss_weights"]
        for step, index in enumerate(order.permutation(count)):
            prepared = self.train[index]
            surface, parameters = predict(self.model, prepared)
            parts = loss_parts(
                surface, parameters, prepared.data, self.spread,
                self.settings["training"]["force_loss"],
            )  # fmt: skip
            loss = sum(weights[name] * parts[name] for name in PARTS)
            if not torch.isfinite(loss):
                raise FitError(blame(self.model, prepared, parts, f"epoch {self.epoch}"))
            done = (self.epoch + step / count) / self.settings["training"]["epochs"]
            if not torch.isfinite(self.optimizer.step(loss, done)):
                raise FitError(blame(self.model, prepared, parts, f"epoch {self.epoch}"))
            self.mean.update(self.model)
            if not self.settings["training"]["keep_geometry"]:
                prepared.data.geometry.forget()
            for name, value in {**parts, "loss": loss}.items():
                sums[name] += float(value.detach()) / count
        rate = self.optimizer.parts[0].param_groups[0]["lr"]
        return {"learning_rate": rate, **sums}

    def evaluate(self, batches: list[Prepared], split: str) -> dict[str, float]:
        """Error metrics with the split before their name; none for an empty split."""
        if not batches:
            return {}
        self.model.eval()
        found = []
        for prepared in batches:
            found.append((*predict(self.model, prepared, differentiable=False), prepared.data))
            if not self.settings["training"]["keep_geometry"]:
                prepared.data.geometry.forget()
        return {f"{split}_{k}": v for k, v in error_metrics(found).items()}

    def keep_if_best(self, row: dict):
        """By the validation error; without one, the last is the best."""
        error = deciding_error(row)
        if self.best is None or not error >= self.best_error:
            self.best_error, self.best_epoch = error, self.epoch
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def is_last(self) -> bool:
        return self.epoch == self.settings["training"]["epochs"] or self.stopped_early()

    def is_evaluated(self) -> bool:
        training = self.settings["training"]
        return self.epoch % training["evaluate_every"] == 0 or self.epoch == training["epochs"]

    def stopped_early(self) -> bool:
        """No better validation error in the last `patience_epochs`; judged when evaluated."""
        patience = self.settings["training"]["patience_epochs"]
        return self.is_evaluated() and self.epoch - self.best_epoch >= patience

    def finished(self) -> Rung:
        """The best model, in float64 on the CPU."""
        self.model.load_state_dict(self.best)
        self.model.eval()
        if self.model.correction is not None:
            fit_atomic_energies(self.model, self.train)
        return self.model.cpu().to(torch.float64)

    def history_arrays(self) -> dict[str, np.ndarray]:
        return {name: np.array(values) for name, values in self.history.items()}

    def save(self, path, fingerprint: str):
        content = {
            "fingerprint": fingerprint, "model": self.model.state_dict(),
            "optimizer": self.optimizer.state(), "mean": self.mean.state(),
            "epoch": self.epoch, "history": self.history, "best": self.best,
            "best_error": self.best_error, "best_epoch": self.best_epoch,
        }  # fmt: skip
        with files.atomic_path(path) as temporary:
            torch.save(content, temporary)

    def restore(self, path, fingerprint: str):
        try:
            content = torch.load(path, weights_only=True)
            belongs = content["fingerprint"] == fingerprint
        except Exception as error:
            reason = type(error).__name__  # torch's own words advise to load it unsafely
            log.warning("checkpoint %s cannot be read (%s); starting anew.", path, reason)
            return
        if not belongs:
            log.info("checkpoint %s belongs to other data or settings; starting anew.", path)
            return
        self.model.load_state_dict(content["model"])
        self.optimizer.load(content["optimizer"])
        self.mean.load(content["mean"])
        for name in ("epoch", "history", "best", "best_error", "best_epoch"):
            setattr(self, name, content[name])
        log.info("resumed at epoch %d", self.epoch)


def start_model(settings: dict, topology, seed: int, base: Rung | None) -> Rung:
    """A new rung, or one that continues `base`, whose weights then stay as they are.

    raises: ConfigError if the rung's own terms or network differ from its base's
    """
    network = {"terms": settings["terms"], **settings["network"]}
    if CORRECTION in settings["terms"]:
        network[CORRECTION] = settings[CORRECTION]
    model = make_rung(network, topology, seed)
    if base is not None:
        terms, known = settings["terms"], base.settings["terms"]
        if list(terms[: len(known)]) != list(known) or network_of(model) != network_of(base):
            raise ConfigError(
                "a rung with a base begins with the terms of its base, and has its network; "
                f"the base has {', '.join(known)}."
            )
        kept = base.state_dict()
        model.load_state_dict(kept, strict=False)
        model.offsets = base.offsets  # of a bespoke base
        for name, weight in model.named_parameters():
            weight.requires_grad_(name not in kept)
    if model.correction is not None:
        model.correction.to(PRECISIONS[settings["training"]["precision"]])
    return model


def network_of(model: Rung) -> dict:
    """Settings of its graph network."""
    return {k: v for k, v in model.settings.items() if k not in ("terms", CORRECTION)}


def _history_names() -> list[str]:
    splits = [f"{split}_{metric}" for split in ("train", "validation") for metric in METRICS]
    return ["learning_rate", "loss", *PARTS, *splits]


def _note(row: dict) -> str:
    note = f"loss {row['loss']:.4f}, force RMSE {row['train_force_rmse']:.2f}"
    if "validation_force_rmse" in row:
        note += f", validation {row['validation_force_rmse']:.2f}"
    return note + " kcal/mol/Å"
