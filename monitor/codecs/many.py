"""What a codec gives back of many payloads at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class CannotEncodeError(ValueError):
    """Only producers know how to write such payloads."""


class Many(NamedTuple):
    """The rows of those payloads that are certainly right, in the order of the payloads.

    rows: (R, *record_shape). counts: int64 (n,), rows of each payload; 0 for one that is left to
    `decode`, which alone says what is wrong with it.
    """

    rows: NDArray[Any]
    counts: NDArray[np.int64]

    @classmethod
    def none(cls, payloads: int) -> Self:
        """Of so many payloads, all of which are left to `decode`."""
        return cls(np.empty((0,)), np.zeros(payloads, dtype=np.int64))


@runtime_checkable
class DecodesMany(Protocol):
    """A codec that is faster with many payloads at once than one by one."""

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """Exactly the rows that `decode` gives, of as many of these payloads as are easily told.

        Each has one byte at least. Raises nothing.
        """
