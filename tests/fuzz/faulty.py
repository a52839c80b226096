"""A codec that breaks the guarantee in the way it is told to, and what the check says of it.

python -m tests.fuzz.faulty FAULT        ends with 1 if the check sees it
"""

from __future__ import annotations

import sys
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.errors import DecodeError
from tests.fuzz import check
from tests.fuzz.seeds import TIGHT, VARIANTS
from tests.pace import anchor_seconds

ANCHORS: Final = 2.0
"""Allowed here, so that what takes far too long need not take long."""
FAR_TOO_MANY: Final = 20
FAR_TOO_MUCH: Final = 10_000_000


def _work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Faulty:
    """A codec that breaks the guarantee in the way it is told to."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def decode(self, value: bytes) -> NDArray[Any]:
        if self._fault == "another exception":
            raise KeyError(value)
        if self._fault == "a text that cannot be sent":
            raise DecodeError("undecodable", "\ud800")
        if self._fault == "a long text":
            raise DecodeError("undecodable", "x" * 1000)
        if self._fault == "much time":
            _work(FAR_TOO_MANY * anchor_seconds())
        if self._fault == "much memory":
            np.ones(FAR_TOO_MUCH)
        shape = (1, 3) if self._fault == "another shape" else (1, 2)
        return np.ones(shape, bool if self._fault == "another dtype" else np.float64)

    def encode(self, row: NDArray[Any]) -> bytes:
        return row.tobytes()


def look(fault: str) -> None:
    """Check such a codec. Raises what the check does if it sees the fault."""
    variant = check.Variant("raw", VARIANTS["raw"][3].settings, TIGHT)
    verdict = check.check_with(Faulty(fault), variant, b"x")
    assert verdict.ending == "rows"


if __name__ == "__main__":
    check.MAX_ANCHORS = ANCHORS
    look(sys.argv[1])
