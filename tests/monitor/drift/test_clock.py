"""What producers write into timestamps loosens no guarantee."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.partition_clocks import AHEAD
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.stream.records import Partition
from tests.monitor.builders import SETTINGS, VERSION, normal_errors, reference
from tests.monitor.drift.wild import START, YEAR, WrongClock, batches, clocks

RATE = 400.0
HONEST = WrongClock()
DAY_LATE = WrongClock(offset=-90_000.0)
AT_1970 = WrongClock(begun=True)
YEAR_AHEAD = WrongClock(offset=YEAR)
IN_SECONDS = WrongClock(unit=0.001)
IN_MICROSECONDS = WrongClock(unit=1000.0)
WRONG = [DAY_LATE, AT_1970, YEAR_AHEAD, IN_SECONDS, IN_MICROSECONDS]
HOURLY = Budget.parse("1 per 1h")
STRICT = Budget.parse("1 per 2e8 records")
"""No suspicion by chance."""


def judge(**changes: object) -> Judge:
    usual = {"guard_seconds": 5.0, "cooldown_seconds": 60.0, "budget": STRICT}
    return Judge(VERSION, reference(), replace(SETTINGS, **(usual | changes)))


def given_to(subject: Judge, records: JudgedRecords) -> list[Change]:
    found: list[Change] = []
    subject.watch(records, lambda changes, newest: found.extend(changes))
    return found


def events(changes: list[Change]) -> list[str]:
    return [change.transition.event for change in changes]


MIXTURES = st.lists(clocks(60.0), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(MIXTURES, st.sampled_from([30.0, 400.0, 5000.0]), st.integers(0, 9))
@example(WRONG, RATE, 0)
@example([IN_MICROSECONDS], RATE, 0)
@example([HONEST, WrongClock(jumps=((20.0, 86_000.0), (30.0, -86_000.0)))], RATE, 0)
def test_the_promise_is_never_below_what_the_rate_by_arrival_says(
    mixture: list[WrongClock], rate: float, seed: int
) -> None:
    subject = judge(budget=HOURLY)
    errors = normal_errors(int(min(60 * rate, 24_000)), seed)
    for number, records in enumerate(batches(errors, mixture, rate, seed=seed)):
        given_to(subject, records)
        if number > 1 and subject.evaluations > 1:
            promise = subject.verdict.promise
            # The rate itself is measured, over few records in the beginning.
            assert promise.asked >= 0.95 * 3600 * rate
            assert promise.kept == min(promise.asked, subject.detector.supported)


def burst(seconds: float, rows: int, seed: int) -> np.ndarray:
    """Errors five times as large for some seconds, after 20."""
    errors = normal_errors(rows, seed)
    start = int(20 * RATE)
    errors[start : start + int(seconds * RATE)] *= 5
    return errors


@settings(max_examples=60, deadline=None)
@given(st.lists(clocks(40.0), min_size=1, max_size=4), st.integers(0, 9))
@example(WRONG, 0)
@example([IN_MICROSECONDS], 0)
@example([WrongClock(jumps=((21.0, 700.0),))], 0)
@example([WrongClock(jumps=((5.0, -3000.0), (21.0, 3000.0)))], 0)
@example([HONEST, WrongClock(jumps=((21.0, 86_400.0),))], 0)
@example([WrongClock(jumps=((11.0, 3601.0),))], 0)
def test_a_burst_of_three_seconds_stays_transient(mixture: list[WrongClock], seed: int) -> None:
    subject = judge()
    changes = [
        change
        for records in batches(burst(3.0, 20_000, seed), mixture, RATE, seed=seed)
        for change in given_to(subject, records)
    ]
    assert events(changes) == ["pending", "transient"]


@settings(max_examples=20, deadline=None)
@given(st.lists(clocks(40.0), min_size=1, max_size=4), st.integers(0, 9))
@example(WRONG, 0)
@example([IN_MICROSECONDS], 0)
def test_guard_cooldown_and_daily_cap_last_as_long_as_they_say(
    mixture: list[WrongClock], seed: int
) -> None:
    subject, found = judge(cooldown_seconds=30.0), []
    history = History(Policy(mode="auto", min_records=0, cooldown_seconds=20.0, per_day=2))
    asked: list[float] = []
    errors = burst(15.0, 40_000, seed)
    for number, records in enumerate(batches(errors, mixture, RATE, seed=seed)):
        now = 0.5 * (number + 1)

        def note(changes: list[Change], newest: int, now: float = now) -> None:
            found.extend((change.transition.event, now) for change in changes)
            asked.extend(now for _ in history.note(subject, changes, newest))

        subject.watch(records, note)
    when = dict(found)
    # When a record came is known to a poll, half a second; and there is a second in hand.
    assert when["firing"] - when["pending"] >= 5 - 1 - 0.5
    if "resolved" in when:
        assert when["resolved"] - when["firing"] >= 30 - 1 - 0.5
    assert len(asked) <= 2
    assert all(later - earlier >= 20.0 for earlier, later in pairwise(asked))


@pytest.mark.parametrize("wrong", WRONG, ids=["late", "1970", "ahead", "seconds", "microseconds"])
def test_one_wrong_clock_of_eight_takes_no_time_from_drift(wrong: WrongClock) -> None:
    errors = normal_errors(24_000, seed=3)
    errors[12_000:] *= 2
    stories = []
    for last in (HONEST, wrong):
        subject = judge(budget=HOURLY)
        stories.append(
            [
                (change.transition.event, int(records.arrivals[0]))
                for records in batches(errors, [HONEST] * 7 + [last], RATE)
                for change in given_to(subject, records)
            ]
        )
    (right, wronged) = stories
    assert [event for event, _ in right] == [event for event, _ in wronged]
    for (_, earlier), (_, later) in zip(right, wronged, strict=True):
        assert abs(later - earlier) <= 1500


def catch_up(apart: float, chunk: int) -> Judge:
    """Two partitions, read by turns, faster than they were written."""
    subject = judge(budget=HOURLY)
    errors = normal_errors(60_000, seed=4)
    errors[40_000:] *= 1.5
    at = [0, 0]
    for number, start in enumerate(range(0, errors.size, chunk)):
        part, p = errors[start : start + chunk], number % 2
        offsets = at[p] + np.arange(part.size)
        at[p] += part.size
        given_to(
            subject,
            JudgedRecords(
                VERSION,
                (Partition("in", 0), Partition("in", 1)),
                np.full(part.size, p),
                offsets,
                offsets + 1,
                START - int(1000 * apart * p) + 50 * offsets,  # 20 a second
                np.ones(part.size, dtype=np.int64),
                part,
                np.full(part.size, START + 10**9 + 20 * number),
            ),
        )
    return subject


@pytest.mark.parametrize("chunk", [100, 500, 30_000])
def test_a_hand_over_between_partitions_25_hours_apart_changes_nothing(chunk: int) -> None:
    near, far = catch_up(0.0, chunk), catch_up(90_000.0, chunk)
    assert far.evaluations == near.evaluations
    assert far.verdict.statistic == near.verdict.statistic
    assert far.verdict.state == near.verdict.state
    assert far.verdict.promise == near.verdict.promise
    assert far.episode == near.episode
    assert far.wild_clocks == {}
    # Read one whole after the other, they may be taken for two stretches of time.
    assert near.place.seconds - 60 <= far.place.seconds <= 2 * near.place.seconds + 60


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [(YEAR_AHEAD, "ahead"), (AT_1970, "behind"), (IN_SECONDS, "behind"),
     (IN_MICROSECONDS, "ahead"),
     (WrongClock(jumps=((20.0, -90_000.0),)), "set_back")],
)  # fmt: skip
def test_a_wild_clock_is_told_by_partition_and_no_longer_once_it_is_right(
    wrong: WrongClock, reason: str
) -> None:
    subject = judge()
    for records in batches(normal_errors(12_000, seed=5), [HONEST, wrong], RATE):
        given_to(subject, records)
    assert {p: wild.reason for p, wild in subject.wild_clocks.items()} == {
        Partition("in", 1): reason
    }
    if reason != "set_back":
        assert abs(subject.wild_clocks[Partition("in", 1)].offset_seconds) > AHEAD / 1000
    repaired = judge()
    repaired.restore(decode(encode(subject.state())))
    assert repaired.wild_clocks == subject.wild_clocks


def test_a_clock_that_was_repaired_is_believed_again() -> None:
    subject = judge()
    ahead = WrongClock(jumps=((0.0, YEAR), (10.0, -YEAR)))
    seen = set()
    for records in batches(normal_errors(90_000, seed=6), [HONEST, ahead], RATE):
        given_to(subject, records)
        seen |= {wild.reason for wild in subject.wild_clocks.values()}
    assert "ahead" in seen
    assert subject.wild_clocks == {}


@settings(max_examples=40, deadline=None)
@given(st.lists(clocks(20.0), min_size=1, max_size=4), st.data())
def test_however_records_come_in_batches_the_memory_is_the_same(
    mixture: list[WrongClock], data: st.DataObject
) -> None:
    whole, parted = judge(budget=HOURLY), judge(budget=HOURLY)
    for records in batches(burst(3.0, 10_000, 7), mixture, 2000.0, every=3.0):
        given_to(whole, records)
        cut = data.draw(st.integers(0, len(records)))
        for wanted in (np.arange(len(records)) < cut, np.arange(len(records)) >= cut):
            given_to(parted, records.where(wanted))
        if data.draw(st.booleans()):
            twin = judge(budget=HOURLY)
            twin.restore(decode(encode(parted.state())))
            parted = twin
    assert encode(parted.state()) == encode(whole.state())
