"""Table: columns of cells under names, from one file or several, read in blocks of rows.

Only a block is in memory. What the cells are is for `profile` and `rows` to say.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import pyarrow as pa

from monitor.datasets.watching import RECORDS, Watch
from monitor.errors import DataError

MAX_COLUMNS = 1 << 16
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows. first: position of the first over all files. place: says where one of these rows
    is, counted from 0, for people. share: of its file that was read with it, from 0 to 1; None if
    not known."""

    first: int
    rows: int
    columns: Mapping[str, pa.Array]
    place: Callable[[int], str]
    share: float | None = None


Read = Callable[[Sequence[str]], Iterator[Block]]
"""The rows of these columns, from the beginning at each call; raises DataError."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns that may be features, by name, with the type of their cells.

    named: the names are the file's; without, columns are called "0", "1", ... index: columns that
    name rows, which are no features. decimal: the mark in texts that are numbers. partitions:
    columns that folders' names give. told: how the file was read, for people. rows: how many there
    are, None if the file does not say.
    """

    source: str
    types: Mapping[str, pa.DataType]
    named: bool
    read: Read
    index: tuple[str, ...] = ()
    decimal: str = "."
    told: tuple[str, ...] = ()
    partitions: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, without those that name rows."""
        return tuple(name for name in self.types if name not in self.index)

    def require(self, names: Sequence[str], option: str) -> None:
        """Raise DataError if an option names a column that is not there."""
        absent = [name for name in names if name not in self.types]
        if absent:
            near = nearest(absent[0], tuple(self.types))
            raise DataError(
                f"{option} {' '.join(absent)}: {self.source} has no such column."
                f" It has {listed([*near, *(name for name in self.types if name not in near)])}"
            )


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """The most similar name, in whatever case; none if none is similar."""
    known = {each.casefold(): each for each in names}
    return [known[each] for each in get_close_matches(name.casefold(), known, 1, 0.8)]


def listed(names: Sequence[str]) -> str:
    """Names for people, the first of them if they are many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def check_names(names: Sequence[str], source: str) -> None:
    """Raise DataError for names that repeat, or too many of them."""
    repeated = sorted({name for name in names if names.count(name) > 1}) if _repeat(names) else []
    if repeated:
        raise DataError(
            f"{source}: several columns have the name {', '.join(map(repr, repeated[:_SHOWN]))}."
            " Give each a name of its own"
        )
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{source}: {len(names):,} columns, more than {MAX_COLUMNS:,}")


def _repeat(names: Sequence[str]) -> bool:
    return len(set(names)) != len(names)


def with_partitions(table: Table, partitions: Mapping[str, str]) -> Table:
    """With what the names of folders say (KEY=VALUE) as columns of text."""
    if not partitions:
        return table
    check_names([*table.types, *partitions], table.source)

    def read(names: Sequence[str]) -> Iterator[Block]:
        inner = [name for name in names if name not in partitions]
        for block in table.read(inner or list(table.types)[:1]):
            extra = {
                name: pa.repeat(pa.scalar(partitions[name], pa.string()), block.rows)
                for name in names
                if name in partitions
            }
            yield replace(block, columns={**block.columns, **extra})

    types = {**table.types, **dict.fromkeys(partitions, pa.string())}
    return replace(table, types=types, read=read, partitions=partitions)


def joined(tables: Sequence[Table], source: str) -> Table:
    """The rows of several files in order; raises DataError unless their columns are the same."""
    first = tables[0]
    if len(tables) == 1:
        return first
    for other in tables[1:]:
        _require_same(first, other)

    def read(names: Sequence[str]) -> Iterator[Block]:
        start = 0
        for number, table in enumerate(tables):
            rows = 0
            for block in table.read(names):
                share = None if block.share is None else (number + block.share) / len(tables)
                yield replace(block, first=start + block.first, share=share)
                rows = block.first + block.rows
            start += rows

    told = tuple(dict.fromkeys(text for table in tables for text in table.told))
    counts = [table.rows for table in tables]
    known = [count for count in counts if count is not None]
    total = sum(known) if len(known) == len(counts) else None
    return replace(first, source=source, read=read, told=told, rows=total)


def watched(table: Table, watch: Watch) -> Table:
    """Each pass over its rows is shown; tables are gone over more than once."""
    passes = itertools.count(1)

    def read(names: Sequence[str]) -> Iterator[Block]:
        number = next(passes)
        again = f", pass {number}" if number > 1 else ""
        with watch(f"reading {table.source}{again}", table.rows, RECORDS) as advance:
            for block in table.read(names):
                yield block
                advance(block.rows, block.share)

    return replace(table, read=read)


def _require_same(first: Table, other: Table) -> None:
    lacks = [name for name in first.types if name not in other.types]
    more = [name for name in other.types if name not in first.types]
    if lacks or more:
        parts = [f"lacks {listed(lacks)}"] * bool(lacks) + [f"also has {listed(more)}"] * bool(more)
        raise DataError(
            f"{other.source}: other columns than {first.source}: it {' and '.join(parts)}."
            " Give files of the same columns, or read them one by one"
        )
    if first.decimal != other.decimal or first.named != other.named:
        what = "decimal marks" if first.decimal != other.decimal else "headers"
        raise DataError(
            f"{other.source}: written otherwise than {first.source} ({what}). Say how to read"
            " both with --decimal or --header"
        )
