"""What to learn from: records of files, and an account of what they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.windows import Window
from monitor import datasets
from monitor.datasets import (
    account,
    choosing,
    layout,
    parts,
    plan,
    suspicions,
    tables,
    times,
    windowed,
)
from monitor.datasets.account import Account
from monitor.datasets.column import Column
from monitor.datasets.dataset import Dataset
from monitor.datasets.profile import SAMPLE
from monitor.datasets.request import Reading
from monitor.datasets.rows import Converter
from monitor.datasets.table import Table
from monitor.datasets.watching import RECORDS, Watch

_BLOCK: Final = 1 << 22
"""Numbers of an array looked at at a time."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The records, and what they are."""

    data: Dataset
    account: Account


def read(paths: datasets.Paths, reading: Reading, window: Window | None = None) -> Learned:
    """All records that are to be learned, and what they are; raises DataError.

    window: how windows are made of records that are steps of series; the account is of the steps.
    """
    reading = reading if window is None else windowed.carrying(reading, window)
    learned = _read(paths, reading)
    if window is None and not reading.newest:
        return learned
    # Where the newest records are asked for, their order matters, as that of steps does.
    source = learned.account.source
    data = times.in_order([learned.data], reading, source, window.by if window else "")
    if window is None:
        return replace(learned, data=parts.joined(data))
    made = parts.joined(windowed.windowed(data, window, source))
    return Learned(made, replace(learned.account, windows=len(made.records)))


def _read(paths: datasets.Paths, reading: Reading) -> Learned:
    named = datasets.listed(paths)
    if datasets.kind_of(named) == "table":
        table, decided = _planned(named, reading)
        converter = _converter(table, decided, reading)
        data = parts.joined(_parts(table, decided, converter, reading))
        return Learned(data, _of_table(table, decided, len(data.records), converter.tally.skipped))
    data = parts.joined(datasets.blocks(named, None, reading))
    layout.check(data.records, reading, named[0])
    return Learned(data, _of_array(data.records, named, reading.watch))


def look(paths: datasets.Paths, reading: Reading) -> Account:
    """What the records are; of a table, they are never in memory at once. Raises DataError."""
    named = datasets.listed(paths)
    if datasets.kind_of(named) != "table":
        return read(named, reading).account
    table, decided = _planned(named, reading)
    converter = _converter(table, decided, reading)
    records = sum(len(each.records) for each in _parts(table, decided, converter, reading))
    return _of_table(table, decided, records, converter.tally.skipped)


def table_blocks(paths: Sequence[str], reading: Reading) -> Iterator[Dataset]:
    """A table's records in parts, without an account."""
    table, decided = _planned(paths, reading)
    yield from _parts(table, decided, _converter(table, decided, reading), reading)


def _planned(paths: Sequence[str], reading: Reading) -> tuple[Table, plan.Plan]:
    table = tables.opened(paths, reading)
    tables.told(table, reading)
    chosen, used = choosing.of_table(table, reading)
    decided = plan.plan(table, reading, chosen, used)
    sample = decided.profile.sample
    if count := suspicions.shifted(sample):
        reading.say(
            f"{table.source}: WARNING: {count:,} of the first {len(sample):,} records fit the"
            " columns only if their cells move by one place: are cells missing in these lines?"
        )
    return table, decided


def _converter(table: Table, decided: plan.Plan, reading: Reading) -> Converter:
    return Converter(decided.taken, table.decimal, decided.dtype, reading.missing == "skip")


def _parts(
    table: Table, decided: plan.Plan, converter: Converter, reading: Reading
) -> Iterator[Dataset]:
    columns = [each.column for each in decided.taken]
    carried = tuple(dict.fromkeys((*table.index, *reading.carried)))
    found = tables.datasets(table, converter, decided.schema, decided.chosen, columns, carried)
    return times.checked(found, reading, table.source)


def _of_table(table: Table, decided: plan.Plan, records: int, skipped: int) -> Account:
    seen = decided.profile
    stand_ins = suspicions.stand_ins(seen.sample, seen.names)
    return Account(
        source=table.source,
        records=records,
        shape=(len(plan.features_of(decided.taken)),),
        dtype=decided.dtype.name,
        facts=tuple(
            account.fact_of(seen.columns[name], stand_in=name in stand_ins) for name in seen.names
        ),
        pairs=tuple(suspicions.pairs(seen.sample, seen.names)),
        left=decided.left,
        notes=table.told,
        skipped=skipped,
    )


def _of_array(records: NDArray[Any], paths: Sequence[str], watch: Watch) -> Account:
    source = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    made = Account(source, len(records), records.shape[1:], records.dtype.name)
    blocks = _blocks(records, source, watch)
    if records.ndim != 2:
        lowest, highest = zip(*((block.min(), block.max()) for block in blocks), strict=True)
        low, high = min(lowest), max(highest)
        pixels = account.Fact("pixels", "number", f"{low:.6g} to {high:.6g}")
        return replace(made, facts=(pixels,))
    names = [str(i) for i in range(records.shape[1])]
    step = max(1, len(records) // SAMPLE)
    sample = records[::step][:SAMPLE].astype(np.float64)
    facts = tuple(map(account.fact_of, _columns(records, names, sample, blocks)))
    found = tuple(suspicions.pairs(sample, names))
    return replace(made, facts=facts, pairs=found)


def _blocks(records: NDArray[Any], source: str, watch: Watch) -> Iterator[NDArray[Any]]:
    """All records, so that those of a mapped file are never in memory at once.

    Each block but the last ends with the first record of the next.
    """
    rows = max(1, _BLOCK // math.prod(records.shape[1:]))
    with watch(f"looking at {source}", len(records), RECORDS) as advance:
        for start in range(0, len(records), rows):
            yield records[start : start + rows + 1]
            advance(min(rows, len(records) - start))


def _columns(
    records: NDArray[Any],
    names: Sequence[str],
    sample: NDArray[np.float64],
    blocks: Iterable[NDArray[Any]],
) -> Iterator[Column]:
    """What the columns of an array hold."""
    low = high = records[0]
    rising = np.ones(records.shape[1], dtype=np.bool_)
    for block in blocks:
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        rising &= (np.diff(block.astype(np.float64), axis=0) > 0).all(axis=0)
    for i, name in enumerate(names):
        yield Column(
            name, "number", records.dtype.name, len(records), 0,
            low=float(low[i]), high=float(high[i]), rising=bool(rising[i]),
            distinct=None if low[i] != high[i] else 1,
            whole=bool((sample[:, i] == np.floor(sample[:, i])).all()),
        )  # fmt: skip
