"""Gives a judge scored records that never were in a topic, at a rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from monitor.drift.judge import Change, Judge
from monitor.drift.simulation import SIMULATED, judged
from monitor.stream.records import Scores


def feed(judge: Judge, stream: Iterable[Scores], rate: float) -> Iterator[tuple[int, Change]]:
    """Give a judge the scores of consecutive records, `rate` of them a second.

    Records without a finite error are not judged, as in the daemon. Yields each change of state,
    with the records that had come by then, those of earlier calls among them.
    """
    found = list[tuple[int, Change]]()

    def note(changes: list[Change], newest: int) -> None:
        found.extend((judge.next_offset(SIMULATED[0]), change) for change in changes)

    first = judge.next_offset(SIMULATED[0])
    for scores in stream:
        places = first + np.arange(len(scores.reconstruction_error))
        first += places.size
        finite = np.isfinite(scores.reconstruction_error)
        kept = scores.where(finite)
        records = judged(
            kept.model_version, kept.reconstruction_error, places[finite], rate, kept.channels
        )
        judge.watch(records, note)
        yield from found
        found.clear()
