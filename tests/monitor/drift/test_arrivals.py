"""When records came: what it bounds, and where it decides nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.drift.clock import Clock
from monitor.drift.readings import Readings, Stretches
from monitor.stream.columns import Columns
from tests.monitor import builders
from tests.monitor.builders import normal_errors
from tests.monitor.drift.test_clock import HONEST, HOURLY, RATE, events, given_to, judge
from tests.monitor.drift.wild import START, WrongClock, batches


def test_a_restart_s_catch_up_is_judged_by_timestamps() -> None:
    # What was read before a crash comes again at once: the guard ends at the same record.
    errors = normal_errors(40_000, seed=8)
    errors[24_000:] *= 2
    polls = list(batches(errors, [HONEST], RATE))
    calm, crashed = judge(), judge()
    straight = [change for records in polls for change in given_to(calm, records)]
    for records in polls[:100]:
        given_to(crashed, records)
    late = START + 1000 * 50 + 30_000
    again = [
        change
        for number, records in enumerate(polls[100:])
        for change in given_to(
            crashed,
            replace(records, arrivals=np.maximum(records.arrivals, late + number)),
        )
    ]
    assert events(again) == events(straight) == ["pending", "firing"]
    assert again[1].alert is not None and straight[1].alert is not None
    assert again[1].alert.episode == straight[1].alert.episode
    assert again[1].alert.next_offsets == straight[1].alert.next_offsets


def test_where_timestamps_stand_still_the_time_is_that_of_arrival() -> None:
    subject, still = judge(budget=HOURLY), WrongClock(unit=0.0)
    errors = normal_errors(16_000, seed=9)
    errors[8000:] *= 2
    when = [
        (change.transition.event, float(records.arrivals[0] - START) / 1000)
        for records in batches(errors, [still], RATE)
        for change in given_to(subject, records)
    ]
    (_, pending), (event, fired) = when[:2]
    assert event == "firing" and 5 <= fired - pending <= 8
    assert subject.verdict.promise.asked == pytest.approx(3600 * RATE, rel=0.05)


def test_the_machine_s_own_clock_may_be_set_back() -> None:
    clock, zero = Clock(), np.zeros(1, dtype=np.int64)
    for arrival in (0, 1000, 2000, -3_600_000, -3_599_000, -3_598_000):
        read = Readings(zero, zero, np.array([START]), [START + arrival])
        clock.advance_many([64], [False], read)
    assert clock.arrived == 4.0


def test_records_that_join_others_keep_their_arrivals() -> None:
    some, others = (Columns.of(builders.records([1.0, 2.0], start=at)) for at in (0, 2))
    joined = Columns.joined([some, others.came(START)])
    assert joined.arrivals is not None
    assert joined.arrivals.tolist() == [-1, -1, START, START]
    assert joined.part(1, 3).arrivals.tolist() == [-1, START]
    assert joined.where(np.array([True, False, False, True])).arrivals.tolist() == [-1, START]
    assert Columns.joined([some, others]).arrivals is None


def test_partitions_that_are_not_in_a_run_do_not_matter() -> None:
    def read(partitions: int) -> Clock:
        clock = Clock()
        numbers = np.arange(partitions)
        times = np.full(partitions, START)
        met = Stretches(numbers, times, None, list(range(partitions + 1))).of(0, partitions)
        clock.advance_many([1] * partitions, [False] * partitions, met)
        return clock

    few, many = read(10), read(10_000)
    for clock in (few, many):
        one = Stretches(np.zeros(64, dtype=np.int64), START + np.arange(64), None, [0, 64])
        clock.advance_many([64], [False], one.of(0, 1))
        assert clock.seconds == pytest.approx(0.063)
