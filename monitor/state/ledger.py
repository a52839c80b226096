"""What became of each partition's records, and where to go on: every offset counted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from monitor.stream.records import DeadLetter, Partition, Record


@dataclass(slots=True)
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


class Ledger:
    """Totals of every partition that was ever read with this state."""

    def __init__(self) -> None:
        self.totals: dict[Partition, Totals] = {}

    def begin(self, partition: Partition, offset: int) -> None:
        """Go on at an offset. What lies between is for someone else."""
        self.totals.setdefault(partition, Totals()).next_offset = offset

    def next_offset(self, partition: Partition) -> int | None:
        """The first offset that was not counted; None for a partition that was never read."""
        totals = self.totals.get(partition)
        return None if totals is None else totals.next_offset

    def count(
        self,
        consumed: tuple[Record, ...],
        dead_letters: tuple[DeadLetter, ...],
        rows: Mapping[int, tuple[int, int]],
    ) -> None:
        """Count records; what was counted before is left out.

        consumed: each partition's in offset order. rows: by id of a scored record, its rows and
        how many of them are anomalous.
        """
        dead = {id(letter.record) for letter in dead_letters}
        for record in consumed:
            totals = self.totals.setdefault(record.source, Totals(record.offset))
            if record.offset < totals.next_offset:
                continue
            totals.next_offset = record.next_offset
            if id(record) in dead:
                totals.dead_lettered += (
                    1 if record.gap is None else record.next_offset - record.offset
                )
            else:
                count, anomalous = rows[id(record)]
                totals.scored += 1
                totals.rows += count
                totals.anomalous += anomalous

    def forget_totals(self) -> None:
        """Count from zero again, and go on at the same offsets."""
        self.totals = {p: Totals(totals.next_offset) for p, totals in self.totals.items()}

    def state(self) -> list[list[Any]]:
        """Everything that `restore` needs, as plain values."""
        return [[p.topic, p.number, *astuple(t)] for p, t in sorted(self.totals.items())]

    def restore(self, state: list[list[Any]]) -> None:
        """Go on where `state` was called."""
        self.totals = {
            Partition(str(topic), int(number)): Totals(*map(int, numbers))
            for topic, number, *numbers in state
        }
