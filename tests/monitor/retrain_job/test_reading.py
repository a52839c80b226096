"""From offsets to rows in the stream's order: bounded, and every loss counted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.errors import DecodeError
from monitor.retrain_job import reading
from monitor.retrain_job.ranges import BLOCK, Ranges
from monitor.retrain_job.reading import Account, Limits, Stretch
from monitor.retrain_job.rows import Whole
from monitor.stream.records import Partition
from tests.monitor.builders import decode
from tests.monitor.retrain_job.logs_in_memory import Log

P0, P1 = Partition("t", 0), Partition("t", 1)


def numbers(first: int, after: int) -> dict[int, bytes | None]:
    return {offset: str(offset).encode() for offset in range(first, after)}


def read(log: Log, ranges: Ranges, most: int = 100_000) -> tuple[Stretch, Account, list[int]]:
    limits = Limits(most, (1,))
    account, runs = reading.plan(log, ranges, limits)
    advanced: list[int] = []
    stretch = reading.read(log, account, runs, Whole(decode), limits, advanced.append)
    return stretch, account, advanced


def values(stretch: Stretch) -> list[float]:
    return [float(value) for value in stretch.rows[:, 0]]


def test_everything_that_fits_is_read_in_order() -> None:
    log = Log({P0: (0, 5000)}, {P0: numbers(0, 5000)})
    stretch, account, advanced = read(log, {P0: (100, 4000)})
    assert values(stretch) == list(range(100, 4000))
    assert (account.asked, account.chosen, account.records, account.kept) == (3900,) * 4
    assert sum(advanced) == 3900


def test_partitions_are_merged_by_time() -> None:
    times = {P0: {o: 10 * o for o in range(50)}, P1: {o: 10 * o + 5 for o in range(50)}}
    log = Log({P0: (0, 50), P1: (0, 50)}, {P0: numbers(0, 50), P1: numbers(0, 50)}, times)
    stretch, _, _ = read(log, {P0: (0, 50), P1: (0, 50)})
    assert values(stretch) == [offset for offset in range(50) for _ in range(2)]
    assert list(stretch.timestamps) == sorted(stretch.timestamps)


def test_without_timestamps_partitions_are_merged_by_place() -> None:
    never = {p: dict.fromkeys(range(100), -1) for p in (P0, P1)}
    log = Log({P0: (0, 100), P1: (0, 50)}, {P0: numbers(0, 100), P1: numbers(0, 50)}, never)
    stretch, _, _ = read(log, {P0: (0, 100), P1: (0, 50)})
    newest = values(stretch)[-30:]
    assert {float(o) for o in range(80, 100)} | {float(o) for o in range(40, 50)} == set(newest)


def test_what_retention_took_and_what_was_never_written_is_counted() -> None:
    log = Log({P0: (40, 100), P1: (0, 10)}, {P0: numbers(40, 100), P1: numbers(0, 10)})
    stretch, account, _ = read(log, {P0: (0, 120), P1: (20, 30)})
    assert sorted(values(stretch)) == list(range(40, 100))
    assert (account.gone, account.missing, account.chosen) == (40, 30, 60)
    assert account.gone + account.missing + account.chosen == account.asked


def test_an_empty_partition_gives_nothing() -> None:
    stretch, account, _ = read(Log({P0: (7, 7)}, {P0: {}}), {P0: (0, 5)})
    assert (len(stretch), account.gone, account.missing, account.chosen) == (0, 5, 0, 0)


def test_bad_records_are_counted_by_reason_and_named() -> None:
    content = numbers(0, 100) | {3: None, 5: b"x", 6: b"y"}
    gaps = {P0: {20: (30, "unreadable"), 50: (60, "expired")}}
    for first, (after, _) in gaps[P0].items():
        for offset in range(first, after):
            content.pop(offset)
    _, account, advanced = read(Log({P0: (0, 100)}, {P0: content}, {}, gaps), {P0: (0, 100)})
    assert account.bad == {"tombstone": 1, "undecodable": 2, "unreadable": 10}
    assert account.gone == 10
    assert account.examples[0] == "t/0/3: tombstone, the record has no value"
    assert account.examples[-1].startswith("t/0/20: unreadable")
    assert account.rows == 77
    assert sum(advanced) == 100


def test_only_the_first_bad_records_are_named() -> None:
    log = Log({P0: (0, 500)}, {P0: dict.fromkeys(range(500))})
    stretch, account, _ = read(log, {P0: (0, 500)})
    assert len(stretch) == 0
    assert len(account.examples) == reading.NAMED


def test_a_long_stretch_is_thinned_before_it_is_read() -> None:
    log = Log({P0: (0, 100_000)}, {P0: numbers(0, 100_000)})
    stretch, account, _ = read(log, {P0: (0, 100_000)}, most=2000)
    assert 1000 <= len(stretch) <= 2000
    assert sum(map(len, log.asked)) == account.chosen <= 2000
    quarters = np.histogram(values(stretch), bins=4, range=(0, 100_000))[0]
    assert min(quarters) >= BLOCK


def test_records_of_many_rows_are_thinned_while_they_are_read() -> None:
    content: dict[int, bytes | None] = {
        offset: ",".join(str(100 * offset + i) for i in range(100)).encode()
        for offset in range(900)
    }
    stretch, account, _ = read(Log({P0: (0, 900)}, {P0: content}), {P0: (0, 900)}, most=5000)
    assert account.rows == 90_000
    assert 2500 <= account.kept == len(stretch) <= 5000
    assert values(stretch) == sorted(values(stretch))
    tenths = np.histogram(values(stretch), bins=10, range=(0, 90_000))[0]
    assert min(tenths) > 100


def test_large_records_are_fewer() -> None:
    assert Limits(100_000, (3, 1000, 1000)).rows == reading.MAX_ELEMENTS // 3_000_000
    assert Limits(100_000, (28, 28)).rows == 100_000


def test_payloads_do_not_stay_in_memory() -> None:
    payload = np.arange(1000.0)

    def view(value: bytes | None, headers: object = ()) -> NDArray[np.float64]:
        if value is None:
            raise DecodeError("tombstone", "none")
        return payload[:10].reshape(10, 1)

    limits = Limits(1000, (1,))
    log = Log({P0: (0, 30)}, {P0: numbers(0, 30)})
    account, runs = reading.plan(log, {P0: (0, 30)}, limits)
    stretch = reading.read(log, account, runs, Whole(view), limits)
    assert not np.shares_memory(stretch.rows, payload)


@pytest.mark.parametrize("most", [1, 3, 7, 50, 256, 257])
def test_no_more_is_kept_than_asked_for(most: int) -> None:
    sample = reading.Sample(most)
    for offset in range(999):
        sample.add(np.full((3, 1), offset), offset, offset / 999)
    assert most / 2 - 1 <= len(sample.stretch((1,))) <= most
