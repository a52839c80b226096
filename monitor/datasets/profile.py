"""Profile: what a table's columns hold, seen in one pass over all rows.

Its memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.datasets import cells
from monitor.datasets.column import Column, Seen
from monitor.datasets.table import Block, Table

SAMPLE: Final = 2000
"""Rows kept for correlations."""


@dataclass(frozen=True, eq=False)
class Profile:
    """columns: what each holds. rows: how many were looked at. sample: (n, d) of those that are
    numbers, NaN where none, with their `names`."""

    columns: Mapping[str, Column]
    rows: int
    sample: NDArray[np.float64]
    names: tuple[str, ...]


def profile(table: Table, names: Iterable[str], chosen: NDArray[np.int64] | None) -> Profile:
    """Of these columns, in the chosen rows (ascending), or in all; raises DataError."""
    wanted = list(names)
    seen = {name: Seen() for name in wanted}
    rows, samples = 0, list[NDArray[np.float64]]()
    for block, at in chosen_rows(table.read(wanted), chosen):
        rows += at.size
        for name in wanted:
            seen[name].add(taken(block.columns[name], at), table.decimal, block, at)
        if sum(map(len, samples)) < SAMPLE:
            samples.append(_sampled(block, at[:SAMPLE], wanted, table))
    columns = {name: seen[name].column(name, table.types[name]) for name in wanted}
    sample = np.concatenate(samples)[:SAMPLE] if samples else np.empty((0, len(wanted)))
    return Profile(columns, rows, sample, tuple(wanted))


def chosen_rows(
    blocks: Iterable[Block], chosen: NDArray[np.int64] | None
) -> Iterable[tuple[Block, NDArray[np.int64]]]:
    """Each block that has chosen rows, and where in it they are."""
    for block in blocks:
        if chosen is None:
            rows = np.arange(block.rows, dtype=np.int64)
        else:
            ends = np.searchsorted(chosen, [block.first, block.first + block.rows])
            rows = chosen[slice(*ends)] - block.first
        if rows.size:
            yield block, rows


def taken(column: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    """The cells at some rows, ascending."""
    return column if rows.size == len(column) else column.take(pa.array(rows))


def _sampled(
    block: Block, rows: NDArray[np.int64], names: list[str], table: Table
) -> NDArray[np.float64]:
    out = np.full((rows.size, len(names)), np.nan)
    for position, name in enumerate(names):
        if not pa.types.is_nested(table.types[name]):
            found = cells.numbers(taken(block.columns[name], rows), table.decimal)
            out[:, position] = np.where(found.bad | found.missing, np.nan, found.values)
    return out
