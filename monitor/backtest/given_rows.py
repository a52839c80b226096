"""The rows of a file in place of payloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.errors import DecodeError
from monitor.stream.columns import Columns


class GivenRows:
    """Stands where the daemon has a codec: the rows of the next batch are given as they are."""

    def __init__(self) -> None:
        self._rows: NDArray[Any] = np.empty((0, 1))
        self._segments: Sequence[bytes | None] = ()

    def give(self, rows: NDArray[Any], segments: Sequence[bytes | None] = ()) -> None:
        """The rows of the records that come next, one each, and what says their segments."""
        self._rows, self._segments = rows, segments

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[Any]:
        """Raises DecodeError: what is read from a file has no payloads to read again."""
        raise DecodeError("undecodable", "records of a file have no payloads")

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        """What was given."""
        return Decoded(self._rows, np.ones(len(values), dtype=np.int64), {})

    def segments(self, records: Columns, scored: Sequence[bool]) -> Sequence[bytes | None]:
        """What says the segment of each, as it was given; see `TextsOf`."""
        del records, scored
        return self._segments
