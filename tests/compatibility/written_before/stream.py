"""A stream of records, the same for ever: plain Python, no generator or function of a library.

An error of normal data is between 0.5 and 3. A payload is a JSON list of rows, and the first
number of a row is the error that the stand-in for a model gives it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

TOPIC, PARTITIONS, ROWS, CALIBRATION = "readings", 3, 4, 1500
FIRST_TIMESTAMP = 1_700_000_000_000
STAGES = ((1200, 1.0), (600, 3.0), (3000, 1.0), (600, 0.4))
"""Records, and how much larger their errors are. The daemon stops in the midst of the second."""
STOP, LENGTH = 1650, sum(count for count, _ in STAGES)
OTHERS = ((600, 750), (900, 990))
"""Stretches that another daemon of the group reads."""
UNREADABLE = {7: b"bad", 31: None, 59: b"[[1, 2]]", 83: b"[[NaN, 0, 0]]", 101: b""}
"""By the record's number modulo 127: payloads that become dead letters."""
GONE = (1001, 2501)
"""Numbers of records that were deleted unread, with the two after them in their partition."""


@dataclass(frozen=True)
class Message:
    """One record; next_offset is further away for records that are gone."""

    partition: int
    offset: int
    next_offset: int
    timestamp: int
    value: bytes | None


def calibration() -> list[float]:
    """Errors of normal data, in the order of the stream."""
    return _errors(CALIBRATION, seed=99)


def messages() -> Iterator[Message]:
    """The records in the order in which they arrive, dealt out to the partitions."""
    offsets = [100 * number for number in range(PARTITIONS)]
    for number, value in enumerate(_values()):
        partition, gone = number % PARTITIONS, number in GONE
        start = offsets[partition]
        offsets[partition] += 3 if gone else 1
        yield Message(
            partition=partition,
            offset=start,
            next_offset=offsets[partition],
            timestamp=FIRST_TIMESTAMP + 5 * number,
            value=None if gone else UNREADABLE.get(number % 127, value),
        )


def _values() -> Iterator[bytes]:
    for seed, (count, factor) in enumerate(STAGES):
        errors = iter(_errors(ROWS * count, seed))
        for _ in range(count):
            rows = (f"[{factor * next(errors)!r}, 0, 0]" for _ in range(ROWS))
            yield f"[{', '.join(rows)}]".encode()


def _errors(count: int, seed: int) -> list[float]:
    """random() gives the same numbers in every version of Python; division is exact everywhere."""
    generator = random.Random(seed)
    return [1.5 / (0.5 + 2.5 * generator.random()) for _ in range(count)]
