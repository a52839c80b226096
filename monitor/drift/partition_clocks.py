"""The clocks of the partitions, and the stream's time that they tell together.

Each partition's clock goes on from its own last reading, so that it does not matter how far the
clocks of two partitions are apart: time has passed once the first of them says so. A partition
that is met for the first time, or is ten minutes behind, begins at the stream's present.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.readings import UNKNOWN, Readings
from monitor.stream.records import Partition

Index = NDArray[np.int64]

LONGEST_GAP: Final = 3_600_000
"""Milliseconds. A longer silence of a partition counts as this much."""
JUMP: Final = 86_400_000
"""Milliseconds. A clock that was this far ahead of a record was wrong, and is set back."""
FARTHEST_BEHIND: Final = 600_000
"""Milliseconds. A partition farther behind is not in step with the others, and is taken along."""
FEW: Final = 24
"""So few readings are quicker taken one by one."""
FARTHEST: Final = 2**52
"""Milliseconds. Timestamps beyond it count as this much."""
AHEAD: Final = 600_000
BEHIND: Final = 10 * 31_557_600_000
"""Milliseconds. Clocks are wild so far ahead of a record's arrival, or so far behind it."""
DOUBT: Final = 16
"""Examinations for which a clock that was wild is not believed."""
_BITS: Final = 40
"""Enough for the milliseconds of a longest gap: see `_Read.grown`."""
REASONS: Final = ("", "ahead", "behind", "set_back")
"""Why a clock is wild: its records come from the future, from long ago, or it was set back."""


class WildClock(NamedTuple):
    """A clock that is not believed. reason: one of REASONS. offset_seconds: of its newest record's
    timestamp to its arrival, more than 0 if it comes from the future."""

    reason: str
    offset_seconds: float


class _Read(NamedTuple):
    """What is read of clocks: once for each partition and block, sorted by them, all (k,).

    first: where another partition begins.
    """

    block: Index
    partition: Index
    newest: Index
    first: Index

    @classmethod
    def of(cls, readings: Readings) -> _Read:
        """All that is read."""
        block, partition, newest, _ = readings
        known = newest >= 0
        if not known.all():
            block, partition, newest = block[known], partition[known], newest[known]
        newest = np.minimum(newest, FARTHEST)
        # NumPy sorts 16 bits several times as fast.
        narrow = partition.max(initial=0) < 2**16
        order = (partition.astype(np.uint16) if narrow else partition).argsort(kind="stable")
        block, partition, newest = block[order], partition[order], newest[order]
        other, new = np.ones((2, block.size), dtype=np.bool_)
        np.not_equal(partition[1:], partition[:-1], out=other[1:])
        np.not_equal(block[1:], block[:-1], out=new[1:])
        starts = (other | new).nonzero()[0]
        if starts.size < block.size:
            newest = np.maximum.reduceat(newest, starts)
            block, partition, other = block[starts], partition[starts], other[starts]
        return cls(block, partition, newest, other.nonzero()[0])

    def grown(self, rise: Index) -> Index:
        """The largest so far of each partition's values, from 0 to LONGEST_GAP."""
        if self.first.size == 1:
            return np.maximum.accumulate(rise)
        apart = np.zeros(rise.size, dtype=np.int64)
        apart[self.first[1:]] = 1 << _BITS
        apart = np.cumsum(apart)  # the next partition's values are larger than all before
        return np.maximum.accumulate(rise + apart) - apart

    @property
    def last(self) -> Index:
        """The last of each partition."""
        return np.append(self.first[1:], self.partition.size) - 1


