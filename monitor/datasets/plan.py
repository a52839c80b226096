"""Plan: which columns become which features, decided by what they hold and what was said.

Nothing is guessed: what can be no feature is refused, all columns at once, with the options that
settle it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.schema import MAX_CATEGORIES, Feature, Schema
from monitor.datasets.column import Column
from monitor.datasets.profile import Profile, profile
from monitor.datasets.request import Reading
from monitor.datasets.rows import CODES, Taken
from monitor.datasets.table import Table, listed
from monitor.errors import DataError

_SHOWN = 20
_FAULTS = {
    "time": "dates or times",
    "text": "free text",
    "empty": "no value at all",
    "nested": "parts of its own",
    "mixed": "",
    "marked": "numbers with units or marks of thousands, write plain ones",
}


class UndecidedError(DataError):
    """There is something to settle before records can be made. columns: what they hold."""

    def __init__(self, message: str, columns: Sequence[Column]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


@dataclass(frozen=True, eq=False)
class Plan:
    """taken: where the features come from. schema: theirs, none if they need no names. dtype: of
    the records. left: columns that are no features, and why. chosen: rows (ascending), or None
    for all. profile: of the features' columns.
    """

    taken: tuple[Taken, ...]
    schema: Schema
    dtype: np.dtype[np.generic]
    left: tuple[tuple[str, str], ...]
    chosen: NDArray[np.int64] | None
    profile: Profile


def plan(
    table: Table, reading: Reading, chosen: NDArray[np.int64] | None, labels: Sequence[str]
) -> Plan:
    """Look at all rows, and decide; raises DataError. labels: columns that chose the rows.

    Raises UndecidedError with all that is to be settled.
    """
    left = dict(_left(table, reading, labels))
    names = [name for name in reading.columns or table.names if name not in left]
    if not names:
        raise DataError(f"{table.source}: there are no records. Give at least one of one number")
    seen = profile(table, names, chosen)
    if not seen.rows:
        raise DataError(f"{table.source}: there are no records. Give at least one of one number")
    columns = [seen.columns[name] for name in names]
    if questions := [*_faults(table, columns), *_missing(table, columns, reading)]:
        raise UndecidedError("\n".join(questions), columns)
    taken = tuple(_taken(column, reading) for column in columns)
    return Plan(taken, _schema(table, taken, left), _dtype(taken, columns), tuple(left.items()),
                chosen, seen)  # fmt: skip


def _left(table: Table, reading: Reading, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Columns that are no features, and why."""
    time = () if reading.time is None else (reading.time,)
    said = (
        ("--columns", reading.columns), ("--drop", reading.drop), ("--label", reading.label),
        ("--id", reading.ids), ("--time", time),
    )  # fmt: skip
    for option, names in said:
        table.require(names, option)
    yield from ((name, "the index, kept as id") for name in table.index)
    yield from ((name, "chooses records") for name in labels)
    for (_, names), why in zip(said[1:], ("dropped", "label", "id", "time"), strict=True):
        yield from ((name, why) for name in names)
    if reading.columns:
        others = (name for name in table.names if name not in reading.columns)
        yield from ((name, "not in --columns") for name in others)


def _faults(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    """What is wrong with columns that cannot be features, with what to do."""
    faulty = [column for column in columns if column.kind in _FAULTS]
    faulty += [c for c in columns if c.kind == "category" and len(c.values) > MAX_CATEGORIES]
    if not faulty:
        return
    _refuse_names_again(table, faulty)
    faults = [_fault(column).replace(f" {table.source},", "") for column in faulty[:_SHOWN]]
    names = " ".join(shlex.quote(column.name) for column in faulty[:_SHOWN])
    put = "Otherwise put" if any(": say --" in fault for fault in faults) else "Put"
    if len(faulty) == 1:
        yield f"{table.source}: {faults[0]}. {put} it right, or leave it out: --drop {names}"
        return
    more = f"\n  and {len(faulty) - _SHOWN} more" if len(faulty) > _SHOWN else ""
    yield (
        f"{table.source}: {len(faulty)} columns cannot be features as they are:\n  "
        + "\n  ".join(faults)
        + f"{more}\n{put} them right, or leave them out: --drop {names}"
    )


def _refuse_names_again(table: Table, faulty: Sequence[Column]) -> None:
    """A line that holds the header once more, as in files that were joined."""
    for column in faulty:
        place, _, cell = column.bad.rpartition(": ")
        if column.kind == "mixed" and cell == repr(column.name):
            raise DataError(
                f"{place}: the names of the columns once more, as if files had been joined."
                " Remove that line, and others like it"
            )


def _fault(column: Column) -> str:
    what = _FAULTS.get(column.kind, "a category of too many values")
    if column.kind == "mixed":
        return f"column {column.name!r}, {column.bad} is not a finite number"
    if column.kind == "nested":
        what = f"{what} ({column.type})"
    if column.kind == "marked":
        what = f"{what}; {column.bad}"
    elif column.kind == "text" and column.distinct is not None:
        what = f"{what}, {column.distinct:,} different values, {column.bad}"
    name = shlex.quote(column.name)
    if column.kind == "time":
        what = f"{what}: say --time {name}, which goes into results"
    if column.kind == "text":
        what = f"{what}: say --id {name} if it names records"
    return f"column {column.name!r}: {what}"


def _missing(table: Table, columns: Sequence[Column], reading: Reading) -> Iterator[str]:
    """Which columns lack values, where nobody has said what that means."""
    columns = [column for column in columns if column.kind != "empty"]  # a fault already
    lacking = [column for column in columns if column.missing]
    indicated = [column for column in lacking if not column.width]
    lists = [column for column in lacking if column.width]
    if reading.missing == "skip" or not lacking or (reading.missing == "indicate" and not lists):
        return
    shown = lists if reading.missing == "indicate" else indicated + lists
    shares = [f"{column.name} {column.share_missing:.2%}" for column in shown]
    yield (
        f"{table.source}: values are missing in {listed(shares)}. Say"
        " --missing indicate to learn that they are, --missing skip to leave out such records,"
        f" or --drop {' '.join(shlex.quote(column.name) for column in shown[:_SHOWN])}"
    )


def _taken(column: Column, reading: Reading) -> Taken:
    if column.width:
        return Taken(column.name, Feature(f"{column.name}[0]"), column.width)
    missing = reading.missing == "indicate" and column.missing > 0
    if column.kind == "category":
        return Taken(column.name, Feature(column.name, "category", column.values, missing))
    if column.kind == "boolean":
        return Taken(column.name, Feature(column.name, "boolean", (), missing))
    return Taken(column.name, Feature(column.name, "number", (), missing))


def features_of(taken: Sequence[Taken]) -> tuple[Feature, ...]:
    """All features, those of lists by name and position."""
    return tuple(
        feature
        for each in taken
        for feature in (
            [Feature(f"{each.column}[{i}]") for i in range(each.width)]
            if each.width
            else [each.feature]
        )
    )


def _schema(table: Table, taken: Sequence[Taken], left: dict[str, str]) -> Schema:
    schema = Schema(features_of(taken))
    # Columns without names need none if the file is taken as it is.
    return schema if table.named or left or not schema.plain else Schema()


def _dtype(taken: Sequence[Taken], columns: Sequence[Column]) -> np.dtype[np.generic]:
    types = [c.dtype if c.kind == "number" else np.dtype(np.uint8) for c in columns]
    least = [CODES] if any(t.feature.kind == "category" or t.feature.missing for t in taken) else []
    return np.result_type(*types, *least)
