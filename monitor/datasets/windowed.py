"""Windows over series, of datasets whose records are single steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from models.windows import Window, Windower
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import Reading
from monitor.errors import DataError


def carrying(reading: Reading, window: Window) -> Reading:
    """With the column that says which series a step belongs to as one that is no feature."""
    if not window.by or window.by in reading.carried:
        return reading
    return replace(reading, ids=(*reading.ids, window.by))


def windowed(parts: Iterable[Dataset], window: Window, source: str) -> Iterator[Dataset]:
    """The windows (w, T, C) that steps (n, C) make, in parts; raises DataError if there are none.

    What is carried, and the index, are of the last step of each window.
    """
    windower, some, steps = Windower(window), False, 0
    for part in parts:
        if part.records.ndim != 2:
            raise DataError(f"{source}: windows are made of vectors, got {part.records.shape[1:]}")
        if window.by and window.by not in part.carried:
            raise DataError(f"{source}: no column {window.by!r}, which says of which series it is")
        series = part.carried[window.by] if window.by else None
        made, last = windower.take(part.records, series)
        steps += len(part.records)
        if not len(made):
            continue
        some = True
        carried = {name: [cells[i] for i in last] for name, cells in part.carried.items()}
        yield Dataset(made, part.schema, (), part.index[last], carried)
    if not some:
        raise DataError(
            f"{source}: no series has the {window.length} steps of a window; there are {steps:,}"
            " in all. Give more, or make windows shorter"
        )
