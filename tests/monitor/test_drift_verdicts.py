"""Odd streams and odd references, each with the verdict that is meant."""

import numpy as np
import pytest

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.judge import Judge
from monitor.judge_settings import JudgeSettings
from monitor.records import Summary
from tests.monitor.builders import P0, SETTINGS, VERSION, events, feed, judge, normal_errors

RNG = np.random.default_rng(0)


def unordered(**changes: object) -> Judge:
    settings = JudgeSettings(guard_seconds=0, cooldown_seconds=0, **changes)
    return Judge(VERSION, Reference.calibrate(normal_errors(5000, seed=99)), settings)


def timed(subject: Judge, errors: np.ndarray, first: int, seconds: float) -> list:
    """Errors of records that are this far apart, block by block."""
    changes = []
    for start in range(0, len(errors), 64):
        part = errors[start : start + 64]
        at, end = first + start, first + start + len(part)
        counts = BucketCounts.from_errors(part / subject.unit)
        times = (int(1000 * seconds * at), int(1000 * seconds * (end - 1)))
        changes += subject.add(Summary(VERSION, P0, at, end, *times, counts))
    return changes


def test_drift_from_the_first_record_on_is_found() -> None:
    assert events(feed(judge(), normal_errors(2048, seed=6, scale=2.0))) == ["pending", "firing"]


def test_drift_from_the_first_record_on_is_found_while_learning() -> None:
    subject = unordered()
    assert subject.verdict.state == "learning"
    changes = feed(subject, normal_errors(10_000, seed=6, scale=2.0))
    assert events(changes) == ["pending", "firing"]
    assert changes[0].transition.before == "learning"


def test_drift_that_begins_during_learning_is_found_and_learning_goes_on_after_it() -> None:
    subject = unordered()
    feed(subject, normal_errors(5120, seed=7))
    assert events(feed(subject, normal_errors(5120, 8, scale=1.5), first=5120))[-1] == "firing"
    after = feed(subject, normal_errors(30_720, seed=9), first=10_240)
    assert events(after) == ["resolved"]
    assert subject.verdict.state == "learning"
    assert "learning how far records depend" in subject.verdict.explanation


def test_learning_ends_after_100_000_records() -> None:
    changes = feed(unordered(), normal_errors(110_000, seed=10))
    assert events(changes) == ["ready"]
    assert 100_000 <= changes[0].timestamp <= 110_000


@pytest.mark.parametrize(("cooldown", "told"), [(0, ["turned"]), (3600, [])])
def test_a_drift_that_turns_stays_one_episode(cooldown: float, told: list[str]) -> None:
    subject = judge(cooldown_seconds=cooldown)
    feed(subject, normal_errors(5120, seed=11))
    firing = feed(subject, normal_errors(5120, 12, scale=2.0), first=5120)[-1]
    changes = feed(subject, normal_errors(5120, 13, scale=0.5), first=10_240)
    assert events(changes) == told
    assert subject.verdict.state == "firing"
    assert subject.verdict.direction == "smaller"
    assert all(c.alert.episode == firing.alert.episode for c in changes)


def test_drift_that_comes_and_goes_every_few_minutes_is_one_episode() -> None:
    subject = judge(cooldown_seconds=600.0, guard_seconds=5.0)
    seen = timed(subject, normal_errors(6400, 14), 0, 0.1)
    for turn in range(6):  # three minutes of drift, three without
        first = 6400 + 3712 * turn
        scale = 2.0 if turn % 2 == 0 else 1.0
        seen += timed(subject, normal_errors(3712, 15 + turn, scale)[:1856], first, 0.1)
        seen += timed(subject, normal_errors(1856, 35 + turn), first + 1856, 0.1)
    assert events(seen) == ["pending", "firing"]
    quiet = timed(subject, normal_errors(20_480, 50), 6400 + 6 * 3712, 0.1)
    assert events(quiet) == ["resolved"]


def test_a_burst_of_a_second_is_transient() -> None:
    subject = judge(guard_seconds=5.0)
    errors = normal_errors(40_960, seed=16)
    errors[10_000:11_000] *= 5
    assert events(timed(subject, errors, 0, 1 / 400)) == ["pending", "transient"]


@pytest.mark.parametrize(
    ("stream", "direction"),
    [
        (np.full(4096, 1.03), "narrower"),
        (np.zeros(4096), "smaller"),
        (RNG.choice([0.5, 2.0], size=4096), None),
        (np.full(4096, 1e300), "larger"),
        (normal_errors(4096, seed=17) ** 0.6, "narrower"),
    ],
    ids=["constant", "zero", "two values", "beyond every bucket", "narrower"],
)
def test_degenerate_streams_are_drift(stream: np.ndarray, direction: str | None) -> None:
    changes = feed(judge(), stream)
    assert events(changes)[:2] == ["pending", "firing"]
    assert direction is None or changes[1].verdict.direction == direction


@pytest.mark.parametrize("values", [[2.0], [0.0], [1.0, 3.0]], ids=["constant", "zero", "two"])
def test_a_degenerate_reference_can_be_kept_and_left(values: list[float]) -> None:
    drawn = np.random.default_rng(1).choice(values, size=20_000)
    reference = Reference.calibrate(drawn[:5000], ordered=True)
    subject = Judge(VERSION, reference, SETTINGS)
    assert events(feed(subject, drawn[5000:])) == []
    moved = 3 * drawn[:4096] if max(values) else np.full(4096, 0.1)
    assert "firing" in events(feed(subject, moved, first=15_000))


def test_ten_records_a_minute_are_judged_by_time() -> None:
    subject = judge(evaluation_seconds=60.0)
    assert timed(subject, normal_errors(640, seed=18), 0, 6.0) == []
    found = timed(subject, normal_errors(320, 19, scale=4.0), 640, 6.0)
    assert events(found)[:2] == ["pending", "firing"]


@pytest.mark.parametrize("timestamp", [-1, 0, 4_102_444_800_000, -(2**63), 2**63 - 1])
def test_timestamps_that_stand_still_stop_nothing(timestamp: int) -> None:
    subject = judge(guard_seconds=5.0)
    changes = []
    for start in range(0, 20_480, 64):
        errors = normal_errors(64, seed=start, scale=1.0 if start < 5120 else 2.0)
        counts = BucketCounts.from_errors(errors / subject.unit)
        changes += subject.add(
            Summary(VERSION, P0, start, start + 64, timestamp, timestamp, counts)
        )
    assert events(changes) == ["pending", "firing"]


def test_a_reference_too_small_for_any_bet_is_refused() -> None:
    with pytest.raises(ValueError, match="20 errors or more, got 13"):
        Judge(VERSION, Reference.calibrate(normal_errors(13)), SETTINGS)


def test_the_early_signal_is_shown_and_pages_nobody() -> None:
    subject = judge(advisory="adwin", budget=SETTINGS.budget)
    assert subject.verdict.early_signal is False
    feed(subject, normal_errors(20_480, seed=20))
    changes = feed(subject, normal_errors(1024, 21, scale=1.2), first=20_480)
    assert "firing" not in events(changes)
    assert subject.verdict.early_signal is True
