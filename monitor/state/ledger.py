"""What became of each partition's records, and where to go on: every offset counted once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.stream.columns import Columns, Index, first_time
from monitor.stream.records import Partition


@dataclass(frozen=True, slots=True)
class Totals:
    """Records of one partition: scored or dead-lettered, each offset once.

    rows: of the scored records. anomalous: of these, above the threshold. next_offset: the first
    that was not counted.
    """

    next_offset: int = 0
    scored: int = 0
    dead_lettered: int = 0
    rows: int = 0
    anomalous: int = 0

    @property
    def consumed(self) -> int:
        """Records decided on."""
        return self.scored + self.dead_lettered


_NEXT_OFFSET, _SCORED, _DEAD, _ROWS, _ANOMALOUS = range(5)
_UNKNOWN: Final = -1


class Ledger:
    """Totals of every partition that was ever read with this state.

    They are kept as columns, int64 (5, partitions): a batch is counted in one pass, however many
    partitions it is of.
    """

    def __init__(self) -> None:
        self._places: dict[Partition, int] = {}
        self._totals = np.zeros((5, 0), dtype=np.int64)
        self._asked: tuple[Partition, ...] = ()
        self._answer = np.zeros(0, dtype=np.int64)

    @property
    def totals(self) -> dict[Partition, Totals]:
        """Of each partition."""
        columns = self._totals.T.tolist()
        return {p: Totals(*columns[place]) for p, place in self._places.items()}

    def begin(self, partition: Partition, offset: int) -> None:
        """Go on at an offset. What lies between is for someone else."""
        self._add([partition])
        self._totals[_NEXT_OFFSET, self._places[partition]] = offset

    def next_offset(self, partition: Partition) -> int | None:
        """The first offset that was not counted; None for a partition that was never read."""
        place = self._places.get(partition)
        return None if place is None else int(self._totals[_NEXT_OFFSET, place])

    def count(
        self,
        records: Columns,
        rows: Index,
        anomalous: Index,
        dead: NDArray[np.bool_] | None = None,
    ) -> None:
        """Count records; what was counted before is left out.

        rows: of each record; anomalous: how many of them are. int64 (n,). dead: which are dead
        letters, bool (n,); None if those are that have no rows.
        """
        if not len(records):
            return
        places = self._places_of(records)
        expected = self._totals[_NEXT_OFFSET].take(places)
        new = first_time(records.partition, records.offsets, records.next_offsets, expected)
        partition, offsets, ends = records.partition, records.offsets, records.next_offsets
        if new is not None:
            partition, offsets, ends = partition[new], offsets[new], ends[new]
            rows, anomalous = rows[new], anomalous[new]
            dead = None if dead is None else dead[new]
        place = places.take(partition)
        if dead is None and rows.size and np.minimum.reduce(rows) > 0:
            each = self._count_of_each(place)
            self._totals[_SCORED] += each
            if np.maximum.reduce(rows) == 1:
                self._totals[_ROWS] += each
            else:
                self._total(_ROWS, place, rows)
        else:
            scored = rows > 0 if dead is None else ~dead
            self._total(_SCORED, place, scored)
            self._total(_ROWS, place, rows)
            # A dead letter may stand for many offsets.
            self._total(_DEAD, place, np.where(scored, 0, ends - offsets))
        self._total(_ANOMALOUS, place, anomalous)
        # In offset order, so that each partition's last one stays.
        self._totals[_NEXT_OFFSET, place] = ends

    def _count_of_each(self, place: Index) -> Index | int:
        """How many of the records are of each partition."""
        partitions = self._totals.shape[1]
        return place.size if partitions == 1 else np.bincount(place, minlength=partitions)

    def _total(self, row: int, place: Index, numbers: NDArray[Any]) -> None:
        """Add each record's number to the total of its partition."""
        if self._totals.shape[1] == 1:
            self._totals[row] += np.add.reduce(numbers, dtype=np.int64)
        elif np.logical_or.reduce(numbers):
            summed = np.bincount(place, numbers, self._totals.shape[1])
            self._totals[row] += summed.astype(np.int64)

    def _places_of(self, records: Columns) -> Index:
        """The column of each of the records' partitions; any for one without a record."""
        if records.partitions is self._asked or records.partitions == self._asked:
            self._asked = records.partitions  # what is the same is compared the faster
            return self._answer
        known = all(partition in self._places for partition in records.partitions)
        if not known:
            self._add(records.last_of_each())
        answer = np.array([self._places.get(p, 0) for p in records.partitions], dtype=np.int64)
        if known:
            self._asked, self._answer = records.partitions, answer
        return answer

    def _add(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._places.setdefault(partition, len(self._places))
        wider = np.zeros((5, len(self._places)), dtype=np.int64)
        wider[_NEXT_OFFSET] = _UNKNOWN
        wider[:, : self._totals.shape[1]] = self._totals
        self._totals = wider

    def forget_totals(self) -> None:
        """Count from zero again, and go on at the same offsets."""
        self._totals[_SCORED:] = 0

    def forget(self) -> None:
        """Know no partition any more."""
        self._asked = ()
        self._places = {}
        self._totals = np.zeros((5, 0), dtype=np.int64)

    def state(self) -> list[list[Any]]:
        """Everything that `restore` needs, as plain values."""
        return [[p.topic, p.number, *astuple(t)] for p, t in sorted(self.totals.items())]

    def restore(self, state: list[list[Any]]) -> None:
        """Go on where `state` was called."""
        self._asked = ()
        self._places = {Partition(str(topic), int(n)): i for i, (topic, n, *_) in enumerate(state)}
        numbers = [list(map(int, numbers)) for _, _, *numbers in state]
        self._totals = np.array(numbers, dtype=np.int64).reshape(-1, 5).T.copy()
