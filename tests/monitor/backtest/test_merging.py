"""Partitions become one stream, in an order that depends on the records alone."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from monitor.backtest.merging import merged
from monitor.stream.columns import Columns
from monitor.stream.records import Gap, Partition, Record

Stamps = list[int]
Made = dict[Partition, list[Record]]


def records(stamps: list[Stamps]) -> Made:
    """Those of each partition, in offset order."""
    return {
        Partition("t", n): [Record("t", n, i, t, None, b"%d" % i) for i, t in enumerate(each)]
        for n, each in enumerate(stamps)
    }


def parts(found: list[Record], sizes: list[int]) -> Iterator[Columns]:
    """The records in parts of these sizes, over and over."""
    at, i = 0, 0
    while at < len(found):
        size = sizes[i % len(sizes)]
        yield Columns.of(found[at : at + size])
        at, i = at + size, i + 1


def together(made: Made, sizes: list[int]) -> list[Record]:
    streams = {p: parts(found, sizes) for p, found in made.items()}
    return [record for part in merged(streams) for record in part]


def one_by_one(made: Made) -> list[Record]:
    """The same, as the words say it."""
    left = {p: list(found) for p, found in made.items()}
    newest = dict.fromkeys(made, -(10**9))
    order = []
    while any(left.values()):
        clocks = {p: max(newest[p], found[0].timestamp) for p, found in left.items() if found}
        first = min(clocks, key=lambda p: (clocks[p], p))
        newest[first] = clocks[first]
        order.append(left[first].pop(0))
    return order


STAMPS = st.lists(st.lists(st.integers(-1, 12), max_size=12), min_size=1, max_size=4)
SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@given(STAMPS, SIZES)
def test_the_order_is_by_the_clocks_of_partitions_however_they_come(
    stamps: list[Stamps], sizes: list[int]
) -> None:
    made = records(stamps)
    assert together(made, sizes) == one_by_one(made)


@given(STAMPS, SIZES)
def test_each_came_at_the_clock_of_its_partition_and_that_never_goes_back(
    stamps: list[Stamps], sizes: list[int]
) -> None:
    made = records(stamps)
    streams = {p: parts(found, sizes) for p, found in made.items()}
    came = [time for part in merged(streams) for time in part.arrivals.tolist()]
    assert came == sorted(came)
    clocks = [max(each[: i + 1]) for each in stamps for i in range(len(each))]
    assert sorted(clocks) == came


def test_a_record_that_goes_back_in_time_waits_for_nobody() -> None:
    made = records([[5, 1, 6], [2, 7]])
    order = [(each.partition, each.offset) for each in together(made, [10])]
    assert order == [(1, 0), (0, 0), (0, 1), (0, 2), (1, 1)]


def test_of_equal_times_the_lower_partition_is_first() -> None:
    order = [each.partition for each in together(records([[3, 3], [3], [3]]), [1])]
    assert order == [0, 0, 1, 2]


def test_what_cannot_be_read_keeps_its_place() -> None:
    gap = Record("t", 0, 1, -1, None, None, (), Gap(9, "unreadable", "damaged"))
    made = {
        Partition("t", 0): [Record("t", 0, 0, 4, None, b""), gap],
        Partition("t", 1): [Record("t", 1, 0, 3, None, b""), Record("t", 1, 1, 5, None, b"")],
    }
    order = together(made, [2])
    assert [(each.partition, each.offset) for each in order] == [(1, 0), (0, 0), (0, 1), (1, 1)]
    assert order[2].gap == gap.gap


def test_only_a_part_of_each_is_held() -> None:
    taken: list[int] = []

    def watched(number: int) -> Iterator[Columns]:
        for i in range(100):
            taken.append(number)
            yield Columns.of([Record("t", number, i, i, None, b"")])

    streams = merged({Partition("t", n): watched(n) for n in range(3)})
    for _ in range(10):
        next(streams)
    assert len(taken) < 20
