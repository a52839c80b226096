"""Course: the epochs of one training, and all that they depend on: it can be told and restored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Generator, Tensor, nn

from models.augmentation import augment
from models.autoencoder import Autoencoder
from models.checkpoint import STATE, damaged, fitting
from models.error_metrics import element_errors
from models.settings import TrainingSettings

MAX_GRADIENT_NORM: Final = 1.0
_ORDER: Final = "random.order"
_CPU: Final = "random.cpu"
_CUDA: Final = "random.cuda"


class Course:
    """Trains a model in place, an epoch a call; best: its weights when `remember` was called.

    records: float32 (n, *shape), normalised. settings: completed. Random numbers come from torch's
    own generator, but for the order of the records and how they are changed.
    """

    def __init__(self, model: Autoencoder, records: Tensor, settings: TrainingSettings) -> None:
        self.best = _copy(model.state_dict())
        self._model, self._records, self._settings = model, records, settings
        # Batches of nearly equal size: batch norm cannot train on a last batch of one record.
        self._batches = math.ceil(len(records) / (settings.batch_size or len(records)))
        self._steps = (settings.epochs or 1) * self._batches
        self._generator = Generator().manual_seed(settings.seed)
        # One call for all weights: one for each takes a fifth to a quarter longer a step.
        self._optimizer = torch.optim.AdamW(
            _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
        )

    def train(self, epoch: int) -> float:
        """Train one epoch, of which the first is 0; return the training loss."""
        settings = self._settings
        warmup = round(settings.warmup_fraction * self._steps)
        self._model.train()
        order = torch.randperm(len(self._records), generator=self._generator)
        total = 0.0
        for number, rows in enumerate(torch.tensor_split(order, self._batches)):
            step = epoch * self._batches + number
            factor = learning_rate_factor(step, self._steps, warmup)
            for group in self._optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor
            batch = augment(self._records[rows], settings.augment, self._generator)
            total += self._step(batch) * len(rows)
        return total / len(self._records)

    def remember(self) -> None:
        """Take the weights as they are for the best."""
        self.best = _copy(self._model.state_dict())

    def state(self) -> dict[str, Tensor]:
        """All that the next epochs depend on, copied, by name."""
        tensors = {f"model.{name}": each for name, each in self._model.state_dict().items()}
        tensors |= {f"best.{name}": each for name, each in self.best.items()}
        for number, values in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": each for name, each in values.items()}
        return {**_copy(tensors), **self._random()}

    def restore(self, tensors: dict[str, Tensor], folder: Path) -> None:
        """Go back to a state, of which folder is where it comes from.

        Raises TrainingError if it is none of this model's.
        """
        fitting(tensors, self._outline(), folder)
        self._model.load_state_dict(_below(tensors, "model."))
        place = next(self._model.parameters()).device
        self.best = {name: each.to(place) for name, each in _below(tensors, "best.").items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, each in _below(tensors, "optimizer.").items():
            number, key = name.split(".")
            moments.setdefault(int(number), {})[key] = each
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        try:
            self._generator.set_state(tensors[_ORDER])
            torch.set_rng_state(tensors[_CPU])
            if _CUDA in tensors:
                torch.cuda.set_rng_state(tensors[_CUDA], place)
        except RuntimeError as error:
            raise damaged(
                folder / STATE, f"random numbers cannot go on from it ({error})"
            ) from None

    def _outline(self) -> dict[str, Tensor]:
        """Tensors of the names, shapes and types that a state of this training has."""
        weights = self._model.state_dict()
        wanted = {f"model.{name}": each for name, each in weights.items()}
        wanted |= {f"best.{name}": each for name, each in weights.items()}
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        for number, parameter in enumerate(parameters):
            wanted[f"optimizer.{number}.step"] = torch.tensor(0.0)
            wanted[f"optimizer.{number}.exp_avg"] = parameter
            wanted[f"optimizer.{number}.exp_avg_sq"] = parameter
        return {**wanted, **self._random()}

    def _random(self) -> dict[str, Tensor]:
        tensors = {_ORDER: self._generator.get_state(), _CPU: torch.get_rng_state()}
        place = next(self._model.parameters()).device
        if place.type == "cuda":
            tensors[_CUDA] = torch.cuda.get_rng_state(place)
        return tensors

    def _step(self, batch: Tensor) -> float:
        x = batch.to(next(self._model.parameters()).device)
        loss = self._model.loss(x, partial(_mean_error, metric=self._settings.error_metric))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._model.parameters(), MAX_GRADIENT_NORM, foreach=True)
        self._optimizer.step()
        return loss.item()


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """Factor on the learning rate at a step (from 0): linear up to 1, then a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _mean_error(x: Tensor, reconstruction: Tensor, metric: str) -> Tensor:
    return element_errors(x, reconstruction, metric).mean()


def _groups(model: Autoencoder, weight_decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and normalisation do not: pulling them to zero helps nothing."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {n.removeprefix(prefix): each for n, each in tensors.items() if n.startswith(prefix)}
