"""How far the reading has come, on standard error; nothing is shown where that is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.stream.records import Record

if TYPE_CHECKING:
    from rich.progress import TaskID

    from monitor.commands.dead_letters.topic import Spans


class Bar:
    """A bar of the messages read, with a word on what was done with them."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def watch(self, messages: Iterable[Record]) -> Iterator[Record]:
        """The messages; the bar advances with them."""
        for message in messages:
            yield message
            self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Change the word."""
        self._progress.update(self._task, description=text)

    def stop(self) -> None:
        """Take it away, for something to be printed."""
        self._progress.stop()


@contextmanager
def bar(text: str, spans: Spans, quiet: bool = False) -> Iterator[Bar]:
    """A bar that goes away when all spans are read; none at all if quiet."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Redirected, what a command prints to a file would come out beside the bar instead.
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False,
        disable=quiet or not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task(text, total=sum(map(len, spans.values())))
        yield Bar(progress, task)
