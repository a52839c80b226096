"""Past records of a topic: what is read of it, in how much memory, and what was not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.backtest import topic_past
from monitor.backtest.backtest import Backtest
from monitor.backtest.topic_past import TopicPast, plan
from monitor.config import file as config_file
from monitor.errors import DataError, UserError
from monitor.stream.batching import BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Gap, Partition, Record
from tests.monitor.backtest.streams import configured, rows

A, B = Partition("t", 0), Partition("t", 1)
LIMITS = BatchLimits(max_records=10, max_bytes=1 << 20, linger_seconds=0.2)


class Log:
    """A topic in memory; serves one partition at a time, as a consumer does."""

    def __init__(self, *records: Record, first: int = 0, markers: int = 0) -> None:
        self.kept: dict[Partition, list[Record]] = {}
        for each in records:
            self.kept.setdefault(each.source, []).append(each)
        self.first, self.markers = first, markers
        self.begun: list[tuple[Partition, int]] = []

    def partitions_of(self, topic: str) -> list[Partition]:
        if topic != "t":
            raise UserError("no such topic")
        return sorted(self.kept)

    def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        ends = {p: self.kept[p][-1].next_offset + self.markers for p in partitions}
        return {p: (self.first, end) for p, end in ends.items()}

    def since(self, partitions: Iterable[Partition], timestamp: int) -> dict[Partition, int | None]:
        return {
            p: next((r.offset for r in self.kept[p] if r.timestamp >= timestamp), None)
            for p in partitions
        }

    def columns(self, partition: Partition, run: range) -> Iterator[Columns]:
        self.begun.append((partition, run.start))
        found = [r for r in self.kept[partition] if run.start <= r.offset < run.stop]
        for i in range(0, len(found), 4):
            yield Columns.of(found[i : i + 4])


def record(partition: Partition, offset: int, stamp: int, size: int = 1) -> Record:
    return Record("t", partition.number, offset, stamp, None, b"x" * size)


def all_of(past: TopicPast) -> list[Record]:
    return [each for batch in past.batches(LIMITS) for each in batch]


def test_all_partitions_are_read_once_and_in_batches_of_the_daemons_size() -> None:
    log = Log(*(record(p, i, 10 * i) for p in (A, B) for i in range(25)))
    past = TopicPast(log, plan(log, "t", None, None))
    sizes = [len(batch) for batch in past.batches(LIMITS)]
    assert (sum(sizes), max(sizes)) == (50, 10)
    assert sizes[:-1] == [10] * 4
    assert past.notes == ()


def test_a_stretch_of_time_ends_before_the_first_record_at_its_end() -> None:
    log = Log(*(record(p, i, 10 * i) for p in (A, B) for i in range(25)))
    stretch = plan(log, "t", 55, 100)
    assert stretch.spans == {A: range(6, 10), B: range(6, 10)}
    assert [each.timestamp for each in all_of(TopicPast(log, stretch))] == [
        60, 60, 70, 70, 80, 80, 90, 90,
    ]  # fmt: skip


@pytest.mark.parametrize(("begin", "end"), [(1000, None), (None, -5), (50, 50), (90, 20)])
def test_a_stretch_without_records_is_refused(begin: int | None, end: int | None) -> None:
    log = Log(*(record(A, i, 10 * i) for i in range(25)))
    with pytest.raises(DataError, match="no records"):
        plan(log, "t", begin, end)


def test_partitions_take_turns_within_a_bound_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_past, "HELD_BYTES", 1)
    monkeypatch.setattr(topic_past, "LEAST_BYTES", 40)
    log = Log(*(record(p, i, i, 10) for p in (A, B) for i in range(16)))
    found = all_of(TopicPast(log, plan(log, "t", None, None)))
    assert sorted(log.begun) == [(p, at) for p in (A, B) for at in (0, 4, 8, 12, 16) if at < 16]
    assert [each.timestamp for each in found] == sorted(each.timestamp for each in found)
    assert len(found) == 32


def test_deleted_compacted_and_unreadable_offsets_are_told_apart() -> None:
    gaps = (
        Record("t", 0, 15, -1, None, None, (), Gap(18, "expired", "deleted")),
        Record("t", 0, 20, -1, None, None, (), Gap(25, "unreadable", "damaged")),
    )
    kept = [record(A, i, i) for i in (10, 12, 18, 19, 30)]
    log = Log(*sorted([*kept, *gaps], key=lambda each: each.offset), first=10, markers=2)
    past = TopicPast(log, plan(log, "t", None, None))
    found = all_of(past)
    assert [(each.offset, each.gap is not None) for each in found] == [
        (10, False), (12, False), (18, False), (19, False), (20, True), (30, False),
    ]  # fmt: skip
    assert past.topic is not None
    assert past.topic["partitions"] == [
        {
            "partition": 0, "first": 10, "next": 33, "deleted_before": 10, "records": 5,
            "unreadable": 5, "deleted_meanwhile": 3, "without_record": 10,
        }
    ]  # fmt: skip
    assert [note.split()[0] for note in past.notes] == ["10", "3", "10", "5"]


def test_of_what_was_not_reached_nothing_is_said() -> None:
    log = Log(*(record(A, i, i) for i in range(100)))
    past = TopicPast(log, plan(log, "t", None, None))
    assert len(next(past.batches(LIMITS))) == 10
    assert past.notes == ()


def test_a_batch_has_no_more_bytes_than_the_daemons() -> None:
    log = Log(*(record(A, i, i, 100) for i in range(20)))
    past = TopicPast(log, plan(log, "t", None, None))
    few = BatchLimits(max_records=10, max_bytes=350, linger_seconds=0.0)
    assert np.max([len(batch) for batch in past.batches(few)]) == 3


def payloads(count: int) -> list[Record]:
    """Records of the plant as the raw codec has them, a second apart."""
    values = rows(3, count)
    return [Record("plant", 0, i, 1000 * i, None, row.tobytes()) for i, row in enumerate(values)]


class Broken(Log):
    """Ctrl-C comes after so many records."""

    def columns(self, partition: Partition, run: range) -> Iterator[Columns]:
        yield from super().columns(partition, range(run.start, 900))
        raise KeyboardInterrupt

    def partitions_of(self, topic: str) -> list[Partition]:
        return sorted(self.kept)


def test_interrupted_it_tells_what_came_until_then(config: Path) -> None:
    backtest = Backtest(config_file.load(str(config)), payloads=True)
    log = Broken(*payloads(1200))
    result = backtest.run(TopicPast(log, plan(log, "plant", None, None)))
    assert not result.complete
    assert result.records == result.rows == 500  # whole batches of the configuration
    assert (result.first, result.last) == (0, 499_000)


def test_a_record_may_hold_many_rows(plant: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, plant, "off")
    config.write_text(config.read_text().replace("name: raw", "name: raw\n  rows: many"))
    values = rows(3, 1200)
    whole = [
        Record("t", 0, i, 1000 * i, None, values[3 * i : 3 * i + 3].tobytes()) for i in range(400)
    ]
    log = Log(*whole)
    backtest = Backtest(config_file.load(str(config)), payloads=True)
    result = backtest.run(TopicPast(log, plan(log, "t", None, None)))
    assert (result.records, result.rows, result.dead.count) == (400, 1200, 0)
    strange = result.strangest.within(0, 400, 6)
    assert any(each.seen.row for each in strange)
    for each in strange:
        assert each.seen.sample is not None
        row = 3 * each.number + each.seen.row
        assert each.seen.sample[0].tolist() == values[row].tolist()


def test_records_without_a_time_are_judged_and_say_nothing_of_when(config: Path) -> None:
    log = Log(*(replace(each, timestamp=-1) for each in payloads(600)))
    backtest = Backtest(config_file.load(str(config)), payloads=True)
    result = backtest.run(TopicPast(log, plan(log, "t", None, None)))
    assert (result.rows, result.first, result.seconds) == (600, None, 0.0)
