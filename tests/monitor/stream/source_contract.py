"""What every source must do, whatever the records come from: one suite for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Partition, Record
from monitor.stream.sources import Polled, Position, Source

WAIT_SECONDS = 30.0
QUIET_SECONDS = 1.0
CLOSE_SECONDS = 10.0
FIRST_TIMESTAMP = 1_700_000_000_000


class Stream(Protocol):
    """A topic of two partitions or more, and the one reader of it."""

    topic: str
    partitions: int

    def append(self, records: Iterable[Record]) -> None:
        """Write records at the ends of their partitions."""

    def open(self) -> Source:
        """Start reading, or begin again as a new process of the same group would."""


def record(
    stream: Stream,
    partition: int,
    offset: int,
    value: bytes | None = b"value",
    key: bytes | None = None,
    headers: tuple[tuple[str, bytes], ...] = (),
) -> Record:
    """A record that tells where it stands."""
    timestamp = FIRST_TIMESTAMP + offset
    return Record(stream.topic, partition, offset, timestamp, key, value, headers)


def filled(stream: Stream, *counts: int) -> list[Record]:
    """Append so many records to partition 0, 1, ...; returns them."""
    records = [
        record(stream, partition, offset, b"%d/%d" % (partition, offset))
        for partition, count in enumerate(counts)
        for offset in range(count)
    ]
    stream.append(records)
    return records


def poll(source: Source, seconds: float = 0.2, max_records: int = 1000) -> Polled:
    """One poll, as a daemon makes it: new partitions are begun where the group stands."""
    polled = source.poll(seconds, max_records)
    for partition, assigned in polled.assigned.items():
        source.seek(
            partition, assigned.committed.offset if assigned.committed else assigned.earliest
        )
    return polled


def commit(source: Source, offsets: Mapping[Partition, int]) -> bool:
    """Commit bare offsets."""
    return source.commit({p: Committed(offset, "a note") for p, offset in offsets.items()})


def collect(source: Source, count: int, max_records: int = 1000) -> list[Record]:
    """Poll until so many records have come; returns those and no more than came with them."""
    found: list[Record] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} records came"
        polled = poll(source, 0.2, max_records)
        assert len(polled.records) <= max_records
        found.extend(polled.records)
    return found


def later(source: Source) -> list[Record]:
    """What else comes within a while."""
    deadline = time.monotonic() + QUIET_SECONDS
    found: list[Record] = []
    # A source in memory does not wait, so a few polls are enough for it.
    for _ in range(5):
        found.extend(poll(source, max(0.0, deadline - time.monotonic()) / 3).records)
    return found


def by_partition(records: Iterable[Record]) -> dict[int, list[Record]]:
    """The records of each partition, in the order in which they came."""
    found: dict[int, list[Record]] = {}
    for item in records:
        found.setdefault(item.partition, []).append(item)
    return found


def addresses(records: Iterable[Record]) -> list[tuple[int, int]]:
    """Partition and offset of each record, sorted."""
    return sorted((item.partition, item.offset) for item in records)


class SourceContract:
    """Tests for a `stream` fixture that a subclass brings."""

    def test_records_come_in_offset_order_with_all_that_they_carry(self, stream: Stream) -> None:
        sent = [
            record(stream, 0, 0, b"plain"),
            record(stream, 0, 1, bytes(range(256)), key=b"key"),
            record(stream, 0, 2, b"x" * 10_000, headers=(("a", b"1"), ("b", b""), ("a", b"\xff"))),
            record(stream, 1, 0, b"", key=b""),
            *(record(stream, 1, offset) for offset in range(1, 300)),
        ]
        stream.append(sent)
        assert by_partition(collect(stream.open(), len(sent))) == by_partition(sent)

    def test_a_tombstone_has_no_value(self, stream: Stream) -> None:
        stream.append([record(stream, 0, 0, None, key=b"gone"), record(stream, 0, 1, b"")])
        values = [(item.key, item.value) for item in collect(stream.open(), 2)]
        assert values == [(b"gone", None), (None, b"")]

    def test_a_poll_brings_no_more_than_asked_for(self, stream: Stream) -> None:
        sent = filled(stream, 10, 10)
        # `collect` looks at every poll.
        assert addresses(collect(stream.open(), 20, max_records=3)) == addresses(sent)

    def test_nothing_is_delivered_twice_without_a_restart(self, stream: Stream) -> None:
        sent = filled(stream, 50, 50)
        source = stream.open()
        assert addresses(collect(source, 100, max_records=30)) == addresses(sent)
        assert later(source) == []
        # Not even when less is committed than was delivered.
        assert commit(source, {Partition(stream.topic, 0): 10})
        assert later(source) == []

    def test_records_appended_later_are_delivered(self, stream: Stream) -> None:
        first = filled(stream, 2, 2)
        source = stream.open()
        collect(source, len(first))
        more = [record(stream, 1, 2), record(stream, 0, 2)]
        stream.append(more)
        assert addresses(collect(source, 2)) == addresses(more)

    def test_it_knows_its_partitions_and_is_connected(self, stream: Stream) -> None:
        filled(stream, 1, 1)
        source = stream.open()
        collect(source, 2)
        partitions = {Partition(stream.topic, number) for number in range(stream.partitions)}
        assert source.assigned == partitions
        assert source.connected

    def test_uncommitted_records_come_again_after_a_restart(self, stream: Stream) -> None:
        sent = filled(stream, 20, 20)
        collect(stream.open(), 40)
        assert by_partition(collect(stream.open(), 40)) == by_partition(sent)

    def test_a_restart_goes_on_at_the_committed_offsets(self, stream: Stream) -> None:
        sent = filled(stream, 20, 20)
        source = stream.open()
        collect(source, 40)
        zero, one = Partition(stream.topic, 0), Partition(stream.topic, 1)
        assert commit(source, {zero: 3})
        assert commit(source, {zero: 7, one: 20})
        source = stream.open()
        assert collect(source, 13) == sent[7:20]
        assert later(source) == []

    def test_a_partition_never_committed_starts_anew_after_a_restart(self, stream: Stream) -> None:
        sent = filled(stream, 5, 5)
        source = stream.open()
        collect(source, 10)
        assert commit(source, {Partition(stream.topic, 1): 5})
        assert collect(stream.open(), 5) == sent[:5]

    def test_a_commit_for_a_partition_of_someone_else_is_ignored(self, stream: Stream) -> None:
        filled(stream, 5, 5)
        source = stream.open()
        collect(source, 10)
        zero, foreign = Partition(stream.topic, 0), Partition(stream.topic, 7)
        assert commit(source, {foreign: 3})
        assert commit(source, {foreign: 3, zero: 4})
        assert addresses(collect(stream.open(), 6)) == [(0, 4), *((1, i) for i in range(5))]

    def test_positions_tell_next_and_end_offset(self, stream: Stream) -> None:
        filled(stream, 5, 3)
        source = stream.open()
        zero, one = Partition(stream.topic, 0), Partition(stream.topic, 1)
        next_offset = {zero: 0, one: 0}
        for _ in range(8):
            (polled,) = collect(source, 1, max_records=1)
            next_offset[polled.source] = polled.offset + 1
            positions = source.positions()
            assert polled.source in positions
            for partition, end in ((zero, 5), (one, 3)):
                if partition in positions:
                    assert positions[partition] == Position(next_offset[partition], end)
        assert positions[zero] == Position(5, 5)
        assert positions[one] == Position(3, 3)

    def test_positions_go_on_from_the_committed_offset(self, stream: Stream) -> None:
        filled(stream, 5, 0)
        source = stream.open()
        collect(source, 5)
        zero = Partition(stream.topic, 0)
        assert commit(source, {zero: 5})
        source = stream.open()
        deadline = time.monotonic() + WAIT_SECONDS
        while zero not in source.positions() and time.monotonic() < deadline:
            assert not poll(source).records
        assert source.positions()[zero] == Position(5, 5)
        stream.append([record(stream, 0, 5)])
        collect(source, 1)
        assert source.positions()[zero] == Position(6, 6)

    def test_a_new_partition_is_told_with_what_the_group_knows(self, stream: Stream) -> None:
        filled(stream, 5, 3)
        source = stream.open()
        collect(source, 8)
        zero, one = Partition(stream.topic, 0), Partition(stream.topic, 1)
        assert commit(source, {zero: 4})
        source = stream.open()
        assigned: dict[Partition, Assigned] = {}
        deadline = time.monotonic() + WAIT_SECONDS
        while len(assigned) < stream.partitions and time.monotonic() < deadline:
            polled = source.poll(0.2, 1000)
            assert not polled.records
            assigned.update(polled.assigned)
        told = [(a.committed, a.earliest, a.latest) for a in (assigned[zero], assigned[one])]
        assert told == [(Committed(4, "a note"), 0, 5), (None, 0, 3)]
        assert not assigned[one].group_is_new

    def test_nothing_comes_of_a_partition_before_it_was_sought(self, stream: Stream) -> None:
        filled(stream, 5, 5)
        source = stream.open()
        zero, one = Partition(stream.topic, 0), Partition(stream.topic, 1)
        assigned: set[Partition] = set()
        deadline = time.monotonic() + WAIT_SECONDS
        while len(assigned) < stream.partitions and time.monotonic() < deadline:
            assigned |= source.poll(0.2, 1000).assigned.keys()
        source.seek(one, 2)
        assert addresses(later(source)) == [(1, 2), (1, 3), (1, 4)]
        source.seek(zero, 4)
        assert addresses(collect(source, 1)) == [(0, 4)]

    def test_the_end_is_known_while_nothing_is_read(self, stream: Stream) -> None:
        filled(stream, 3, 0)
        source, zero = stream.open(), Partition(stream.topic, 0)
        ends: list[Mapping[Partition, int]] = []
        source.on_survey(ends.append)
        collect(source, 3)
        source.tend()
        stream.append([record(stream, 0, offset) for offset in range(3, 10)])
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            source.tend()
            if source.positions()[zero] == Position(3, 10) and ends and ends[-1].get(zero) == 10:
                break
            getattr(source, "survey", lambda: time.sleep(0.1))()
        assert source.positions()[zero] == Position(3, 10)
        assert ends[-1][zero] == 10

    def test_seeking_back_brings_records_again(self, stream: Stream) -> None:
        sent = filled(stream, 20, 0)
        source = stream.open()
        collect(source, 20)
        source.seek(Partition(stream.topic, 0), 12)
        assert collect(source, 8) == sent[12:20]
        assert later(source) == []

    def test_no_records_come_when_only_news_are_wanted(self, stream: Stream) -> None:
        sent = filled(stream, 5, 5)
        source = stream.open()
        first = collect(source, 1, max_records=1)
        for _ in range(5):
            assert not source.poll(0.1, 0).records
            source.tend()
        assert addresses(first + collect(source, 9)) == addresses(sent)

    def test_what_is_committed_can_be_looked_up(self, stream: Stream) -> None:
        filled(stream, 5, 5)
        source = stream.open()
        collect(source, 10)
        zero, one = Partition(stream.topic, 0), Partition(stream.topic, 1)
        assert source.committed([zero, one]) == {}
        assert commit(source, {one: 3})
        assert source.committed([zero, one]) == {one: Committed(3, "a note")}

    def test_closing_is_quick_and_may_be_repeated(self, stream: Stream) -> None:
        filled(stream, 1, 1)
        source = stream.open()
        collect(source, 2)
        started = time.monotonic()
        source.close()
        source.close()
        assert time.monotonic() - started < CLOSE_SECONDS
