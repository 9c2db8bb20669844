"""Bespoke parameters: a rung refined for one molecule or a congeneric series.

The network's weights stay as they are. What it says of each row gets an offset of its own, with
the same losses and, because offsets go through the same heads, the same bounds. Rows that the
network cannot tell apart share an offset, within a molecule (so equivalent atoms stay
equivalent) and across a series.

A few hundred to a few thousand numbers and all data at once: L-BFGS, preconditioned by the
diagonal of the Gauss-Newton matrix, reaches in minutes what Adam does not in hours.
"""

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn

from forceladder.errors import ConfigError, FitError
from forceladder.fit.batches import make_batches, require_conformers
from forceladder.fit.blame import check_finite
from forceladder.fit.loss import PARTS, data_spread, loss_parts
from forceladder.fit.metrics import deciding_error, error_metrics
from forceladder.fit.step import Prepared, predict, prepare
from forceladder.job import Progress, seed_of
from forceladder.model.heads import HEADS
from forceladder.model.rung import Rung
from forceladder.training_set.dataset import select_molecules

PROBES = 40  # random vectors behind the estimate of the diagonal
FLOOR = 1e-3  # of the diagonal, relative to its mean
KEY_DIGITS = 1e6  # rows whose keys agree to 1e-6 are alike


def refine_rung(base: Rung, train, validation, settings: dict, seed: int, device="cpu"):
    """A bespoke model, and its history, name → [rounds].

    base: a fitted rung, or an untrained one: then the offsets are all that is learned
    train, validation: training sets. The molecules of the first get offsets; conformers of the
        same molecules in the second, where there are any, say which round is the best
    settings: a rung of the config with `bespoke`
    raises: FitError, ConfigError
    """
    if base.correction is not None:
        raise ConfigError("bespoke refines mechanical terms; its base must have no correction.")
    require_conformers(train)
    training, rounds = settings["training"], settings["bespoke"]["rounds"]
    load, scale = training["conformers_per_batch"], training["energy_scale_kcal_per_atom"]
    model = copy.deepcopy(base).to(device)

    def batches(dataset):
        return [prepare(model, data, False) for data in make_batches(
            dataset, load, scale, seed, device)]  # fmt: skip

    refined = np.isin(validation["mapped_smiles"].values, train["mapped_smiles"].values)
    held_out = batches(select_molecules(validation, np.flatnonzero(refined)))
    refinement = Refinement(model, batches(train), settings, seed)
    for part in (refinement.batches, held_out):
        check_finite(model, part, refinement.spread, "round 0")
    history: dict[str, list] = {}
    best, best_error = None, math.nan
    progress = Progress("refine", rounds)
    for done in range(1, rounds + 1):
        row = refinement.run_round(settings["bespoke"]["iterations_per_round"])
        row |= metrics(model, refinement.batches, "train") | metrics(model, held_out, "validation")
        for name, value in row.items():
            history.setdefault(name, []).append(value)
        error = deciding_error(row)
        if best is None or not error >= best_error:
            best, best_error = model.offsets, error
        progress.update(
            done, f"loss {row['loss']:.5f}, force RMSE {row['train_force_rmse']:.3f} kcal/mol/Å"
        )
    model.offsets = {name: {k: v.cpu() for k, v in one.items()} for name, one in best.items()}
    return model.cpu().eval(), history


def metrics(model: Rung, batches: list[Prepared], split: str) -> dict[str, float]:
    """Error metrics with the split before their name; NaN for an empty split."""
    found = [(*predict(model, one, differentiable=False), one.data) for one in batches]
    return {f"{split}_{k}": v for k, v in error_metrics(found).items()}


