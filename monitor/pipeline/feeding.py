"""Gives a judge scored records that never were in a topic, at a rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.drift.judge import Change, Judge
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition, Scores

START: Final = 1_700_000_000_000
"""Milliseconds since the epoch of the first record."""
_PLACE: Final = (Partition("simulated", 0),)


def feed(judge: Judge, stream: Iterable[Scores], rate: float) -> Iterator[tuple[int, Change]]:
    """Give a judge the scores of consecutive records, `rate` of them a second.

    Records without a finite error are not judged, as in the daemon. Yields each change of state,
    with the records that had come by then, those of earlier calls among them.
    """
    found = list[tuple[int, Change]]()

    def note(changes: list[Change], newest: int) -> None:
        found.extend((judge.next_offset(_PLACE[0]), change) for change in changes)

    first = judge.next_offset(_PLACE[0])
    for scores in stream:
        places = first + np.arange(len(scores.reconstruction_error))
        first += places.size
        finite = np.isfinite(scores.reconstruction_error)
        judge.watch(_judged(scores.where(finite), places[finite], rate), note)
        yield from found
        found.clear()


def _judged(scores: Scores, places: NDArray[np.int64], rate: float) -> JudgedRecords:
    return JudgedRecords(
        model_version=scores.model_version,
        partitions=_PLACE,
        partition=np.zeros_like(places),
        offsets=places,
        next_offsets=places + 1,
        timestamps=START + (1000 * places / rate).astype(np.int64),
        rows=np.ones_like(places),
        errors=scores.reconstruction_error,
        channels=scores.channels,
    )
