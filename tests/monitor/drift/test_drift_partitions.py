"""Partitions, slow streams and odd clocks: what may not change an alarm, and by how much it may."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.stream.records import Partition, Summary
from tests.monitor.builders import P0, SETTINGS, VERSION, dealt, events, judge, normal_errors

ROWS = 512
"""Of a block, the same however many partitions they come from."""
STREAM = np.concatenate(
    [normal_errors(10_240, 1), normal_errors(10_240, 2, scale=1.5), normal_errors(30_720, 3)]
)
DRIFT = 10_240


def deal(subject: Judge, errors: NDArray[np.float64], partitions: int = 1) -> list[Change]:
    changes: list[Change] = []
    for first in range(0, len(errors), ROWS):
        part = errors[first : first + ROWS]
        changes += subject.add(*dealt(part, partitions, first, subject.unit))
    return changes


def story(changes: list[Change]) -> list[tuple[str, int]]:
    """Each event and the last record before it."""
    return [(change.transition.event, change.timestamp) for change in changes]


@pytest.mark.parametrize("partitions", [1, 8])
def test_errors_in_another_unit_alarm_at_the_same_offsets(partitions: int) -> None:
    alarms = []
    for factor in (1.0, 1000.0):
        reference = Reference.calibrate(factor * normal_errors(5000, seed=99), ordered=True)
        changes = deal(Judge(VERSION, reference, SETTINGS), factor * STREAM, partitions)
        alarms.append([(c.transition.event, c.alert and c.alert.next_offsets) for c in changes])
    assert alarms[0] == alarms[1]
    assert [event for event, _ in alarms[0]] == ["pending", "firing", "resolved"]


@pytest.mark.parametrize("partitions", [2, 8, 64])
def test_dealt_to_partitions_half_the_evidence_of_all_rows_stays(partitions: int) -> None:
    one, many = judge(), judge()
    for first in range(0, DRIFT + 2 * ROWS, ROWS):
        before = one.verdict.state, many.verdict.state
        for subject, count in ((one, 1), (many, partitions)):
            subject.add(*dealt(STREAM[first : first + ROWS], count, first, one.unit))
        if before == ("ok", "ok"):
            assert many.verdict.statistic >= one.verdict.statistic - np.log10(2) - 1e-9


@pytest.mark.parametrize("partitions", [2, 8, 64])
def test_partitions_suspect_no_later_than_one_with_twice_the_threshold(partitions: int) -> None:
    # Suspicion comes at A^(2/3) records: twice that is a budget of 2^(3/2) times as many.
    stricter = judge(budget=Budget(alarms=1, records=2**1.5 * 1e6, seconds=None))
    latest = dict(story(deal(stricter, STREAM)))["pending"]
    earliest = dict(story(deal(judge(), STREAM, partitions)))["pending"]
    assert DRIFT <= earliest <= latest


def test_a_change_in_one_of_eight_partitions_is_found_within_1500_records_of_all() -> None:
    errors = normal_errors(20_480, seed=5)
    errors[DRIFT + 5 :: 8] *= 4
    subject = judge()
    changes = deal(subject, errors, 8)
    assert events(changes)[:2] == ["pending", "firing"]
    assert changes[1].timestamp - DRIFT < 1500
    assert changes[1].verdict.partition == Partition("in", 5)


def test_parts_of_a_block_may_come_in_any_order_and_from_anywhere() -> None:
    whole, parted = judge(evaluation_rows=ROWS), judge(evaluation_rows=ROWS)
    rng = np.random.default_rng(6)
    for first in range(0, len(STREAM), ROWS):
        summaries = dealt(STREAM[first : first + ROWS], 8, first, whole.unit)
        whole.add(*summaries)
        for index in rng.permutation(8):  # as if each came from a process of its own
            parted.add(summaries[index])
    # Where a block began is where its first part was counted; the evidence knows no order.
    assert parted.verdict.statistic == whole.verdict.statistic
    assert parted.verdict.quantiles == whole.verdict.quantiles


def test_partitions_that_fall_silent_alarm_nobody() -> None:
    subject = judge()
    changes = subject.add(*dealt(normal_errors(ROWS, seed=7), 8, 0, subject.unit))
    for first in range(ROWS, 100_000, ROWS):
        errors = normal_errors(ROWS, seed=first)
        counts = BucketCounts.from_errors(errors / subject.unit)
        changes += subject.add(
            Summary(VERSION, P0, first, first + ROWS, first, first + ROWS - 1, counts)
        )
    assert changes == []


# Ten records a minute.


def trickle(subject: Judge, errors: NDArray[np.float64], timestamps: NDArray) -> list[Change]:
    """One summary for each record, as a slow stream gives them."""
    changes: list[Change] = []
    for offset, (error, timestamp) in enumerate(zip(errors, timestamps.tolist(), strict=True)):
        counts = BucketCounts.from_errors([error / subject.unit])
        changes += subject.add(
            Summary(VERSION, P0, offset, offset + 1, timestamp, timestamp, counts)
        )
    return changes


SLOW = np.concatenate([normal_errors(600, seed=8), normal_errors(300, seed=9, scale=4.0)])
EVERY_6_SECONDS = 1_700_000_000_000 + 6000 * np.arange(len(SLOW))


def test_a_slow_stream_has_a_verdict_every_minute() -> None:
    subject = judge()
    trickle(subject, SLOW[:11], EVERY_6_SECONDS[:11])
    assert subject.verdict.window_records == 11
    trickled = judge(budget=Budget.parse("1 per 30d"))
    assert events(trickle(trickled, SLOW, EVERY_6_SECONDS)) == ["pending", "firing"]


@pytest.mark.parametrize("guard", [0.0, 5.0])
@pytest.mark.parametrize("clock", ["steady", "standing", "unknown", "wild once", "wild at first"])
def test_whatever_the_timestamps_say_a_slow_drift_is_found(clock: str, guard: float) -> None:
    timestamps = {
        "steady": EVERY_6_SECONDS,
        "standing": np.full(len(SLOW), EVERY_6_SECONDS[0]),
        "unknown": np.full(len(SLOW), -1),
    }.get(clock, EVERY_6_SECONDS.copy())
    if clock.startswith("wild"):
        timestamps[300 if clock == "wild once" else 0] = 4_102_444_800_000  # the year 2100
    settings = replace(SETTINGS, guard_seconds=guard, budget=Budget.parse("1 per 30d"))
    subject = Judge(VERSION, Reference.calibrate(normal_errors(5000), ordered=True), settings)
    changes = trickle(subject, SLOW, timestamps)
    assert changes[0].transition.event == "pending"
    assert changes[0].verdict.onset is not None
    assert abs(changes[0].verdict.onset.next_offsets[P0] - 600) <= 64
    # Where time stands still, a guard lasts 32 x 256 records: longer than this stream.
    timeless = clock in ("standing", "unknown") and guard > 0
    assert subject.verdict.state == ("pending" if timeless else "firing")
    assert np.isfinite(subject.verdict.promise.asked)
