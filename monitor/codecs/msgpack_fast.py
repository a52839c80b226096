"""MessagePack without an object for each number: payloads that are all alike but for their values.

A row of floats of one width, written as `encode` writes it, differs from any other such row only
in the bytes of the values. All other bytes are compared with those of two samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.many import Many

WIDTHS: Final = (8, 4)
"""Bytes of a float, those of Python's numbers first."""
_SAMPLES: Final = (b"\0", b"\x3f")
"""What the bytes of the values are in each sample."""


class Alike:
    """Reads payloads of one row of a shape, with floats of one width.

    encode: makes the payload of a row.
    """

    def __init__(
        self, shape: tuple[int, ...], width: int, encode: Callable[[NDArray[Any]], bytes]
    ) -> None:
        self._shape = shape
        self._type = np.dtype(f">f{width}")
        values = [np.frombuffer(byte * width, f"f{width}") for byte in _SAMPLES]
        zero, other = (np.frombuffer(encode(np.full(shape, v)), np.uint8) for v in values)
        self.size = zero.size
        self._values = np.flatnonzero(zero != other)
        self._others = np.flatnonzero(zero == other)
        self._expected = zero[self._others]

    def read(self, values: Sequence[bytes]) -> Many:
        """Rows as float64."""
        alike = np.array([len(value) == self.size for value in values])
        same = [value for value in values if len(value) == self.size]
        table = np.frombuffer(b"".join(same), np.uint8).reshape(-1, self.size)
        right = (table[:, self._others] == self._expected).all(axis=1)
        alike[alike] = right
        numbers = np.ascontiguousarray(table[:, self._values]).view(self._type)
        rows = numbers[right].astype(np.float64).reshape(-1, *self._shape)
        return Many(rows, alike.astype(np.int64))
