"""Fits an autoencoder: AdamW, warm-up and cosine decay, early stopping, best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import torch
from torch import Generator, Tensor, nn

from models.augmentation import augment
from models.autoencoder import Autoencoder
from models.errors import TrainingError
from models.reconstruction import element_errors, errors_of
from models.settings import TrainingSettings

MAX_GRADIENT_NORM: Final = 1.0
SOLVED: Final = "solved"
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True)
class Progress:
    """Where a training run stands after an epoch; seconds_left if no early stop comes."""

    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    best_epoch: int
    seconds_left: float


Listener = Callable[[Progress], None]


@dataclass
class History:
    """What happened: losses per epoch, the epoch whose weights were kept (from 1), and why it
    ended: "finished", "early stop", "interrupted" or "diverged"; SOLVED if there was nothing to
    train, and the losses are the mean error of the records.
    """

    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    ended: str = "finished"

    @property
    def best_loss(self) -> float:
        """The lowest validation loss; inf before the first epoch."""
        return self.validation_losses[self.best_epoch - 1] if self.best_epoch else math.inf

    def add(self, loss: float, validation_loss: float) -> bool:
        """Record an epoch; true if it is the best so far."""
        best = validation_loss < self.best_loss
        self.losses.append(loss)
        self.validation_losses.append(validation_loss)
        if best:
            self.best_epoch = len(self.losses)
        return best


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Make torch's random numbers repeatable inside, and leave the caller's as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def fit(
    model: Autoencoder,
    records: Tensor,
    validation: Tensor,
    settings: TrainingSettings,
    listener: Listener | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> History:
    """Train the model in place and leave it with its best weights, in evaluation mode.

    records, validation: float32 (n, *shape), normalised. On Ctrl-C after the first epoch it
    keeps the best so far and says so in the history; before that, KeyboardInterrupt goes on.
    Raises TrainingError if the loss is not finite in the first epoch.
    """
    settings = settings.completed(len(records))
    history, best, start = History(), _copy_weights(model), clock()
    try:
        for epoch, loss in enumerate(_epochs(model, records, settings), start=1):
            validation_loss = float(errors_of(model, validation, settings.error_metric).mean())
            if not math.isfinite(loss + validation_loss):
                history.ended = "diverged"
                break
            if history.add(loss, validation_loss):
                best = _copy_weights(model)
            if listener:
                listener(_progress(history, settings, clock() - start))
            if epoch - history.best_epoch >= (settings.patience or epoch):
                history.ended = "early stop"
                break
    except KeyboardInterrupt:
        if not history.best_epoch:
            raise
        history.ended = INTERRUPTED
    if not history.best_epoch:
        raise TrainingError(
            "the loss is not finite after the first epoch. Use a learning rate below "
            f"{settings.learning_rate:g}, and look for extreme values in the data."
        )
    model.load_state_dict(best)
    model.eval()
    return history


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """Factor on the learning rate at a step (from 0): linear up to 1, then a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _epochs(model: Autoencoder, records: Tensor, settings: TrainingSettings) -> Iterator[float]:
    """Train one epoch a turn, for ever as far as the schedule goes; yield the training loss."""
    epochs, batch_size = settings.epochs or 1, settings.batch_size or len(records)
    # Batches of nearly equal size: batch norm cannot train on a last batch of one record.
    batches = math.ceil(len(records) / batch_size)
    steps = epochs * batches
    warmup = round(settings.warmup_fraction * steps)
    generator = Generator().manual_seed(settings.seed)
    # One call for all weights: one for each takes a fifth to a quarter longer a step.
    optimizer = torch.optim.AdamW(
        _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(records), generator=generator)
        total = 0.0
        for number, rows in enumerate(torch.tensor_split(order, batches)):
            factor = learning_rate_factor(epoch * batches + number, steps, warmup)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor
            batch = augment(records[rows], settings.augment, generator)
            total += _step(model, optimizer, batch, settings.error_metric) * len(rows)
        yield total / len(records)


def _step(
    model: Autoencoder, optimizer: torch.optim.Optimizer, batch: Tensor, metric: str
) -> float:
    x = batch.to(next(model.parameters()).device)
    loss = model.loss(x, partial(_mean_error, metric=metric))
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM, foreach=True)
    optimizer.step()
    return loss.item()


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


def _copy_weights(model: Autoencoder) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _progress(history: History, settings: TrainingSettings, seconds: float) -> Progress:
    epoch, epochs = len(history.losses), settings.epochs or 1
    return Progress(
        epoch=epoch,
        epochs=epochs,
        loss=history.losses[-1],
        validation_loss=history.validation_losses[-1],
        best_epoch=history.best_epoch,
        seconds_left=seconds / epoch * (epochs - epoch),
    )