class Refinement:
    """Offsets that are being fitted.

    values   head → [classes, outputs]
    classes  head → for each batch, the class of its entries, rows or ends of rows
    """

    def __init__(self, model: Rung, batches: list[Prepared], settings: dict, seed: int):
        self.model, self.batches, self.settings, self.seed = model, batches, settings, seed
        self.spread = data_spread([one.data for one in batches])
        self.rounds = 0
        self.network = []  # of each batch, embedding and deviations: what never changes
        with torch.no_grad():
            for topology in (one.data.topology for one in batches):
                embedding = model.encoder(topology)
                self.network.append((embedding, model.deviations(topology, embedding)))
        keys = [row_keys(model, one.data.topology, seed) for one in batches]
        self.values, self.classes = {}, {}
        for head in keys[0]:
            alike, found = torch.unique(
                torch.cat([key[head] for key in keys]), dim=0, return_inverse=True
            )
            self.classes[head] = found.split([len(key[head]) for key in keys])
            self.values[head] = torch.zeros_like(alike)

    def offsets(self, values: dict[str, Tensor], batch: int) -> dict[str, Tensor]:
        """Head → [rows, …] of one batch."""
        _, said = self.network[batch]
        return {
            head: values[head][classes[batch]].view_as(said[head])
            for head, classes in self.classes.items()
        }

    def parts(self, values: dict[str, Tensor], batch: int):
        """Parts of the loss of one batch, the prior being a ridge on the offsets; its surface."""
        prepared, (embedding, said) = self.batches[batch], self.network[batch]
        topology, offsets = prepared.data.topology, self.offsets(values, batch)
        deviations = {head: said[head] + offsets[head] for head in said}
        parameters = self.model.write(topology, deviations, embedding)
        surface, _ = predict(self.model, prepared, parameters=parameters)
        parts = loss_parts(surface, parameters, prepared.data, self.spread)
        ridge = sum((v**2).sum() / max(v.numel(), 1) for v in values.values())
        return parts | {"prior": ridge}, surface

    def descend(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Parts of the loss, means over the batches, and the loss; its slopes are left in the
        `grad` of the values. One batch after another, so that one graph is kept at a time."""
        weights = self.settings["loss_weights"] | {"prior": self.settings["bespoke"]["prior"]}
        row = dict.fromkeys((*PARTS, "loss"), 0.0)
        for batch in range(len(self.batches)):
            parts, _ = self.parts(values, batch)
            loss = sum(weights[name] * parts[name] for name in PARTS)
            (loss / len(self.batches)).backward()
            for name, value in {**parts, "loss": loss}.items():
                row[name] += float(value.detach()) / len(self.batches)
        return row

    def run_round(self, iterations: int) -> dict[str, float]:
        """Precondition, then L-BFGS; returns what `descend` does.

        raises: FitError for a loss that is not finite
        """
        scale = self.scale()
        free = {head: (v / scale[head]).requires_grad_() for head, v in self.values.items()}
        optimizer = torch.optim.LBFGS(
            list(free.values()), lr=1.0, max_iter=iterations, history_size=100,
            tolerance_grad=1e-10, tolerance_change=1e-13, line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure():
            values = self.leaves({head: v.detach() * scale[head] for head, v in free.items()})
            row = self.descend(values)
            for head, value in values.items():
                free[head].grad = value.grad * scale[head]
            return row["loss"]

        optimizer.step(closure)
        self.values = {head: v.detach() * scale[head] for head, v in free.items()}
        self.rounds += 1
        self.model.offsets = self.offsets_by_molecule()
        row = self.descend(self.leaves(self.values))
        if not math.isfinite(row["loss"]):
            check_finite(self.model, self.batches, self.spread, f"round {self.rounds}")
            raise FitError("the prior of a bespoke fit is not finite; raise bespoke.prior.")
        return row

    def scale(self) -> dict[str, Tensor]:
        """1/√(diagonal of JᵀJ) by Hutchinson's estimate, J = ∂(forces)/∂(offsets)."""
        generator = torch.Generator().manual_seed(seed_of("probes", self.seed, self.rounds))
        values = self.leaves(self.values)
        diagonal = {head: torch.zeros_like(v) for head, v in values.items()}
        for batch in range(len(self.batches)):
            _, surface = self.parts(values, batch)
            size = self.spread.force * surface.gradient.numel() ** 0.5
            for _ in range(PROBES):
                signs = torch.randint(0, 2, surface.gradient.shape, generator=generator)
                probe = (2.0 * signs - 1.0).to(surface.gradient) / size
                found = torch.autograd.grad(
                    (surface.gradient * probe).sum(), list(values.values()),
                    retain_graph=True, allow_unused=True,
                )  # fmt: skip
                for head, slope in zip(values, found, strict=True):
                    if slope is not None:
                        diagonal[head] += slope**2 / (PROBES * len(self.batches))
        every = torch.cat([d.flatten() for d in diagonal.values()])
        ridge = self.settings["bespoke"]["prior"] + FLOOR * every.mean()
        return {head: (d + ridge) ** -0.5 for head, d in diagonal.items()}

    @staticmethod
    def leaves(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {head: v.clone().requires_grad_() for head, v in values.items()}

    def offsets_by_molecule(self) -> dict[str, dict[str, Tensor]]:
        """Mapped SMILES → head → [rows, …], as `Rung.offsets`."""
        found = {}
        for batch, one in enumerate(self.batches):
            topology, offsets = one.data.topology, self.offsets(self.values, batch)
            for molecule, name in enumerate(topology.mapped_smiles):
                found[name] = {
                    head: values[topology.rows(HEADS[head].table, molecule)].clone()
                    for head, values in offsets.items()
                }
        return found


@torch.no_grad()
def row_keys(model: Rung, topology, seed: int) -> dict[str, Tensor]:
    """Numbers that agree exactly where the network cannot tell rows (or their ends) apart.

    They are what readouts with random weights say, head → [entries, outputs]: such a readout
    has the symmetry of the real one, and tells apart all else. An entry is a row, or an end of
    one for heads that speak of either end.
    """
    generator = torch.Generator().manual_seed(seed_of("row keys", seed))
    stranger = copy.deepcopy(model)
    for weight in stranger.readouts.parameters():
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        nn.init.zeros_(weight).add_(0.5 * drawn.to(weight.device))
    said = stranger.deviations(topology, stranger.encoder(topology))
    return {head: (v.reshape(-1, v.shape[-1]) * KEY_DIGITS).round() for head, v in said.items()}
