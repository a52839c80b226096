"""The losses of a training for TensorBoard, an event an epoch, while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.commands.options import writing

if TYPE_CHECKING:
    from models.training import Listener, Progress

TRAINING: Final = "loss/training"
VALIDATION: Final = "loss/validation"
_EVENTS: Final = "events.out.tfevents.*"


@contextmanager
def tensorboard_log(path: str | None, resume: bool) -> Iterator[Listener]:
    """A listener that writes both losses into the folder, at once on disk for whoever watches.

    path: None for none. resume: add to what the folder holds. Raises UserError if tensorboard is
    not installed, if the folder cannot be written, or without resume holds a log already.
    """
    if path is None:
        yield lambda _: None
        return
    from monitor.errors import UserError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "--log-tensorboard needs tensorboard: pip install 'aead-monitor[tensorboard]'"
        ) from None
    with writing(path):
        if not resume and any(Path(path).glob(_EVENTS)):
            raise UserError(
                f"{path}: it holds the log of another training, and one folder is one curve."
                " Name another folder"
            )
        events = SummaryWriter(path)

    def note(progress: Progress) -> None:
        with writing(path):
            events.add_scalar(TRAINING, progress.loss, progress.epoch)
            events.add_scalar(VALIDATION, progress.validation_loss, progress.epoch)
            events.flush()

    try:
        yield note
    finally:
        events.close()
