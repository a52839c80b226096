"""Silence of segments: told soon and once, never of those that come in bursts or seldom."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.budget import Budget
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.gaps import FEWEST, LONGEST_GAPS, Gaps, restored
from monitor.drift.segments.segmented import Found
from monitor.drift.segments.silence import RETURNED, SILENT
from monitor.stream.records import Partition
from tests.monitor.drift.segments_streams import BUDGET, judged, segments, told, watch

COUNT = 50


def silences(slots: np.ndarray) -> list[tuple[str, str]]:
    return quiet(watch(segments(), judged(slots, np.ones(slots.size), COUNT), 4096))


def quiet(found: list[Found]) -> list[tuple[str, str]]:
    """Of what was told, what is of silence: all errors are the same here, which is drift."""
    return [each for each in told(found) if each[1] in (SILENT, RETURNED)]


def mixed(seed: int, rows: int, shares: np.ndarray) -> np.ndarray:
    return np.random.default_rng(seed).choice(len(shares), rows, p=shares / shares.sum())


@pytest.mark.parametrize("seed", range(5))
def test_one_of_fifty_that_stops_is_told_soon_and_when_it_is_back(seed: int) -> None:
    subject, rng = segments(), np.random.default_rng(seed)
    slots = rng.integers(0, COUNT, 80_000)
    stopped = slots[20_000:50_000]
    stopped[stopped == 7] = 8
    found = watch(subject, judged(slots, np.ones(slots.size), COUNT), 4096)
    silent, returned = [f for f in found if f.change.transition.event in (SILENT, RETURNED)]
    assert (silent.change.alert.event, returned.change.alert.event) == ("silent", "returned")
    assert silent.change.alert.episode == returned.change.alert.episode
    assert silent.change.alert.verdict.segment == "camera-7"
    # It sends every fiftieth record: within some forty times that.
    assert 20_000 < silent.position < 20_000 + 40 * COUNT
    assert (
        "segment camera-7 is silent: nothing of it for" in silent.change.alert.verdict.explanation
    )
    assert returned.position > 50_000
    (after,) = silent.change.alert.next_offsets.values()
    assert after == int((slots[:20_000] == 7).nonzero()[0][-1]) + 1


def test_rates_that_differ_a_thousandfold_are_no_silence() -> None:
    shares = np.geomspace(1, 1000, COUNT)
    assert silences(mixed(1, 600_000, shares)) == []


def bursty(seed: int, rows: int, every: tuple[int, int], length: int) -> np.ndarray:
    """Forty segments that send steadily, and ten that send a burst now and then among them."""
    rng = np.random.default_rng(seed)
    slots = rng.integers(0, 40, rows)
    for slot in range(40, COUNT):
        at = int(rng.integers(0, every[1]))
        while at < rows:
            places = at + rng.integers(0, 4 * length, length)
            slots[places[places < rows]] = slot
            at += int(rng.integers(*every))
    return slots


@pytest.mark.parametrize("every", [(20_000, 20_001), (10_000, 30_000)], ids=["even", "uneven"])
def test_bursts_with_long_pauses_are_no_silence(every: tuple[int, int]) -> None:
    assert silences(bursty(2, 600_000, every, 100)) == []


def test_pauses_of_a_segment_that_sends_in_bursts_are_learned_and_a_longer_one_is_told() -> None:
    slots = bursty(3, 900_000, (5_000, 5_001), 100)
    after = slots[600_000:]
    after[after == 45] = 0
    assert silences(slots) == [("camera-45", "silent")]


def test_others_that_flood_the_topic_make_nobody_silent() -> None:
    rng = np.random.default_rng(4)
    slots = np.concatenate([rng.integers(0, 5, 40_000), np.zeros(40_000, dtype=np.int64)])
    records = judged(slots, np.ones(slots.size), 5)
    # The flood of camera-0 comes within the time that ten records usually take.
    times = records.timestamps.copy()
    times[40_000:] = times[39_999] + np.arange(40_000) // 4_000
    flood = JudgedRecords(
        records.model_version, records.partitions, records.partition, records.offsets,
        records.next_offsets, times, records.rows, records.errors,
        segments=records.segments, segment=records.segment,
    )  # fmt: skip
    assert quiet(watch(segments(), flood, 4096)) == []


def test_partitions_that_are_read_in_turns_make_nobody_silent() -> None:
    subject, rng = segments(), np.random.default_rng(5)
    partitions = (Partition("in", 0), Partition("in", 1))
    before, offsets, found = 0, [0, 0], []
    for turn in range(12):
        here, rows = turn % 2, 20_000
        slots = 5 * here + rng.integers(0, 5, rows)
        at = offsets[here] + np.arange(rows)
        one = judged(slots, np.ones(rows), 10)
        records = JudgedRecords(
            one.model_version, partitions, np.full(rows, here), at, at + 1,
            one.timestamps + 20_000 * (turn // 2), one.rows, one.errors,
            segments=one.segments, segment=one.segment,
        )  # fmt: skip
        found += watch(subject, records, 4096, before)
        before, offsets[here] = before + rows, offsets[here] + rows
    assert quiet(found) == []


def test_a_silence_that_comes_again_is_a_habit_and_one_alone_is_not() -> None:
    gaps = Gaps(BUDGET)
    for number in range(2000):
        gaps.meet(40 + number % 20, 40 + number % 20)
    limit = gaps.limit
    for length in (5000, 4800):
        gaps.told = True
        gaps.meet(length, length)
        if length == 5000:
            assert gaps.limit == limit
    assert gaps.limit > 3 * 4800


def test_little_that_was_seen_makes_nobody_silent() -> None:
    gaps = Gaps(BUDGET)
    for _ in range(FEWEST - 1):
        gaps.meet(1, 1)
    assert gaps.limit == np.inf
    gaps.meet(1, 1)
    assert gaps.limit == np.inf  # ten times as much must have been seen
    for _ in range(10_000):
        gaps.meet(10, 10)
    assert gaps.limit == 64


def test_gaps_are_remembered() -> None:
    gaps, rng = Gaps(BUDGET), np.random.default_rng(6)
    for length in rng.geometric(0.02, 500).tolist():
        gaps.meet(length, 3 * length)
    gaps.told = True
    assert gaps.limit < np.inf
    again = restored(gaps.state(), BUDGET)
    assert again == gaps
    assert len(again.longest) == LONGEST_GAPS


@pytest.mark.parametrize("share", [0.5, 0.02, 0.001])
def test_the_limit_keeps_its_budget_where_records_are_mixed(share: float) -> None:
    budget, rng = Budget.parse("1 per 1000 records"), np.random.default_rng(7)
    lengths = rng.geometric(share, 400_000)
    gaps, false = Gaps(budget), 0
    for length in lengths.tolist():
        false += length - 1 > gaps.limit
        gaps.meet(length, length)
    assert false <= len(lengths) / 1000
