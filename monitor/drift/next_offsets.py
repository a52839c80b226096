"""Where to go on with each partition, and what of some records was counted before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.stream.records import Partition

Index = NDArray[np.int64]
_UNKNOWN: Final = -1
"""Next offset of a partition that nothing was counted of."""
_FEW: Final = 2**16
"""So many numbers fit into 16 bits, which NumPy sorts several times as fast."""


class Offsets(Mapping[Partition, int]):
    """An offset of each partition. It never changes, and is a dict only once somebody reads it.

    partitions: may grow at its end. offsets: int64, of the first of them, negative for those
    that are left out; nobody may write to it.
    """

    __slots__ = ("_known", "_offsets", "_partitions")

    def __init__(self, partitions: Sequence[Partition], offsets: Index) -> None:
        self._partitions = partitions
        self._offsets = offsets
        self._known: dict[Partition, int] | None = None

    @property
    def array(self) -> Index:
        """As it was given; nobody may write to it."""
        return self._offsets

    def _all(self) -> dict[Partition, int]:
        if self._known is None:
            pairs = zip(self._partitions, self._offsets.tolist(), strict=False)
            self._known = {p: offset for p, offset in pairs if offset >= 0}
        return self._known

    def __getitem__(self, partition: Partition) -> int:
        return self._all()[partition]

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


class NextOffsets:
    """The next offset of each partition that something was counted of.

    partitions: in the order in which they came; the number of a partition is its place there.
    """

    def __init__(self, offsets: Mapping[Partition, int] | None = None) -> None:
        offsets = offsets or {}
        self.partitions: list[Partition] = list(offsets)
        self._numbers = {p: number for number, p in enumerate(self.partitions)}
        self._next = np.array(list(offsets.values()), dtype=np.int64)
        self._snapshot: Offsets | None = None
        self._begun = 0  # the first so many partitions are known to have a next offset
        self._asked: tuple[Partition, ...] = ()
        self._answer = np.empty(0, dtype=np.int64)
        self._complete = False

    def of(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        number = self._numbers.get(partition)
        return 0 if number is None else max(0, int(self._next[number]))

    def number(self, partition: Partition) -> int:
        """The number of a partition; it gets one if it has none."""
        number = self._numbers.get(partition)
        if number is None:
            number = self._numbers[partition] = len(self.partitions)
            self.partitions.append(partition)
            self._next = np.append(self._next, _UNKNOWN)
            self._snapshot = None
        return number

    def numbers(self, partitions: tuple[Partition, ...], index: Index) -> Index:
        """The number of each record's partition, (n,). index: (n,), into `partitions`."""
        if partitions is not self._asked:
            if partitions != self._asked:
                self._ask(partitions)
            self._asked = partitions  # equal ones are compared the faster for being the same
        numbers = self._answer.take(index)
        if self._complete or numbers.min() >= 0:
            return numbers
        new = dict.fromkeys(index[numbers < 0].tolist())  # in the order of their first records
        for i in new:
            self.number(partitions[i])
        self._ask(partitions)
        return self._answer.take(index)

    def _ask(self, partitions: tuple[Partition, ...]) -> None:
        """Look up the numbers of partitions, and keep them: the next records have the same."""
        answer = [self._numbers.get(p, _UNKNOWN) for p in partitions]
        self._asked, self._answer = partitions, np.array(answer, dtype=np.int64)
        self._complete = _UNKNOWN not in answer

    def snapshot(self) -> Offsets:
        """What it is now."""
        if self._snapshot is None:
            self._snapshot = Offsets(self.partitions, self._next)
        return self._snapshot

    @property
    def complete(self) -> bool:
        """True if something was counted of every partition that has a number."""
        if len(self.partitions) > self._begun and self._next.min() >= 0:
            self._begun = len(self.partitions)
        return len(self.partitions) == self._begun

    def first(self, numbers: Index, offsets: Index) -> dict[Partition, int]:
        """The first of these offsets of each partition that nothing was counted of yet.

        numbers: of the partitions, (n,). offsets: (n,), ascending in each partition.
        """
        found: dict[Partition, int] = {}
        for i in (self._next.take(numbers) < 0).nonzero()[0].tolist():
            found.setdefault(self.partitions[numbers[i]], int(offsets[i]))
        return found

    def count(self, numbers: Index, next_offsets: Index) -> None:
        """These records, in the order of their offsets, are counted. Both: (n,)."""
        self._snapshot = None  # it holds the old array
        if len(self.partitions) == 1:
            self._next = next_offsets[-1:].copy()
            return
        self._next = self._next.copy()
        self._next[numbers] = next_offsets  # of equal numbers the last one stays

    def after(self, numbers: Index, next_offsets: Index, ends: Sequence[int]) -> list[Offsets]:
        """What it is now, and what it will be once the records up to each end are counted.

        ends: ascending. numbers, next_offsets: (n,), as for `count`.
        """
        found = [self.snapshot()]
        if len(self.partitions) == 1:
            each = next_offsets[np.array(ends) - 1]
            found.extend(Offsets(self.partitions, each[i : i + 1]) for i in range(len(ends)))
            return found
        start, now = 0, self._next
        for end in ends:
            now = now.copy()
            now[numbers[start:end]] = next_offsets[start:end]
            found.append(Offsets(self.partitions, now))
            start = end
        return found

    def go_on(self, at: Offsets) -> None:
        """Count up to one of the places that `after` gave."""
        self._snapshot, self._next = at, at.array

    def uncounted(
        self, numbers: Index, offsets: Index, next_offsets: Index
    ) -> NDArray[np.bool_] | None:
        """Which records were not counted before, bool (n,); None if that is all of them."""
        if len(self.partitions) == 1 and offsets[0] >= self._next[0]:
            new = None
        else:
            new = offsets >= self._next.take(numbers)
            new = None if np.logical_and.reduce(new) else new
        if not self._in_order(numbers, offsets, next_offsets):
            return self._one_by_one(numbers, offsets, next_offsets)
        return new

    def _in_order(self, numbers: Index, offsets: Index, next_offsets: Index) -> bool:
        """True if no record begins before the end of an earlier one of its partition."""
        if len(self.partitions) == 1:
            return bool(np.logical_and.reduce(offsets[1:] >= next_offsets[:-1]))
        if not np.logical_and.reduce(numbers[1:] >= numbers[:-1]):
            short = numbers.astype(np.uint16) if len(self.partitions) < _FEW else numbers
            order = np.argsort(short, kind="stable")
            numbers, offsets = numbers[order], offsets[order]
            next_offsets = next_offsets[order]
        later = offsets[1:] >= next_offsets[:-1]
        later |= numbers[1:] != numbers[:-1]
        return bool(np.logical_and.reduce(later))

    def _one_by_one(self, numbers: Index, offsets: Index, next_offsets: Index) -> NDArray[np.bool_]:
        expected = self._next.tolist()
        new = np.zeros(numbers.size, dtype=np.bool_)
        columns = zip(numbers.tolist(), offsets.tolist(), next_offsets.tolist(), strict=True)
        for i, (number, offset, after) in enumerate(columns):
            if offset >= expected[number]:
                expected[number] = after
                new[i] = True
        return new


def offsets_state(offsets: Mapping[Partition, int]) -> list[list[Any]]:
    """Offsets by partition as plain values."""
    return [[p.topic, p.number, offset] for p, offset in sorted(offsets.items())]


def restored_offsets(state: Any) -> dict[Partition, int]:
    """The offsets that `offsets_state` was called on."""
    return {Partition(str(topic), int(number)): int(offset) for topic, number, offset in state}
