"""Named drifts and what the judge must make of each."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.drift.judge import Change, Judge
from monitor.stream.records import Summary
from tests.monitor.builders import P0, SETTINGS, VERSION, events, feed, judge, normal_errors

DEFAULT_GUARD, DEFAULT_COOLDOWN = 5.0, 600.0
Errors = NDArray[np.float64]


def learning_judge() -> Judge:
    """A judge whose calibration errors had no known order."""
    return Judge(VERSION, Reference.calibrate(normal_errors(5000, seed=99)), SETTINGS)


def judge_of(calibration: Errors) -> Judge:
    return Judge(VERSION, Reference.calibrate(calibration, ordered=True), SETTINGS)


def feed_at(subject: Judge, errors: Errors, rows_per_second: float, first: int = 0) -> list[Change]:
    """Errors of consecutive records at a steady rate."""
    changes: list[Change] = []
    for start in range(first, first + len(errors), 64):
        part = errors[start - first : start - first + 64]
        end = start + len(part)
        changes += subject.add(
            Summary(
                VERSION,
                P0,
                start,
                end,
                int(1000 * start / rows_per_second),
                int(1000 * (end - 1) / rows_per_second),
                BucketCounts.from_errors(part / subject.unit),
            )
        )
    return changes


def alternating(phases: int, rows: int, scale: float) -> Errors:
    """Normal and drifted errors by turns, normal first."""
    scales: Sequence[float] = [1.0, scale] * (phases // 2)
    parts = [normal_errors(rows, seed=70 + i, scale=s) for i, s in enumerate(scales)]
    return np.concatenate(parts)


# From the start, and while learning.


def test_drift_from_the_first_record_fires_within_a_few_blocks() -> None:
    changes = feed(judge(), normal_errors(5120, seed=1, scale=2.0))
    assert events(changes) == ["pending", "firing"]
    assert changes[-1].alert.next_offsets[P0] <= 512
    assert changes[-1].verdict.direction == "larger"


def test_drift_from_the_first_record_fires_from_learning() -> None:
    subject = learning_judge()
    assert subject.verdict.state == "learning"
    changes = feed(subject, normal_errors(20_000, seed=2, scale=2.0))
    assert events(changes) == ["pending", "firing"]
    assert changes[0].transition.before == "learning"
    assert changes[-1].alert.next_offsets[P0] <= 10_000


def test_drift_that_begins_during_learning_fires_and_its_onset_is_known() -> None:
    subject = learning_judge()
    assert feed(subject, normal_errors(5056, seed=3)) == []
    assert subject.verdict.state == "learning"
    changes = feed(subject, normal_errors(5056, seed=4, scale=2.0), first=5056)
    assert events(changes) == ["pending", "firing"]
    assert changes[-1].alert.next_offsets[P0] - 5056 <= 1024
    assert abs(changes[-1].verdict.onset.next_offsets[P0] - 5056) <= 128


def test_learning_ends_after_100_000_records() -> None:
    changes = feed(learning_judge(), normal_errors(110_000, seed=10))
    assert events(changes) == ["ready"]
    assert 100_000 <= changes[0].timestamp <= 110_000


def test_what_is_seen_of_a_drift_while_learning_is_not_learned_as_dependence() -> None:
    calm, disturbed = learning_judge(), learning_judge()
    feed(calm, normal_errors(120_000, seed=5))
    feed(disturbed, normal_errors(5120, seed=5))
    feed(disturbed, normal_errors(5120, seed=6, scale=2.0), first=5120)
    feed(disturbed, normal_errors(140_000, seed=7), first=10_240)
    assert disturbed.verdict.state == calm.verdict.state == "ok"
    assert disturbed.verdict.promise.dependence <= 1.2 * calm.verdict.promise.dependence


# Drifts that change.


def firing_judge(**changes: object) -> Judge:
    """Firing since errors doubled at record 5,120; 10,240 records counted."""
    subject = judge(**changes)
    feed(subject, normal_errors(5120, seed=8))
    feed(subject, normal_errors(5120, seed=9, scale=2.0), first=5120)
    assert subject.verdict.state == "firing"
    assert subject.verdict.direction == "larger"
    return subject


def test_a_drift_that_turns_stays_one_episode_and_says_so() -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=8))
    fired = feed(subject, normal_errors(5120, seed=9, scale=2.0), first=5120)[-1]
    turned = feed(subject, normal_errors(5120, seed=10, scale=0.5), first=10_240)
    assert events(turned) == ["turned"]
    assert turned[0].alert.episode == fired.alert.episode
    assert turned[0].verdict.direction == subject.verdict.direction == "smaller"
    assert turned[0].alert.next_offsets[P0] - 10_240 <= 1024
    assert abs(turned[0].verdict.onset.next_offsets[P0] - 10_240) <= 128


def test_within_the_cooldown_a_turn_shows_in_the_verdict_only() -> None:
    subject = firing_judge(cooldown_seconds=DEFAULT_COOLDOWN)
    assert feed(subject, normal_errors(5120, seed=10, scale=0.5), first=10_240) == []
    assert subject.verdict.state == "firing"
    assert subject.verdict.direction == "smaller"


def test_a_drift_that_grows_is_no_turn() -> None:
    subject = firing_judge()
    assert feed(subject, normal_errors(5120, seed=10, scale=4.0), first=10_240) == []
    assert subject.verdict.direction == "larger"
    assert abs(subject.verdict.onset.next_offsets[P0] - 5120) <= 128


def test_a_drift_that_lasts_never_turns() -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=9))
    changes = feed(subject, normal_errors(120_000, seed=901, scale=1.5), first=5120)
    assert events(changes) == ["pending", "firing"]


def test_drift_that_comes_and_goes_every_four_minutes_fires_once() -> None:
    # 400 records a second: a phase of 96,000 records lasts 240 s, less than the cooldown.
    subject = judge(guard_seconds=DEFAULT_GUARD, cooldown_seconds=DEFAULT_COOLDOWN)
    changes = feed_at(subject, alternating(8, 96_000, scale=2.0), rows_per_second=400)
    assert events(changes) == ["pending", "firing"]
    assert subject.verdict.state == "firing"
    quiet = feed_at(subject, normal_errors(320_000, seed=90), 400, first=8 * 96_000)
    assert events(quiet) == ["resolved"]


def test_without_a_cooldown_each_return_is_an_episode_of_its_own() -> None:
    subject = judge(guard_seconds=DEFAULT_GUARD, cooldown_seconds=0)
    changes = feed_at(subject, alternating(6, 96_000, scale=2.0), rows_per_second=400)
    assert events(changes) == [*["pending", "firing", "resolved"] * 2, "pending", "firing"]
    episodes = [c.alert.episode for c in changes if c.transition.event == "firing"]
    assert len(set(episodes)) == 3


def test_a_burst_shorter_than_the_guard_is_transient() -> None:
    subject = judge(guard_seconds=DEFAULT_GUARD)
    stream = normal_errors(40_000, seed=11)
    stream[20_000:21_000] *= 5
    changes = feed_at(subject, stream, rows_per_second=400)
    assert events(changes) == ["pending", "transient"]
    assert all(change.alert is None for change in changes)
    assert subject.verdict.state == "ok"


def test_a_burst_that_outlasts_the_guard_fires() -> None:
    subject = judge(guard_seconds=DEFAULT_GUARD)
    stream = normal_errors(40_000, seed=11)
    stream[20_000:24_000] *= 5
    assert events(feed_at(subject, stream, rows_per_second=400))[:2] == ["pending", "firing"]


# Streams that are broken.

DEGENERATE = {
    "stuck at the reference's median": np.full(5120, 1.0),
    "stuck at a small error": np.full(5120, 1e-3),
    "stuck at zero": np.zeros(5120),
    "two values only": np.where(np.arange(5120) % 2, 0.4, 2.5),
    "beyond every bucket": np.full(5120, 1e300),
    "below every bucket": np.full(5120, 1e-300),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_a_broken_stream_fires(name: str) -> None:
    subject = judge()
    assert feed(subject, normal_errors(5120, seed=12)) == []
    changes = feed(subject, DEGENERATE[name], first=5120)
    assert events(changes) == ["pending", "firing"]
    assert changes[-1].alert.next_offsets[P0] - 5120 <= 1024


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("stuck at the reference's median", "narrower"),
        ("stuck at zero", "smaller"),
        ("beyond every bucket", "larger"),
    ],
)
def test_a_broken_stream_is_called_by_its_name(name: str, direction: str) -> None:
    assert feed(judge(), DEGENERATE[name])[-1].verdict.direction == direction


@pytest.mark.parametrize("power", [0.7, 0.5])
def test_errors_that_gather_around_the_middle_are_called_narrower(power: float) -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=13))
    changes = feed(subject, normal_errors(10_240, seed=14) ** power, first=5120)
    assert events(changes) == ["pending", "firing"]
    assert subject.verdict.direction == "narrower"


# References that are broken.

TWO_VALUES = np.random.default_rng(15).choice([1.0, 3.0], size=20_000)
REFERENCES = {
    "constant": np.full(5000, 0.25),
    "two values": TWO_VALUES[:5000],
    "nearly always zero": np.where(np.arange(5000) % 100, 0.0, 1.0),
}
STREAMS = {
    "constant": np.full(15_000, 0.25),
    "two values": TWO_VALUES[5000:],
    "nearly always zero": np.where(np.arange(15_000) % 100, 0.0, 1.0),
}


@pytest.mark.parametrize("name", ["constant", "two values", "nearly always zero"])
def test_a_stream_like_a_degenerate_reference_is_no_drift(name: str) -> None:
    subject = judge_of(REFERENCES[name])
    assert feed(subject, STREAMS[name]) == []


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("name", ["constant", "two values"])
def test_twice_or_half_a_degenerate_reference_is_drift(name: str, factor: float) -> None:
    changes = feed(judge_of(REFERENCES[name]), factor * STREAMS[name])
    assert events(changes) == ["pending", "firing"]


@pytest.mark.parametrize("name", ["constant", "two values"])
def test_a_degenerate_reference_may_be_off_by_the_tolerance(name: str) -> None:
    for factor in (1.04, 1 / 1.04):
        assert feed(judge_of(REFERENCES[name]), factor * STREAMS[name]) == []


def test_with_a_reference_of_zeros_any_positive_error_is_drift() -> None:
    assert feed(judge_of(np.zeros(5000)), np.zeros(15_000)) == []
    for error in (1e-6, 0.1, 1e300):
        changes = feed(judge_of(np.zeros(5000)), np.full(2048, error))
        assert events(changes) == ["pending", "firing"]
        assert changes[-1].verdict.direction == "larger"


@pytest.mark.parametrize("rows", [64, 127, 128, 1024])
def test_whatever_the_size_of_a_block_the_evidence_stays_finite(rows: int) -> None:
    subject = Judge(VERSION, Reference.calibrate(np.full(20_000, 0.25), ordered=True), SETTINGS)
    for start in range(0, 8 * rows, rows):
        feed(subject, np.full(rows, 2.5), first=start, rows=rows)
        assert np.isfinite(subject.verdict.statistic)


@pytest.mark.parametrize("count", [1, 2, 13])
def test_too_few_calibration_records_are_refused_in_words(count: int) -> None:
    with pytest.raises(ValueError, match=rf"20 errors or more, got {count}"):
        judge_of(normal_errors(count))
