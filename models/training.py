"""Fits an autoencoder: AdamW, warm-up and cosine decay, early stopping, best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from models.autoencoder import Autoencoder
from models.checkpoint import Keeper, State
from models.course import Course
from models.errors import TrainingError
from models.reconstruction import errors_of
from models.settings import TrainingSettings

SOLVED: Final = "solved"
INTERRUPTED: Final = "interrupted"
FINISHED: Final = "finished"


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
    ended: str = FINISHED

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
    keeper: Keeper | None = None,
) -> History:
    """Train the model in place and leave it with its best weights, in evaluation mode.

    records, validation: float32 (n, *shape), normalised. On Ctrl-C after the first epoch it
    keeps the best so far and says so in the history; before that, KeyboardInterrupt goes on.
    keeper: has the state to go on from, if any; it gets each epoch's, and writes it on Ctrl-C.
    Raises TrainingError if the loss is not finite in the first epoch, or for a state of another
    model.
    """
    settings = settings.completed(len(records))
    course, history, start = Course(model, records, settings), History(), clock()
    if keeper is not None and keeper.state is not None:
        history = _restored(course, keeper.state, keeper.folder)
    begun = len(history.losses)
    try:
        for epoch in range(begun, settings.epochs or 1):
            if _no_better(history, settings):
                break
            loss = course.train(epoch)
            validation_loss = float(errors_of(model, validation, settings.error_metric).mean())
            if not math.isfinite(loss + validation_loss):
                history.ended = "diverged"
                break
            if history.add(loss, validation_loss):
                course.remember()
            if keeper is not None:
                keeper.state = _state(course, history)
            if listener:
                listener(_progress(history, settings, clock() - start, begun))
    except KeyboardInterrupt:
        if not history.best_epoch:
            raise
        history.ended = INTERRUPTED
        if keeper is not None:
            keeper.write()
    if history.ended == FINISHED and _no_better(history, settings):
        history.ended = "early stop"
    if not history.best_epoch:
        raise TrainingError(
            "the loss is not finite after the first epoch. Use a learning rate below "
            f"{settings.learning_rate:g}, and look for extreme values in the data."
        )
    model.load_state_dict(course.best)
    model.eval()
    return history


def _no_better(history: History, settings: TrainingSettings) -> bool:
    """Whether so many epochs as patience allows went by without a better one."""
    epoch = len(history.losses)
    return epoch > 0 and epoch - history.best_epoch >= (settings.patience or epoch)


def _state(course: Course, history: History) -> State:
    losses, validation = list(history.losses), list(history.validation_losses)
    return State(course.state(), losses, validation, history.best_epoch)


def _restored(course: Course, state: State, folder: Path) -> History:
    """The history so far, and the course as it was then."""
    course.restore(state.tensors, folder)
    return History(list(state.losses), list(state.validation_losses), state.best_epoch)


def _progress(history: History, settings: TrainingSettings, seconds: float, begun: int) -> Progress:
    """begun: epochs that were trained before, in no time of ours."""
    epoch, epochs = len(history.losses), settings.epochs or 1
    return Progress(
        epoch=epoch,
        epochs=epochs,
        loss=history.losses[-1],
        validation_loss=history.validation_losses[-1],
        best_epoch=history.best_epoch,
        seconds_left=seconds / (epoch - begun) * (epochs - epoch),
    )
