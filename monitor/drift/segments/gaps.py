"""How long a segment usually keeps quiet, and from when on that is incredible.

A gap is what comes of the others between two records of a segment, in the partition that it is in.
Its longest K gaps, of n so far, say how its tail goes on: beyond the smallest of them, u, gaps are
taken to fall off no slower than exponentially, with the mean excess m that they show (its upper
99% bound; peaks over threshold, Balkema and de Haan 1974, with the shape 0). A gap longer than

    L = max(3 longest, u + m ln(A K / n), 64)

has then a chance of 1 / A at most: one false alarm in A records of the segment. Segments that come
in bursts have long gaps between short ones, which so are learned. What was seen for a short time
says nothing of long gaps: silence is told only after 64 gaps, and if it is less than a tenth of
what was seen before.

Where nothing at all comes of a partition, no others count, and a segment's gaps are of time alone.
If they fall off exponentially, one longer than m ln A (m: their mean) has a chance of 1 / A; a
silence is that long, and three times as long as any before, and half a minute.

A silence that was told may have been a fault, and may be a habit (nights). The first is kept apart;
once there was another, the shorter of both is a gap like all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scipy import special

from monitor.drift.budget import Budget

LONGEST_GAPS: Final = 16
FACTOR: Final = 3
"""A silence is so many times longer than any gap before, in records and in time."""
SHORTEST: Final = 64
"""Fewer records than that are no silence, of whatever segment."""
SHORTEST_TIME: Final = 30_000
"""Milliseconds: less is no silence where nothing comes of the partition."""
FEWEST: Final = 64
"""Gaps before silence is told."""
SEEN: Final = 10
"""A silence is told if so many times as much was seen before."""
_BOUND: Final = 1 / float(special.gammaincinv(LONGEST_GAPS - 1, 0.01))
"""Times the sum of K - 1 excesses: the upper bound of their mean."""


@dataclass(slots=True)
class Gaps:
    """What is known of the gaps of one segment. budget: of its false alarms.

    count: gaps so far. records, milliseconds: their sums. longest_time: milliseconds. longest: the
    longest ones, ascending, in records. held: the longest silence that was told, in records and
    milliseconds, and is no gap yet. told: it is silent now.
    """

    budget: Budget
    count: int = 0
    records: int = 0
    milliseconds: int = 0
    longest_time: int = 0
    longest: list[int] = field(default_factory=list)
    held: tuple[int, int] | None = None
    told: bool = False
    _known: tuple[int, int, float] = (-1, -1, math.inf)

    @property
    def notable(self) -> int:
        """A gap of more records than this changes what is known."""
        return self.longest[0] if len(self.longest) == LONGEST_GAPS else -1

    @property
    def limit(self) -> float:
        """Silence is more records than this; infinite while too little is known."""
        if self.count < FEWEST:
            return math.inf
        half = self.count.bit_length()  # it changes when the number of gaps has doubled
        if self._known[:2] != (half, sum(self.longest)):
            self._known = half, sum(self.longest), self._limit(1 << (half - 1))
        limit = self._known[2]
        return limit if SEEN * limit <= self.records else math.inf

    def _limit(self, count: int) -> float:
        rate = 1000 * self.count / self.milliseconds if self.milliseconds else math.inf
        budget = self.budget.records_per_false_alarm(rate)
        smallest, largest = self.longest[0], self.longest[-1]
        excess = _BOUND * (sum(self.longest) - LONGEST_GAPS * smallest)
        odds = max(1.0, budget * LONGEST_GAPS / count)
        long = max(FACTOR * largest, smallest + excess * math.log(odds), SHORTEST)
        return float(math.ceil(long))

    @property
    def limit_time(self) -> int:
        """Silence is as many milliseconds as this, too; 0 where timestamps stand still."""
        return FACTOR * self.longest_time

    @property
    def limit_alone(self) -> float:
        """Silence is more milliseconds than this, where nothing comes of the partition; infinite
        while too little is known."""
        if self.count < FEWEST or not self.longest_time:
            return math.inf
        mean = self.milliseconds / self.count
        budget = self.budget.records_per_false_alarm(1000 / mean)
        limit = max(self.limit_time, mean * math.log(max(1.0, budget)), SHORTEST_TIME)
        return limit if SEEN * limit <= self.milliseconds else math.inf

    def pass_by(self, count: int, records: int, milliseconds: int, longest_time: int) -> None:
        """Some gaps that are not notable. records, milliseconds: their sums."""
        self.count += count
        self.records += records
        self.milliseconds += max(0, milliseconds)
        self.longest_time = max(self.longest_time, longest_time)

    def meet(self, records: int, milliseconds: int) -> None:
        """A gap is over."""
        if self.told:
            self.told = False
            before, self.held = self.held, max(self.held or (0, 0), (records, milliseconds))
            if before is None:
                return
            records, milliseconds = min(before, (records, milliseconds))
        self.pass_by(1, records, milliseconds, milliseconds)
        self.longest = sorted([*self.longest, records])[-LONGEST_GAPS:]

    def state(self) -> list[Any]:
        """Everything that `restored` needs, as plain values."""
        # What the limit was when the number of gaps had last doubled depends on the rate of then.
        known = [*self._known[:2], self._known[2] if math.isfinite(self._known[2]) else None]
        return [
            self.count, self.records, self.milliseconds, self.longest_time, self.longest,
            None if self.held is None else list(self.held), self.told, known,
        ]  # fmt: skip


def restored(state: Sequence[Any], budget: Budget) -> Gaps:
    """The gaps that `state` was called on."""
    count, records, milliseconds, longest_time, longest, held, told, known = state
    return Gaps(
        budget,
        int(count),
        int(records),
        int(milliseconds),
        int(longest_time),
        [int(each) for each in longest],
        None if held is None else (int(held[0]), int(held[1])),
        bool(told),
        (int(known[0]), int(known[1]), math.inf if known[2] is None else float(known[2])),
    )
