"""Progress bars on stderr, for commands that take a while. rich is imported when one is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from models.training import Listener, Progress

T = TypeVar("T")


@contextmanager
def epochs_bar() -> Iterator[Listener]:
    """A progress bar on stderr, moved by each epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    text = TextColumn("epoch {task.completed}/{task.total}  {task.description}")
    with Bar(text, BarColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            minutes, seconds = divmod(round(progress.seconds_left), 60)
            bar.update(
                task,
                completed=progress.epoch,
                total=progress.epochs,
                description=f"loss {progress.loss:.5g}  validation {progress.validation_loss:.5g}"
                f"  best {progress.best_epoch}  {minutes}:{seconds:02d} left",
            )

        yield show


@contextmanager
def count_bar(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar that counts to a total, None if it is not known; gives what moves it.

    It is shown on a terminal only.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    text_column = TextColumn("{task.description}", markup=False)
    columns = (text_column, BarColumn(), MofNCompleteColumn(), Left())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.advance(task, done)


def tracked(steps: Sequence[T], text: str) -> Iterable[T]:
    """The steps one by one, with a bar that moves along if there is more than one."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(steps, text, console=console, transient=True, disable=len(steps) < 2)
