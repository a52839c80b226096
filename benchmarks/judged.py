"""Gives errors to a judge as the daemon's pipeline does: summaries of its own blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.distribution import bucket_edges, bucket_index
from monitor.drift.detectors.betting import BettingTest
from monitor.drift.judge import Change, Judge
from monitor.stream.records import Partition, Summary

PARTITION = Partition("stream", 0)
Found = list[tuple[int, Change]]


def feed(
    judge: Judge,
    errors: NDArray[np.float64],
    first: int = 0,
    rate: float = 400.0,
    stop: str | None = None,
    after: int = 0,
) -> Found:
    """Changes of state, and how many records there were by then.

    errors: of consecutive records from offset `first` on, `rate` a second. stop: the event at
    which to return early, once more than `after` records were given.
    """
    buckets = bucket_index(errors / judge.unit)
    rows = judge.evaluation_rows
    found: Found = []
    for start in range(0, len(errors), rows):
        counts = BucketCounts.from_buckets(buckets[start : start + rows])
        end = first + start + counts.total
        changes = judge.add(summary(judge, first + start, end, rate, counts))
        found.extend((end, change) for change in changes)
        if stop and end > after and any(c.transition.event == stop for c in changes):
            break
    return found


def feed_bins(
    judge: Judge,
    cdf: Callable[[Any], Any],
    records: int,
    rng: np.random.Generator,
    rate: float = 400.0,
) -> Found:
    """The same for independent errors of a known law, a few times faster.

    Only the counts of a block matter: they are drawn from a coarse multinomial law over the
    test's own bins, each shown by one of its buckets. cdf: of the errors.
    """
    rows = judge.evaluation_rows
    edges = _edges(judge)
    shares = np.diff(cdf(bucket_edges[edges] * judge.unit), prepend=0.0)
    shares = np.append(shares, max(0.0, 1 - shares.sum()))
    shown = np.append(edges, min(int(edges[-1]) + 1, bucket_edges.size - 1))
    found: Found = []
    for start in range(0, records // rows * rows, rows * 4096):
        draws = rng.multinomial(rows, shares, size=min(4096, (records - start) // rows))
        for number, draw in enumerate(draws):
            occupied = draw.nonzero()[0]
            position = start + number * rows
            counts = BucketCounts(shown[occupied], draw[occupied])
            changes = judge.add(summary(judge, position, position + rows, rate, counts))
            found.extend((position + rows, change) for change in changes)
    return found


def _edges(judge: Judge) -> NDArray[np.int64]:
    """The last bucket of each bin but the last: all that the betting test can tell apart."""
    return np.flatnonzero(np.diff(bettor(judge).bets.bin_of_bucket))


def bettor(judge: Judge) -> BettingTest:
    """The judge's betting test; TypeError if it has another detector."""
    if not isinstance(judge.detector, BettingTest):
        raise TypeError(f"the judge has {type(judge.detector).__name__}, not the betting test")
    return judge.detector


def summary(judge: Judge, start: int, end: int, rate: float, counts: BucketCounts) -> Summary:
    """A summary of the records from `start` up to `end`."""
    return Summary(
        model_version=judge.model_version,
        partition=PARTITION,
        first_offset=start,
        next_offset=end,
        first_timestamp=int(1000 * start / rate),
        last_timestamp=int(1000 * (end - 1) / rate),
        errors=counts,
    )
