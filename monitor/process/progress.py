"""Progress bars on stderr, for commands that take a while. rich is imported when one is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from monitor.process.text import for_terminal

if TYPE_CHECKING:
    from models.training import Listener, Progress

T = TypeVar("T")


class Advance(Protocol):
    """What moves a bar."""

    def __call__(self, count: int, share: float | None = None, /) -> None:
        """So many more are done. share: of all, from 0 to 1, that are done by now; None if it is
        not known, or follows from their number."""


@contextmanager
def epochs_bar() -> Iterator[Listener]:
    """A progress bar on stderr, moved by each epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    text = TextColumn("{task.description}", markup=False)
    with Bar(text, BarColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("training starts", total=None)

        def show(progress: Progress) -> None:
            minutes, seconds = divmod(round(progress.seconds_left), 60)
            bar.update(
                task,
                completed=progress.epoch,
                total=progress.epochs,
                description=f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.5g}"
                f"  validation {progress.validation_loss:.5g}  best {progress.best_epoch}"
                f"  {minutes}:{seconds:02d} left",
            )

        yield show


class Bars:
    """Bars on stderr, one below another, each for as long as something is counted.

    They are shown on a terminal only, and while the context is open: on leaving it, whatever is
    left of them goes away. What is printed on stderr meanwhile comes above them.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Left

        text = TextColumn("{task.description}", markup=False)
        counted = TextColumn("{task.fields[counted]}", markup=False)
        console = Console(stderr=True)
        # Redirected, what a command prints to a file would come out beside the bars instead.
        self._shown = Progress(
            text, BarColumn(), counted, Left(), console=console, transient=True,
            redirect_stdout=False, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._shown.stop()

    @contextmanager
    def count(self, text: str, total: int | None, unit: str = "", /) -> Iterator[Advance]:
        """A bar that counts to a total, None if it is not known; gives what moves it."""
        counted, said = 0, _said(0, total, unit, None)
        task = self._shown.add_task(for_terminal(text), total=total, counted=said)

        def advance(count: int, share: float | None = None, /) -> None:
            nonlocal counted
            counted += count
            said = _said(counted, total, unit, share)
            if share is None:
                self._shown.update(task, completed=counted, counted=said)
            else:
                self._shown.update(task, total=1.0, completed=share, counted=said)

        try:
            yield advance
            self._shown.refresh()
        finally:
            self._shown.remove_task(task)


def _said(counted: int, total: int | None, unit: str, share: float | None) -> str:
    goal = "" if share is not None else "/?" if total is None else f"/{total:,}"
    named = f" {unit}" if unit else ""
    return f"{counted:,}{goal}{named}" + ("" if share is None else f", {share:.0%}")


@contextmanager
def count_bar(text: str, total: int | None) -> Iterator[Advance]:
    """One bar by itself, as `Bars.count` makes it."""
    with Bars() as bars, bars.count(text, total) as advance:
        yield advance


def tracked(steps: Sequence[T], text: str) -> Iterable[T]:
    """The steps one by one, with a bar that moves along if there is more than one."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(steps, text, console=console, transient=True, disable=len(steps) < 2)
