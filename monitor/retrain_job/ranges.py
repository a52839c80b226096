"""Which offsets to read: ranges as people write them, cut to what is there, and evenly thinned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from monitor.errors import DataError
from monitor.stream.records import Partition

Ranges = Mapping[Partition, tuple[int, int]]
"""Offsets [first, next) of each partition."""
Runs = dict[Partition, list[range]]
"""Stretches of consecutive offsets of each partition, ascending."""

BLOCK: Final = 256
"""Consecutive offsets read together: neighbours tell how far records depend on each other."""
_FORM: Final = re.compile(r"(?P<topic>[A-Za-z0-9._-]{1,249})/(?P<number>\d{1,9}):(\d+)-(\d+)")


def parse(texts: Iterable[str]) -> dict[Partition, tuple[int, int]]:
    """Ranges written as topic/partition:FIRST-NEXT; raises DataError."""
    found: dict[Partition, tuple[int, int]] = {}
    for text in texts:
        match = _FORM.fullmatch(text)
        if match is None or int(match[4]) <= int(match[3]):
            raise DataError(
                f"--from-kafka {text!r:.80}: write TOPIC/PARTITION:FIRST-NEXT, NEXT being the"
                " offset after the last, for example images/0:1000-9000"
            )
        partition = Partition(match["topic"], int(match["number"]))
        if partition in found:
            raise DataError(f"--from-kafka {text}: give one range for each partition")
        found[partition] = int(match[3]), int(match[4])
    return found


def cut(ranges: Ranges, bounds: Ranges) -> dict[Partition, tuple[int, int]]:
    """The part of each range that lies within the bounds; first == next where none does."""
    clipped = {}
    for partition, (first, after) in ranges.items():
        begin, end = bounds[partition]
        start = min(max(first, begin), after)
        clipped[partition] = start, max(start, min(after, end))
    return clipped


def spread(ranges: Ranges, limit: int, seed: int) -> Runs:
    """Runs of at most `limit` offsets in all, in blocks spread evenly over the ranges.

    All of them if there are no more. The seed moves all blocks by one distance.
    """
    order = sorted(ranges.items())
    total = sum(after - first for _, (first, after) in order)
    if total <= limit:
        return {p: [range(first, after)] for p, (first, after) in order if after > first}
    length = min(BLOCK, limit)
    count = limit // length
    spacing = total / count
    shift = np.random.default_rng(seed).random() * (spacing - length)
    starts = [int(number * spacing + shift) for number in range(count)]
    return _placed([range(start, start + length) for start in starts], ranges)


def _placed(blocks: list[range], ranges: Ranges) -> Runs:
    """Blocks of the line on which all ranges lie one after the other, as offsets."""
    runs: Runs = {}
    passed = 0
    for partition, (first, after) in sorted(ranges.items()):
        length = after - first
        parts = [range(max(b.start, passed), min(b.stop, passed + length)) for b in blocks]
        found = [range(first + p.start - passed, first + p.stop - passed) for p in parts if p]
        if found:
            runs[partition] = _joined(found)
        passed += length
    return runs


def _joined(runs: list[range]) -> list[range]:
    """The same offsets, with runs that touch made one."""
    joined = [runs[0]]
    for run in runs[1:]:
        if run.start == joined[-1].stop:
            joined[-1] = range(joined[-1].start, run.stop)
        else:
            joined.append(run)
    return joined
