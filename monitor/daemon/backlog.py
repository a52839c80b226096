"""What was polled and is not decided on yet: records that wait, and batches that are being scored.

    add -> Batcher -> due? -> scored, on a thread of its own -> take -> the run loop decides

A batch that takes long is scored while the run loop fetches and decides on others; in order, one
at a time, and no more than `ahead` are left alone while there may be more to fetch. Decoding and
scoring need nothing of what came before, so that only records whose partition is taken away
meanwhile have to be left out afterwards. A batch that takes no time is scored at once: a second
thread would take the interpreter's lock from the run loop, which costs more than it gains.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from monitor.errors import SchemaUnavailableError
from monitor.pipeline.scored import Scored
from monitor.stream.batching import Batcher
from monitor.stream.columns import Columns
from monitor.stream.records import Partition

AGAIN_SECONDS = 1.0
"""Until a batch whose schema could not be looked up is tried again."""

Score = Callable[[Columns], Scored]


@dataclass(slots=True)
class _Batch:
    """One that is being scored. lost: its partitions that are not ours any more."""

    records: Columns
    scored: Future[Scored]
    lost: set[Partition] = field(default_factory=set)

    def held(self) -> Columns:
        return self.records.where(~self.records.of_partitions(self.lost))


class Backlog:
    """The records between the poll and the decision.

    score: decodes and scores a batch, on any thread. ahead: batches that may be scored while the
    run loop polls; 0 scores on the run loop's own thread. worth_seconds: as long as the batch
    before took less than this, the next one is scored on the run loop's own thread, too.
    waiting: why the oldest batch cannot be scored yet, or nothing.
    own_seconds: that the batch which was begun last kept the run loop's thread.
    """

    def __init__(
        self, batcher: Batcher, score: Score, ahead: int, worth_seconds: float = 0.0
    ) -> None:
        self._batcher = batcher
        self._score = score
        self._ahead = ahead
        self._worth_seconds = worth_seconds
        self._took_seconds = 0.0
        self.own_seconds = 0.0
        self.waiting, self._again_at = "", 0.0
        self._batches: deque[_Batch] = deque()
        self._executor = ThreadPoolExecutor(1, "score") if ahead else None

    @property
    def records(self) -> int:
        """Records that wait or are being scored."""
        return self._batcher.records + sum(len(batch.held()) for batch in self._batches)

    def held(self) -> dict[Partition, int]:
        """The same of each partition that has any."""
        held = self._batcher.held()
        for batch in self._batches:
            kept = batch.held()
            counts = np.bincount(kept.partition, minlength=len(kept.partitions)).tolist()
            for partition, count in zip(kept.partitions, counts, strict=True):
                if count:
                    held[partition] = held.get(partition, 0) + count
        return held

    @property
    def scoring(self) -> int:
        """Batches that are being scored."""
        return len(self._batches)

    def add(self, records: Columns, now: float) -> None:
        """Hold records that were polled."""
        self._batcher.add(records, now)

    def drop(self, partitions: Iterable[Partition]) -> int:
        """Forget the records of partitions that are no longer ours; return how many they were."""
        unwanted = set(partitions)
        before = self.records
        self._batcher.drop(unwanted)
        for batch in self._batches:
            batch.lost |= unwanted
        return before - self.records

    def wait_seconds(self, now: float, longest: float) -> float:
        """How long the next poll may wait for more records."""
        if self.waiting:
            return min(longest, max(0.0, self._again_at - now))
        return 0.0 if self._batches else self._batcher.wait_seconds(now, longest)

    def start(self, now: float) -> bool:
        """Have a batch scored if one is due and there is room; false if not."""
        if self.waiting and now >= self._again_at:
            self.waiting = ""
            self._batches[0].scored = self._scoring(self._batches[0].records)
            return True
        if not self._room or not self._batcher.due(now):
            return False
        self._begin(self._batcher.take())
        return True

    def start_all(self) -> bool:
        """The same, whether it is due or not."""
        if not self._batches and self._batcher.records:
            self._begin(self._batcher.take())
        return bool(self._batches) and not self.waiting

    @property
    def _quick(self) -> bool:
        return self._took_seconds < self._worth_seconds

    @property
    def _room(self) -> bool:
        # A scorer uses its memory again: it is at work on one batch at a time.
        if self.waiting:
            return False
        return not self._batches or (not self._quick and len(self._batches) <= self._ahead)

    def _begin(self, records: Columns) -> None:
        self._batches.append(_Batch(records, self._scoring(records)))

    def _scoring(self, records: Columns) -> Future[Scored]:
        if self._executor is not None and not self._quick:
            self.own_seconds = 0.0
            return self._executor.submit(self._timed, records)
        scored: Future[Scored] = Future()
        try:
            scored.set_result(self._timed(records))
        except SchemaUnavailableError as error:
            scored.set_exception(error)
        self.own_seconds = self._took_seconds
        return scored

    def _timed(self, records: Columns) -> Scored:
        began = time.perf_counter()
        scored = self._score(records)
        self._took_seconds = time.perf_counter() - began
        return scored

    def may_wait(self, more: bool) -> bool:
        """True if what is being scored may be left alone for a poll. more: it may bring some."""
        if not self._batches or self.waiting:
            return True
        return more and not self._quick and len(self._batches) <= self._ahead

    def take(self) -> Scored | None:
        """The oldest batch that is being scored, once it is; without what is not ours any more.

        None if it cannot be scored yet: `waiting` says why, and `start` tries again later.
        """
        batch = self._batches[0]
        try:
            scored = batch.scored.result()
        except SchemaUnavailableError as error:
            self.waiting, self._again_at = str(error), time.monotonic() + AGAIN_SECONDS
            return None
        self._batches.popleft()
        return scored.without(batch.records.of_partitions(batch.lost)) if batch.lost else scored

    def close(self) -> None:
        """End the thread; what is being scored is given up."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
