"""Reading: what a person says about a file, beyond its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from monitor.datasets.watching import Watch, unwatched

Missing = Literal["refuse", "indicate", "skip"]
MISSING: Final = ("refuse", "indicate", "skip")


def to_stderr(text: str) -> None:
    """Say something to the person at the command line."""
    print(text, file=sys.stderr)  # noqa: T201


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read files; every value has an option of the same name.

    where: which records to keep, as `selection` writes it. columns: the features, if not all.
    drop: columns to leave out. label, ids, time: columns that are no features; the last two are
    carried along to results. missing: what to do with records that lack a value. header,
    delimiter, decimal, encoding: of CSV, None to decide by its lines. by_position: take columns
    without names in the model's order. max_records: most records, 0 for all. newest: those are
    the last ones, not evenly chosen ones. layout: of a 3-d array, None if it must be clear.
    resize: width and height of pictures, None as they are. say: what hears how a file was read.
    watch: what shows how far reading has come.
    """

    where: str | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    time: str | None = None
    missing: Missing = "refuse"
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    by_position: bool = False
    max_records: int = 0
    newest: bool = False
    layout: str | None = None
    resize: tuple[int, int] | None = None
    say: Callable[[str], None] = to_stderr
    watch: Watch = unwatched

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns that go along with the records to what is written."""
        return self.ids + ((self.time,) if self.time is not None else ())


PLAIN: Final = Reading()
