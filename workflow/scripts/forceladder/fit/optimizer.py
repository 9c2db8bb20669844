"""Optimizers, their schedule, and the running mean of the weights."""

import math

import torch
from torch import nn

from forceladder.errors import ConfigError

CLIP = 10.0  # largest norm of a gradient


class Optimizer:
    """One or two of torch's optimizers that step together, with a schedule over all steps."""

    def __init__(self, weights: list[nn.Parameter], training: dict):
        rate = training["learning_rate"]
        if training["optimizer"] == "adam":
            self.parts = [torch.optim.Adam(weights, lr=rate, fused=True)]
        elif training["optimizer"] == "muon":
            # matrices by their orthogonalized momentum (Jordan et al. 2024), the rest by Adam
            matrices = [w for w in weights if w.ndim == 2 and min(w.shape) > 1]
            rest = [w for w in weights if not (w.ndim == 2 and min(w.shape) > 1)]
            self.parts = [
                torch.optim.Muon(
                    matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
                ),
                torch.optim.Adam(rest, lr=rate, fused=True),
            ]
        else:
            raise ConfigError(f"training.optimizer {training['optimizer']!r} is no optimizer.")
        self.weights, self.training = weights, training

    def step(self, loss: torch.Tensor, done: float) -> torch.Tensor:
        """One step down the loss; returns the gradient's norm, and takes none if it is not finite.

        done: share of the fit that lies behind
        """
        for part in self.parts:
            part.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.weights, max_norm=CLIP)
        if torch.isfinite(norm):
            for part in self.parts:
                for group in part.param_groups:
                    group["lr"] = scheduled_rate(done, self.training["learning_rate"])
                part.step()
        return norm

    def state(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load(self, state: list[dict]):
        for part, one in zip(self.parts, state, strict=True):
            part.load_state_dict(one)


def scheduled_rate(done: float, rate: float) -> float:
    """Linear warm-up over the first 2 % of a fit, then half a cosine down to 1 %."""
    warm_up = 0.02
    if done < warm_up:
        return rate * max(done, 1e-3) / warm_up
    phase = (done - warm_up) / (1.0 - warm_up)
    return rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * phase)))


class RunningMean:
    """Exponential mean of the weights along the fit: less noise than any one of them.

    decay: of a step; zero keeps the last weights alone
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.steps = decay, 0
        self.mean = {name: w.detach().clone() for name, w in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module):
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + 10.0)) if self.decay else 0.0
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                self.mean[name].lerp_(weight, 1.0 - keep)

    @torch.no_grad()
    def swap(self, model: nn.Module):
        """Exchange the model's weights for the mean; once more puts them back."""
        for name, weight in model.named_parameters():
            weight.data, self.mean[name] = self.mean[name], weight.data

    def state(self) -> dict:
        return {"steps": self.steps, "mean": self.mean}

    def load(self, state: dict):
        self.steps, self.mean = state["steps"], state["mean"]