class PartitionClocks:
    """All of one stream. now: milliseconds of stream time so far; it never runs backwards.

    checked: records tell when they came, so that a clock that was set back is doubted.
    """

    def __init__(self) -> None:
        self.now = 0
        self.checked = False
        self.doubtful = False
        self._begin(0)

    def _begin(self, base: int) -> None:
        """Know nothing of partitions. base: timestamp at which stream time would be 0, or 0."""
        self._base = base
        self._newest = np.empty(0, dtype=np.int64)
        self._at = np.empty(0, dtype=np.int64)
        self._doubt = np.empty(0, dtype=np.int64)
        self._reason = np.empty(0, dtype=np.int64)
        self._offset = np.empty(0, dtype=np.int64)
        self._read = np.empty(0, dtype=np.bool_)

    @property
    def newest(self) -> int | None:
        """Timestamp of the newest record that is believed, in milliseconds; None without any."""
        known = self._newest[(self._newest >= 0) & (self._doubt == 0)]
        if known.size:
            return int(known.max())
        return self._base + self.now if self._base else None

    def advance(self, readings: Readings, blocks: int) -> Index:
        """Take consecutive blocks into account; milliseconds of stream time after each, (blocks,).

        Some microseconds for all of them, and more for those in which a clock jumps.
        """
        if not readings.newest.size:
            return np.full(blocks, self.now)
        after = self._of_one(readings, blocks)
        if after is None and readings.newest.size > FEW:
            after = self._at_once(readings, blocks)
        return self._one_by_one(readings, blocks) if after is None else after

    def _of_one(self, readings: Readings, blocks: int) -> Index | None:
        """The same quickly if one clock is read, once a block, that does not jump, and believed;
        None, and nothing is changed, if not."""
        newest, number = readings.newest, int(readings.partition[0]) if blocks else 0
        if newest.size != blocks or number >= self._newest.size or self._doubt[number]:
            return None
        before = int(self._newest[number])
        if before < 0 or readings.partition.tolist().count(number) < blocks:
            return None
        last, at, after = before, int(self._at[number]), []
        for time in newest.tolist():  # blocks are so few that this is quicker than NumPy
            last = max(last, time)
            if time < 0 or last - time > JUMP:
                return None
            after.append(max(last + at - before, self.now))
        if last - before > LONGEST_GAP or self.now - at > FARTHEST_BEHIND:
            return None
        self._newest[number], self._at[number], self._read[number] = last, at + last - before, True
        self.now = after[-1]
        return np.array(after)

    def _grow(self, size: int) -> None:
        missing = size - self._newest.size
        if missing > 0:
            self._newest = np.append(self._newest, np.full(missing, UNKNOWN))
            for name in ("_at", "_doubt", "_reason", "_offset", "_read"):
                old = getattr(self, name)
                setattr(self, name, np.append(old, np.zeros(missing, dtype=old.dtype)))

    def _at_once(self, readings: Readings, blocks: int) -> Index | None:
        """None if a clock jumps, or is met for the first time: nothing is changed then."""
        read = _Read.of(readings)
        if not read.newest.size or read.partition[-1] >= self._newest.size:
            return None
        before = self._newest[read.partition]
        rise = read.newest - before
        if before.min() < 0 or rise.min() < -JUMP or rise.max() > LONGEST_GAP:
            return None
        grown = read.grown(np.maximum(rise, 0))
        at = self._at[read.partition] + grown
        believed, block = at, read.block
        if self.doubtful:
            known = self._doubt[read.partition] == 0
            believed, block = at[known], block[known]
        after = np.full(blocks, self.now)
        np.maximum.at(after, block, believed)
        np.maximum.accumulate(after, out=after)
        begin = np.append(self.now, after[:-1])[read.block]
        if (grown - rise).max() > JUMP or (begin - at).max() > FARTHEST_BEHIND:
            return None
        last = read.last
        numbers = read.partition[last]
        self._newest[numbers] = before[last] + grown[last]
        self._at[numbers] = at[last]
        self._read[numbers] = True
        self.now = int(after[-1])
        return after

    def _one_by_one(self, readings: Readings, blocks: int) -> Index:
        """The same in general: within a block the order does not matter."""
        few = readings.newest.size <= FEW
        block, partition, newest = readings[:3] if few else _Read.of(readings)[:3]
        read: list[dict[int, int]] = [{} for _ in range(blocks)]
        for b, n, time in zip(block.tolist(), partition.tolist(), newest.tolist(), strict=True):
            if time >= 0:
                read[b][n] = max(read[b].get(n, 0), min(time, FARTHEST))
        self._grow(int(readings.partition.max()) + 1)
        after = np.empty(blocks, dtype=np.int64)
        for b, times in enumerate(read):
            begin = self.now
            base = self._common_base() if any(self._newest[n] < 0 for n in times) else 0
            for n, time in times.items():
                at = self._take(n, time, begin, base)
                if not self._doubt[n]:
                    self.now = max(self.now, at)
            after[b] = self.now
        return after

    def _take(self, number: int, newest: int, begin: int, base: int) -> int:
        """Read a clock; returns the stream time that it tells. begin: of the block."""
        before, at = int(self._newest[number]), int(self._at[number])
        self._read[number] = True
        if before < 0:
            in_step = base and abs(newest - base - begin) <= FARTHEST_BEHIND
            at = min(newest - base, begin) if in_step else begin
        elif newest > before:
            at += min(newest - before, LONGEST_GAP)
        elif newest < before - JUMP and self.checked:
            self._reason[number], self._doubt[number] = REASONS.index("set_back"), DOUBT + 1
            self.doubtful = True
        if before < newest or newest < before - JUMP:
            self._newest[number] = newest
        if at < begin - FARTHEST_BEHIND:
            at = begin
        self._at[number] = at
        return at

    def _common_base(self) -> int:
        """Timestamp at which most partitions' stream time would be 0; 0 if none is known."""
        known = self._newest >= 0
        if not known.any():
            return self._base
        bases = np.sort(self._newest[known] - self._at[known])
        return int(bases[(bases.size - 1) // 2])

    def examine(self, arrival: int) -> None:
        """See which clocks are wild. arrival: of the newest record, in milliseconds."""
        if arrival < 0 or not self._newest.size:
            return
        self._doubt = np.maximum(self._doubt - 1, 0)
        read = self._read.nonzero()[0]
        offset = self._newest[read] - arrival
        self._offset[read] = offset
        for wild, reason in ((offset > AHEAD, "ahead"), (offset < -BEHIND, "behind")):
            self._reason[read[wild]], self._doubt[read[wild]] = REASONS.index(reason), DOUBT
        self._read[:] = False
        self.doubtful = bool(self._doubt.any())
        if self.doubtful:
            self._at[self._doubt > 0] = self.now

    def wild(self, partitions: Sequence[Partition]) -> dict[Partition, WildClock]:
        """The clocks that are not believed. partitions: by their numbers."""
        if not self.doubtful:
            return {}
        return {
            partitions[i]: WildClock(REASONS[self._reason[i]], float(self._offset[i]) / 1000)
            for i in self._doubt.nonzero()[0].tolist()
        }

    def offsets(self, partitions: Sequence[Partition]) -> dict[Partition, float]:
        """Seconds by which each one's newest timestamp was ahead of its arrival when examined."""
        return dict(zip(partitions, (self._offset / 1000).tolist(), strict=False))

    def state(self, partitions: Sequence[Partition]) -> dict[str, Any]:
        """Everything that `restore` needs. partitions: by their numbers."""
        known = (self._newest >= 0).nonzero()[0].tolist()
        known.sort(key=lambda number: partitions[number])
        columns = {
            name: getattr(self, f"_{name}")[known]
            for name in ("newest", "at", "doubt", "reason", "offset")
        }
        names = [list(partitions[number]) for number in known]
        read = self._read[known].astype(np.int64)
        return {"base": self._base, "partitions": names, **columns, "read": read}

    def restore(
        self, state: Mapping[str, Any] | None, number: Callable[[Partition], int], base: int
    ) -> None:
        """Go on where `state` was called; None: where nothing was known of partitions.

        number: gives that of a partition. base: timestamp at which stream time was 0.
        """
        self._begin(base)
        self.doubtful = False
        if state is None:
            return
        self._base = int(state["base"])
        at = [number(Partition(str(topic), int(n))) for topic, n in state["partitions"]]
        self._grow(max(at, default=-1) + 1)
        for name in ("newest", "at", "doubt", "reason", "offset", "read"):
            getattr(self, f"_{name}")[at] = state[name]
        self.doubtful = bool(self._doubt.any())
