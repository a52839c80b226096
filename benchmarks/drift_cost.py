"""Cost of the drift test, its state, and the error of rolling quantiles.

`python -m benchmarks.drift_cost` prints nanoseconds a record for the test alone and for the whole
judge, by the rows of a block; the medians of repeated runs, all in one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.drift import judge_of
from benchmarks.judged import feed, summary
from benchmarks.streams import null
from models.bucket_counts import BucketCounts
from monitor.blocks import Block, OpenBlock
from monitor.judge_state import encode

BLOCKS, REPEATS = 4000, 5


def nanoseconds(work: Callable[[], None], records: int) -> float:
    """Median time of some runs, in ns a record."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e9 * float(np.median(times)) / records


def blocks(rows: int, errors: np.ndarray) -> list[Block]:
    """The errors as blocks, ready for the test."""
    judge = judge_of(errors[:20_000])
    found = []
    for start in range(0, BLOCKS * rows, rows):
        counts = BucketCounts.from_errors(errors[start : start + rows] / judge.unit)
        block = OpenBlock(rows, 1e9)
        block.add(summary(judge, start, start + rows, 400.0, counts), start, {})
        found.append(block.take())
    return found


def main() -> None:
    """Print costs, sizes and the largest quantile error."""
    rng = np.random.default_rng(0)
    errors = null("lognormal", BLOCKS * 256, rng)
    print("| rows a block | the test alone, ns a record | the whole judge, ns a record |")
    print("| --- | --- | --- |")
    for rows in (64, 128, 256):
        ready = blocks(rows, errors)
        detector = judge_of(errors[:20_000]).detector

        def alone(ready: list[Block] = ready, detector: object = detector) -> None:
            for block in ready:
                detector.watch(block, 1e4, learn=True)  # type: ignore[attr-defined]

        def whole(rows: int = rows) -> None:
            feed(judge_of(errors[:20_000], evaluation_rows=rows), errors[: BLOCKS * rows])

        costs = [nanoseconds(work, BLOCKS * rows) for work in (alone, whole)]
        print(f"| {rows} | {costs[0]:.0f} | {costs[1]:.0f} |", flush=True)
    judge = judge_of(errors[:20_000])
    feed(judge, errors)
    last = np.sort(errors[-judge.verdict.window_records :])
    worst = max(
        abs(estimate.value / last[int(np.ceil(level * last.size)) - 1] - 1)
        for level, estimate in judge.verdict.quantiles.items()
    )
    print(f"state of one partition: {len(encode(judge.state())):,} bytes")
    print(f"largest error of a rolling quantile: {worst:.2%}")


if __name__ == "__main__":
    main()
