"""Datasets in parts of so many records, whatever the parts are that a file gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from monitor.datasets.dataset import Dataset


def cut(data: Dataset, start: int, stop: int) -> Dataset:
    """Some of its records, not copied."""
    rows = slice(start, stop)
    carried = {name: cells[rows] for name, cells in data.carried.items()}
    return Dataset(data.records[rows], data.schema, data.names[rows], data.index[rows], carried)


def joined(parts: Iterable[Dataset]) -> Dataset:
    """All records, one or more parts; those of one part are not copied."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return Dataset(
        np.concatenate([part.records for part in parts]),
        parts[0].schema,
        tuple(name for part in parts for name in part.names),
        np.concatenate([part.index for part in parts]),
        {
            name: [cell for part in parts for cell in part.carried[name]]
            for name in parts[0].carried
        },
    )


def regrouped(parts: Iterable[Dataset], size: int) -> Iterator[Dataset]:
    """The same records in parts of `size`; the last may be smaller."""
    held: list[Dataset] = []
    count = 0
    for part in parts:
        start = 0
        while count + len(part.records) - start >= size:
            stop = start + size - count
            yield joined([*held, cut(part, start, stop)])
            held, count, start = [], 0, stop
        if start < len(part.records):
            held.append(cut(part, start, len(part.records)))
            count += len(part.records) - start
    if held:
        yield joined(held)
