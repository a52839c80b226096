"""Cost of the drift test, its state, and the error of rolling quantiles.

`python -m benchmarks.drift_cost` prints nanoseconds a record, by the rows of a block. Each block
is made just before it is judged, as in the daemon, and only the judging is timed. The machines
are shared: "best" and "median" are of runs of 100 blocks, "mean" is of two million records and
holds what is done now and then (learning the dependence), too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.drift import judge_of
from benchmarks.judged import PARTITION, bettor, feed, summary
from benchmarks.streams import Errors, null
from models.bucket_counts import BucketCounts
from models.distribution import bucket_index
from monitor.drift.blocks import Block, Position
from monitor.drift.detectors.betting import BettingTest
from monitor.drift.judge import Judge
from monitor.drift.judge_state import encode
from monitor.stream.records import Summary

RECORDS, RUN = 2_000_000, 100


def summaries(judge: Judge, errors: Errors, rows: int) -> Iterator[Summary]:
    """The errors as summaries of this many rows."""
    buckets = bucket_index(errors / judge.unit)
    for start in range(0, len(errors) - rows + 1, rows):
        counts = BucketCounts.from_buckets(buckets[start : start + rows])
        yield summary(judge, start, start + rows, 400.0, counts)


def block(item: Summary, rows: int) -> Block:
    """A block of one summary."""
    return Block(
        partitions=(PARTITION,),
        partition=np.zeros(rows, dtype=np.int64),
        buckets=item.errors.each(),
        start=Position(item.first_offset, item.first_timestamp, {PARTITION: item.first_offset}),
        last_timestamp=item.last_timestamp,
        ended_by_time=False,
    )


def timed(work: Callable[[Summary], Callable[[], object]], items: Iterator[Summary]) -> Errors:
    """Seconds of what `work` returns, for each item; making it is not timed."""
    times = []
    for item in items:
        call = work(item)
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return np.array(times)


def row(errors: Errors, rows: int) -> str:
    """A line of the table: of the test alone, and of the whole judge."""
    cells = [str(rows)]
    for whole in (False, True):
        judge = judge_of(errors[:20_000], evaluation_rows=rows)
        detector = bettor(judge)

        def alone(item: Summary, detector: BettingTest = detector) -> Callable[[], object]:
            ready = block(item, rows)
            return lambda: detector.watch(ready, 1e4, learn=True)

        def all_of_it(item: Summary, judge: Judge = judge) -> Callable[[], object]:
            return lambda: judge.add(item)

        items = summaries(judge, errors, rows)
        seconds = timed(all_of_it if whole else alone, items)
        runs = seconds[: len(seconds) // RUN * RUN].reshape(-1, RUN).mean(axis=1)
        found = (runs.min(), float(np.median(runs)), seconds.mean())
        cells.extend(f"{1e9 * value / rows:.0f}" for value in found)
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print costs, sizes and the largest quantile error."""
    errors = null("lognormal", RECORDS, np.random.default_rng(0))
    print("| rows a block | test: best | median | mean | whole judge: best | median | mean |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for rows in (64, 128, 256):
        print(row(errors, rows), flush=True)
    judge = judge_of(errors[:20_000])
    feed(judge, errors[:500_000])
    last = np.sort(errors[500_000 - judge.verdict.window_records : 500_000])
    worst = max(
        abs(estimate.value / last[int(np.ceil(level * last.size)) - 1] - 1)
        for level, estimate in judge.verdict.quantiles.items()
    )
    print(f"state of one partition: {len(encode(judge.state())):,} bytes")
    print(f"largest error of a rolling quantile: {worst:.2%}")


if __name__ == "__main__":
    main()
