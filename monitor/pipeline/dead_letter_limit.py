"""Stops reading when most records turn out to be bad.

One bad record is a dead letter. When nearly all are, the producer or our own configuration has
changed, and to shovel a whole topic aside would help nobody: better to stop, say so, and go on
where we stopped once somebody has looked.
"""

from __future__ import annotations

from collections import deque

from monitor.pipeline.outcome import Outcome


class DeadLetterLimit:
    """Closed once more than `max_share` of the last `records` records were dead letters.

    It stays closed as long as the process lives. max_share 1 never closes it.
    """

    def __init__(self, max_share: float, records: int) -> None:
        self._max_share = max_share
        self._records = records
        self._batches: deque[tuple[int, int]] = deque()
        self._seen = self._dead = 0
        self.reason = ""

    @property
    def closed(self) -> bool:
        """True when nothing more may be read."""
        return bool(self.reason)

    def count(self, outcome: Outcome) -> bool:
        """Take a batch into account; true if it was the last straw."""
        batch = len(outcome.consumed), len(outcome.dead_letters)
        self._batches.append(batch)
        self._seen += batch[0]
        self._dead += batch[1]
        while self._batches and self._seen - self._batches[0][0] >= self._records:
            seen, dead = self._batches.popleft()
            self._seen -= seen
            self._dead -= dead
        share = self._dead / self._seen if self._seen else 0.0
        last_straw = not self.closed and self._seen >= self._records and share > self._max_share
        if last_straw:
            self.reason = (
                f"{share:.0%} of the last {self._seen:,} records were dead letters, more than"
                f" dead_letters.max_share ({self._max_share:.0%}): reading has stopped. Look at"
                " them with: aead-monitor dead-letters list. Then restart"
            )
        return last_straw
