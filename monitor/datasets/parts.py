"""Datasets in parts of so many records, whatever the parts are that a file gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from monitor.datasets.dataset import Dataset


def cut(data: Dataset, start: int, stop: int) -> Dataset:
    """Some of its records, not copied."""
    rows = slice(start, stop)
    return Dataset(data.records[rows], data.features, data.names[rows], data.index[rows])


def joined(parts: Iterable[Dataset]) -> Dataset:
    """All records, one or more parts; those of one part are not copied."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return Dataset(
        np.concatenate([part.records for part in parts]),
        parts[0].features,
        tuple(name for part in parts for name in part.names),
        np.concatenate([part.index for part in parts]),
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
