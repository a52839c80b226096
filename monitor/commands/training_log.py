"""The losses of a training as CSV, a line an epoch, while it goes on."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.commands.options import writing

if TYPE_CHECKING:
    from models.training import Listener, Progress

COLUMNS: Final = ("epoch", "loss", "validation_loss", "seconds")
MAX_HEADER: Final = 1 << 10


@contextmanager
def csv_log(
    path: str | None, resume: bool, clock: Callable[[], float] = time.monotonic
) -> Iterator[Listener]:
    """A listener that adds a line to the file, at once on disk for whoever follows it.

    path: None for none. resume: add to the file, if it is there; else it is replaced. seconds are
    those of this run. Raises UserError if the file cannot be written, or was another one.
    """
    if path is None:
        yield lambda _: None
        return
    adds = resume and Path(path).exists()
    if adds:
        _check(path)
    with writing(path):
        file = Path(path).open(  # noqa: SIM115  (closed below: writing is for opening alone)
            "a" if adds else "w", encoding="utf-8", newline=""
        )
    start = clock()
    with file:
        lines = csv.writer(file, lineterminator="\n")

        def add(*values: object) -> None:
            with writing(path):
                lines.writerow(values)
                file.flush()

        def note(progress: Progress) -> None:
            seconds = f"{clock() - start:.1f}"
            add(progress.epoch, repr(progress.loss), repr(progress.validation_loss), seconds)

        if not adds:
            add(*COLUMNS)
        yield note


def _check(path: str) -> None:
    """Raise UserError unless the file begins as a log does."""
    from monitor.errors import UserError

    with writing(path), Path(path).open("rb") as file:
        header = file.readline(MAX_HEADER)
    if header.decode(errors="replace").strip() != ",".join(COLUMNS):
        raise UserError(
            f"{path}: it does not begin with {','.join(COLUMNS)}: --resume adds to a log of before."
            " Name another file"
        )
