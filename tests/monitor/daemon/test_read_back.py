"""Records that another daemon has read are read again, within bounded time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor.daemon import read_back
from monitor.daemon.read_back import ReadBack
from monitor.errors import UserError
from monitor.pipeline.series_notes import REREAD
from monitor.process.deadline import Deadline
from monitor.stream.records import Gap, Partition, Record

P0 = Partition("in", 0)


class Reader:
    """Holds offsets 10 to 99; 20 cannot be read."""

    seconds = 0.0

    def bounds(self, partitions: list[Partition]) -> dict[Partition, tuple[int, int]]:
        return dict.fromkeys(partitions, (10, 100))

    def records(self, partition: Partition, run: range) -> Iterator[Record]:
        time.sleep(self.seconds)
        for offset in run:
            gap = Gap(offset + 1, "unreadable", "") if offset == 20 else None
            yield Record("in", 0, offset, 0, b"k", b"v", (), gap)


def reading(reader: Reader, fault: Exception | None = None) -> ReadBack:
    @contextmanager
    def opened() -> Iterator[Reader]:
        if fault is not None:
            raise fault
        yield reader

    return ReadBack(opened, Deadline(5))


def test_what_is_there_is_read_up_to_our_first_offset() -> None:
    records = reading(Reader())(P0, 0, 25)
    assert records is not None
    assert [record.offset for record in records] == [*range(10, 20), *range(21, 25)]


@pytest.mark.parametrize("fault", [UserError("no broker"), OSError("reset"), TimeoutError()])
def test_what_cannot_be_read_is_told(fault: Exception) -> None:
    assert reading(Reader(), fault)(P0, 10, 25) is None


def test_nobody_reads_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading(Reader())(P0, 0, 2 * REREAD + 1) is None
    monkeypatch.setattr(read_back, "SECONDS", 0.2)
    slow = Reader()
    slow.seconds = 8.0
    begun = time.monotonic()
    assert reading(slow)(P0, 10, 25) is None
    assert time.monotonic() - begun < slow.seconds


def test_all_partitions_of_a_rebalance_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_back, "ALL_SECONDS", 1.5)
    reader = Reader()
    reader.seconds = 1.0
    subject = reading(reader)
    assert subject(P0, 10, 25) is not None
    assert subject(P0, 10, 25) is None
    assert subject(P0, 10, 25) is None
    monkeypatch.setattr(read_back, "_SAME_SECONDS", -1.0)
    assert subject(P0, 10, 25) is not None
