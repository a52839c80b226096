"""Account: what was understood of files, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from monitor.datasets import suspicions
from monitor.datasets.column import Column

SHOWN: Final = 100
"""Columns in a table for people."""
KEPT: Final = 1000
"""Columns in a bundle's account."""
_VALUES: Final = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """Of one column that is a feature (or a list of them). range: in words. missing: share, from
    0 to 1. looks: what it looks like, beyond its values."""

    name: str
    kind: str
    range: str
    missing: float = 0.0
    looks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """records, shape, dtype: of the array that a model gets. facts: of each feature. pairs:
    columns that say the same, with their correlation. left: columns that are no features, and why.
    notes: how the files were read. skipped: records that lack a value. windows: made of the
    records, if these are steps of series."""

    source: str
    records: int
    shape: tuple[int, ...]
    dtype: str
    facts: tuple[Fact, ...] = ()
    pairs: tuple[tuple[str, str, float], ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    skipped: int = 0
    windows: int | None = None

    def warnings(self) -> list[str]:
        """What a person should look at before training."""
        found = [suspicions.advice(fact.name, fact.looks) for fact in self.facts]
        return [text for text in found if text]

    def kept(self, roles: Mapping[str, Any]) -> dict[str, Any]:
        """For a bundle: the same, of many columns only the first. roles: how it was said."""
        shorter = replace(self, facts=self.facts[:KEPT], left=self.left[:KEPT])
        return {**shorter.to_json(), "roles": dict(roles)}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        document = asdict(self) | {"shape": list(self.shape), "notes": list(self.notes)}
        document["facts"] = [asdict(f) | {"looks": list(f.looks)} for f in self.facts]
        document["pairs"] = [list(pair) for pair in self.pairs]
        document["left"] = [list(each) for each in self.left]
        return document

    def text(self) -> str:
        """For a terminal."""
        shape = " x ".join(map(str, self.shape))
        lines = [f"read         {self.records:,} records of {shape} ({self.dtype}), {self.source}"]
        if self.windows is not None:
            lines.append(f"windows      {self.windows:,}")
        if self.skipped:
            lines.append(f"skipped      {self.skipped:,} records that lack a value")
        lines += _table([_cells(fact) for fact in self.facts[:SHOWN]])
        if len(self.facts) > SHOWN:
            lines.append(f"             and {len(self.facts) - SHOWN:,} more columns")
        lines += [f"left out     {name!r}: {why}" for name, why in self.left[:SHOWN]]
        for one, other, correlation in self.pairs:
            lines.append(f"the same     {one!r} and {other!r}: correlation {correlation:.6f}")
        return "\n".join(lines)


def _cells(fact: Fact) -> tuple[str, ...]:
    missing = f"{fact.missing:.2%} missing" if fact.missing else ""
    return (fact.name, fact.kind, fact.range, missing, ", ".join(fact.looks))


def undecided(columns: Sequence[Column]) -> str:
    """What columns hold, for a terminal, while it is open which of them are features."""
    lines = _table([_cells(fact_of(column)) for column in columns[:SHOWN]], "column")
    if len(columns) > SHOWN:
        lines.append(f"             and {len(columns) - SHOWN:,} more columns")
    return "\n".join(lines)


def _table(rows: Sequence[tuple[str, ...]], title: str = "feature") -> list[str]:
    if not rows:
        return []
    widths = [min(40, max(map(len, column))) for column in zip(*rows, strict=True)]
    padded = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return [f"{title:13}{line}" for line in padded]


def fact_of(column: Column, stand_in: bool = False) -> Fact:
    """Of a column of a table. stand_in: a value may stand for a missing one."""
    kind = f"{column.width} numbers" if column.width else column.kind
    span = ""
    if column.kind == "category":
        more = ", ..." if len(column.values) > _VALUES else ""
        span = f"{len(column.values)} values: {', '.join(column.values[:_VALUES])}{more}"
    elif column.kind == "number":
        span = f"{column.low:.6g} to {column.high:.6g}"
    looks = suspicions.of(column) + (suspicions.STAND_IN,) * stand_in
    share = column.missing / max(1, column.rows * max(1, column.width))
    return Fact(column.name, kind, span, share, looks)
