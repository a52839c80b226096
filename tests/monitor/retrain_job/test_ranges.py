"""Which offsets are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import DataError
from monitor.retrain_job.ranges import BLOCK, cut, parse, spread
from monitor.stream.records import Partition

P0, P1, P2 = (Partition("images", number) for number in range(3))


def offsets(runs):
    return [(p, offset) for p, found in runs.items() for run in found for offset in run]


def test_ranges_are_read_as_they_are_written() -> None:
    assert parse(["images/0:10-20", "my.topic_2-b/12:0-1"]) == {
        P0: (10, 20),
        Partition("my.topic_2-b", 12): (0, 1),
    }


@pytest.mark.parametrize(
    "text",
    ["images", "images/0", "images/0:5", "images/0:9-9", "images/0:9-8", "images/0:-1-8", ""],
)
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(DataError, match="for example images/0:1000-9000"):
        parse([text])


def test_a_partition_is_named_once() -> None:
    with pytest.raises(DataError, match="one range for each partition"):
        parse(["images/0:0-5", "images/0:5-9"])


def test_ranges_are_cut_to_what_is_there() -> None:
    wanted = {P0: (0, 100), P1: (50, 60), P2: (10, 20)}
    there = {P0: (40, 90), P1: (60, 80), P2: (0, 5)}
    clipped = cut(wanted, there)
    assert clipped[P0] == (40, 90)
    assert clipped[P1][0] == clipped[P1][1]
    assert clipped[P2][0] == clipped[P2][1]


@given(
    lengths=st.lists(st.integers(0, 5000), min_size=1, max_size=4),
    limit=st.integers(1, 6000),
    seed=st.integers(0, 5),
)
def test_a_choice_stays_within_limit_and_ranges(lengths: list[int], limit: int, seed: int) -> None:
    ranges = {Partition("t", n): (7 * n, 7 * n + length) for n, length in enumerate(lengths)}
    chosen = offsets(spread(ranges, limit, seed))
    assert len(chosen) == len(set(chosen))
    assert len(chosen) <= limit
    assert all(ranges[p][0] <= offset < ranges[p][1] for p, offset in chosen)
    if sum(lengths) <= limit:
        assert len(chosen) == sum(lengths)
    else:
        assert len(chosen) > limit - BLOCK


def test_a_choice_covers_everything_evenly_and_keeps_neighbours() -> None:
    ranges = {P0: (0, 60_000), P1: (1000, 41_000)}
    runs = spread(ranges, 10_000, seed=3)
    chosen = offsets(runs)
    line = [offset if p == P0 else 60_000 + offset - 1000 for p, offset in chosen]
    tenths = [sum(10_000 * t <= place < 10_000 * (t + 1) for place in line) for t in range(10)]
    assert min(tenths) > 700
    assert max(tenths) < 1300
    assert sum(len(run) for found in runs.values() for run in found if len(run) < BLOCK) < 2 * BLOCK
    assert runs == spread(ranges, 10_000, seed=3) != spread(ranges, 10_000, seed=4)
