"""Many pictures at once, the larger ones on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.jpeg_fast import JpegReader
from monitor.codecs.png_fast import PngReader
from monitor.pictures.parts import PNG

PIECE_BYTES: Final = 2**20
"""Pixels that are decoded in one go: a few large pictures, or hundreds of small ones."""
THREADED_BYTES: Final = 2**15
"""Pixels of a picture from which on its decoding, which lets other threads run, is most of it."""
MAX_THREADS: Final = 16


class PictureBatch:
    """Reads PNG and JPEG files of this size, width and height, and mode: L, RGB or RGBA."""

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        self._shape = (size[1], size[0], len(mode))
        self._bytes = size[0] * size[1] * len(mode)
        self._png = PngReader(size, mode)
        self._jpeg = JpegReader(size, mode)

    def read(self, values: Sequence[bytes]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """uint8 (m, height, width, channels) of those that are certain, and which they are (n,)."""
        step = max(1, PIECE_BYTES // self._bytes)
        pieces = [values[start : start + step] for start in range(0, len(values), step)]
        threads = min(_cores(), MAX_THREADS, len(pieces))
        if threads == 1 or self._bytes < THREADED_BYTES:
            read = [self._piece(piece) for piece in pieces]
        else:
            # Made for the batch: starting threads takes far less than what they do.
            with ThreadPoolExecutor(threads, "pictures") as pool:
                read = list(pool.map(self._piece, pieces))
        return np.concatenate([p for p, _ in read]), np.concatenate([found for _, found in read])

    def _piece(self, values: Sequence[bytes]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """As `read`. Only so many pictures have their room before they are known to be any."""
        pixels = np.empty((len(values), *self._shape), dtype=np.uint8)
        found = np.zeros(len(values), dtype=np.bool_)
        lines: dict[int, bytes] = {}
        for i, value in enumerate(values):
            if not value.startswith(PNG):
                found[i] = self._jpeg.read(value, pixels[i])
            elif whole := self._png.lines(value):
                lines[i] = whole
        if lines:
            pixels[list(lines)] = self._png.pixels(list(lines.values()))
            found[list(lines)] = True
        return pixels[found], found


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
