"""The grid, for a person at a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from monitor.backtest.grid import Row


def cells(row: Row) -> list[str]:
    """What is told of a combination, beside model, budget and tolerance."""
    against, found = row.against, row.against.judged.comparison
    told = [
        f"{against.alarms:,}",
        f"{against.allowed:.2g}",
        _number(against.alarms_a_day),
        _number(against.allowed_a_day),
    ]
    if found is None:
        return told
    delay = row.median_delay
    return [
        *told,
        f"{found.count('found')}",
        f"{found.count('missed')}",
        f"{found.count('in alarm')}",
        f"{len(found.false)}",
        "-" if delay is None else f"{delay:,.0f}",
    ]


def titles(rows: Sequence[Row]) -> list[str]:
    """Of the cells."""
    known = ["alarms", "allowed", "alarms a day", "allowed a day"]
    if all(row.against.judged.comparison is None for row in rows):
        return known
    return [*known, "found", "missed", "hidden", "false", "median delay"]


def grid_lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table; nothing but a line where no combination was finished."""
    if not rows:
        yield "grid: no combination was finished"
        return
    head = ["model", "false alarms", "tolerance", *titles(rows)]
    drifts = [row.against.judged.config.drift for row in rows]
    lines = [
        [row.model, drift.false_alarms, f"{drift.tolerance:g}", *cells(row)]
        for row, drift in zip(rows, drifts, strict=True)
    ]
    wide = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, *lines]:
        named = (f"{text:{size}}" for text, size in zip(line[:2], wide[:2], strict=True))
        numbers = (f"{text:>{size}}" for text, size in zip(line[2:], wide[2:], strict=True))
        yield "  ".join([*named, *numbers]).rstrip()


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"
