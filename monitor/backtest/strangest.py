"""The rows with the highest errors, anywhere in a stream of any length, in bounded memory.

Kept are a few of each piece of equally many consecutive records; when there are too many pieces,
each two become one. So every stretch of the stream that is a few pieces long still has some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.pipeline.picks import KEY_LENGTH, Pick, Seen
from monitor.pipeline.scored import Scored
from monitor.stream.columns import Columns, Index
from monitor.stream.records import Scores

PIECES: Final = 256
"""At most; there are half as many or more once there were so many."""
FEWEST_RECORDS: Final = 64
"""Records of a piece, at least."""
EACH: Final = 6
"""Rows that are kept of a piece."""
SAMPLES_BYTES: Final = 64 << 20
"""Of all rows that are kept to be looked at; larger ones are kept without their contents."""


@dataclass(frozen=True, slots=True, eq=False)
class Strange:
    """A row. number: of its record among all that came, from 0."""

    number: int
    seen: Seen


class Strangest:
    """Picks none of a batch's rows as evidence, and keeps its own; implements `Picker`.

    threshold: of the model. contents: whether rows themselves are kept, to be looked at. before:
    records that came before the batch, to be set for each.
    """

    def __init__(self, model_version: str, threshold: float, *, contents: bool) -> None:
        self.before = 0
        self._version, self._threshold = model_version, threshold
        self._contents = contents
        self._records = FEWEST_RECORDS
        self._pieces: dict[int, list[Strange]] = {}

    def pick(
        self, records: Columns, counts: Index, rows: NDArray[Any], scores: Scores
    ) -> Sequence[Pick]:
        """See `Picker`."""
        numbers = self.before + np.arange(len(records)).repeat(counts)
        last = (self.before + len(records) - 1) // self._records
        while last >= PIECES:
            self._halve()
            last //= 2
        pieces = numbers // self._records
        for piece in np.unique(pieces).tolist():
            self._take(
                piece, (pieces == piece).nonzero()[0], numbers, records, counts, rows, scores
            )
        return ()

    def _take(
        self, piece: int, at: Index, numbers: Index, records: Columns, counts: Index,
        rows: NDArray[Any], scores: Scores,
    ) -> None:  # fmt: skip
        """Keep those rows of a piece, at some places of the batch, that are among its highest."""
        kept, errors = self._pieces.get(piece, []), scores.reconstruction_error
        if len(kept) == EACH:
            at = at[errors[at] > kept[-1].seen.error]
        if not at.size:
            return
        at = at[np.argsort(-errors[at], kind="stable")[:EACH]]
        new = [
            Strange(int(numbers[row]), self._seen(row, int(numbers[row]) - self.before, records,
                                                  counts, rows, scores))
            for row in at.tolist()
        ]  # fmt: skip
        self._pieces[piece] = _highest([*kept, *new])

    def _seen(
        self, row: int, i: int, records: Columns, counts: Index, rows: NDArray[Any], scores: Scores
    ) -> Seen:
        partition, errors = records.partitions[records.partition[i]], scores.reconstruction_error
        sample, key = rows[row : row + 1], records.keys[i]
        shown = self._contents and sample.nbytes * PIECES * EACH <= SAMPLES_BYTES
        text = None if key is None else key.decode("utf-8", "backslashreplace")[:KEY_LENGTH]
        return Seen(
            model_version=self._version,
            topic=partition.topic,
            partition=partition.number,
            offset=int(records.offsets[i]),
            row=row - int(counts[:i].sum()),
            timestamp=int(records.timestamps[i]),
            arrival=-1 if records.arrivals is None else int(records.arrivals[i]),
            key=text if self._contents else None,
            error=float(errors[row]),
            p_value=float(scores.p_values(errors[row : row + 1])[0]),
            threshold=self._threshold,
            sample=sample.copy() if shown else None,
        )

    def name(self, scored: Scored) -> None:
        """Note the segments of the batch's rows that are kept."""
        first, count, numbers = self.before, len(scored.records), scored.segment
        if numbers is None or not count:
            return
        names = [scored.segments[number] for number in numbers.tolist()]
        for piece in range(first // self._records, (first + count - 1) // self._records + 1):
            if piece in self._pieces:
                self._pieces[piece] = [
                    each if each.number < first else _named(each, names[each.number - first])
                    for each in self._pieces[piece]
                ]

    def _halve(self) -> None:
        """Each two pieces become one."""
        joined: dict[int, list[Strange]] = {}
        for piece, kept in self._pieces.items():
            joined.setdefault(piece // 2, []).extend(kept)
        self._pieces = {piece: _highest(kept) for piece, kept in joined.items()}
        self._records *= 2

    def within(
        self, first: int, end: int, most: int, segment: str = "", since: int = -1
    ) -> list[Strange]:
        """The highest of the records [first, end) that are kept, the highest first.

        segment: of which they must be, "" for any. since: the earliest timestamp.
        """
        kept = (s for piece in self._pieces.values() for s in piece if first <= s.number < end)
        found = [s for s in kept if segment in ("", s.seen.segment) and s.seen.timestamp >= since]
        return sorted(found, key=lambda each: (-each.seen.error, each.number))[:most]


def _named(row: Strange, segment: str) -> Strange:
    return replace(row, seen=replace(row.seen, segment=segment))


def _highest(rows: list[Strange]) -> list[Strange]:
    return sorted(rows, key=lambda each: (-each.seen.error, each.number))[:EACH]
