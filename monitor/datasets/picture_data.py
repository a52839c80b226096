"""Records in folders of pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.schema import Schema
from monitor.datasets import image_folder
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import Reading
from monitor.datasets.selection import Selection, labels, thinned
from monitor.datasets.watching import RECORDS
from monitor.pictures.form import Form

_PICTURES: Final = 512
"""Of a folder in memory at a time, at most."""
_BYTES: Final = 64 << 20


def blocks(paths: Sequence[str], reading: Reading, mode: str | None = None) -> Iterator[Dataset]:
    """Pictures of folders. mode: that of a model, or None for what they are."""
    found = list[Path]()
    names = list[str]()
    for path in paths:
        files, said = image_folder.files(Path(path))
        if said:
            reading.say(f"{path}: {said}")
        found += files
        names += [file.relative_to(path).as_posix() for file in files]
    rows = np.arange(len(found), dtype=np.int64)
    if reading.where is not None:
        where = Selection.parse(reading.where)
        rows = where.rows(labels(where), len(found))
    rows = thinned(rows, reading, paths[0])
    with reading.watch(f"looking at {paths[0]}", rows.size, RECORDS) as advance:
        form = image_folder.form_of([found[row] for row in rows], mode, reading.resize, advance)
    with reading.watch(f"reading {paths[0]}", rows.size, RECORDS) as advance:
        for part in _pictures(found, names, rows, form):
            yield part
            advance(len(part.records))


def _pictures(
    found: Sequence[Path], names: Sequence[str], rows: NDArray[np.int64], form: Form
) -> Iterator[Dataset]:
    size = max(1, min(_PICTURES, _BYTES // (math.prod(form.shape) * form.dtype.itemsize)))
    for start in range(0, rows.size, size):
        index = rows[start : start + size]
        pixels = image_folder.read([found[row] for row in index], form)
        yield Dataset(pixels, Schema(), tuple(names[row] for row in index), index)
