"""The judge: every row counted once, drift found and reported once."""

import numpy as np
import pytest

from models.distribution import ErrorDistribution
from monitor.records import Partition, Summary
from tests.monitor.builders import VERSION, judge, normal_errors

P0, P1 = Partition("in", 0), Partition("in", 1)


def summary(
    errors: np.ndarray, first: int, partition: Partition = P0, version: str = VERSION
) -> Summary:
    return Summary(
        model_version=version,
        partition=partition,
        first_offset=first,
        next_offset=first + len(errors),
        first_timestamp=first,
        last_timestamp=first + len(errors),
        errors=ErrorDistribution.from_errors(errors),
    )


def feed(subject, errors: np.ndarray, first: int = 0) -> list:
    changes = []
    for start in range(0, len(errors), 256):
        changes += subject.add(summary(errors[start : start + 256], first + start))
    return changes


def test_a_normal_stream_is_ok_and_alerts_nobody() -> None:
    changes = feed(judge(), normal_errors(100_000))
    assert [change.transition.event for change in changes] == ["ready"]
    assert [change.alert for change in changes] == [None]


def test_a_step_shift_fires_once_and_is_resolved_after_the_window_recovered() -> None:
    subject = judge()
    feed(subject, normal_errors(10_240, seed=1))
    drifted = feed(subject, normal_errors(10_240, seed=2, scale=2.0), first=10_240)
    recovered = feed(subject, normal_errors(10_240, seed=3), first=20_480)
    assert [c.transition.event for c in drifted] == ["pending", "firing"]
    assert [c.transition.event for c in recovered] == ["resolved"]
    firing, resolved = drifted[-1].alert, recovered[-1].alert
    assert firing.episode == resolved.episode
    assert firing.verdict.direction == "larger"
    # A doubling is found after the three confirmations plus a pane or two.
    assert firing.next_offsets[P0] - 10_240 <= 256 * 6


def test_errors_that_shrink_are_drift_too() -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=4))
    changes = feed(subject, normal_errors(5120, seed=5, scale=0.5), first=5120)
    assert changes[-1].alert.verdict.direction == "smaller"


def test_drift_from_the_first_record_on_is_found() -> None:
    changes = feed(judge(), normal_errors(5120, seed=6, scale=3.0))
    assert [c.transition.event for c in changes] == ["ready", "pending", "firing"]


def test_the_same_records_make_the_same_episode() -> None:
    errors = normal_errors(5120, seed=7, scale=3.0)
    assert feed(judge(), errors)[-1].alert.episode == feed(judge(), errors)[-1].alert.episode


def test_offsets_are_counted_once() -> None:
    subject = judge()
    subject.add(summary(np.ones(100), 0))
    assert subject.next_offset(P0) == 100
    assert subject.next_offset(P1) == 0
    with pytest.raises(ValueError, match="counted before"):
        subject.add(summary(np.ones(100), 50))
    assert subject.verdict.window_records == 100


def test_another_models_summary_is_refused() -> None:
    with pytest.raises(ValueError, match="summary of model other"):
        judge().add(summary(np.ones(10), 0, version="other"))


def test_the_verdict_says_what_is_known_before_any_record() -> None:
    verdict = judge().verdict
    assert verdict.state == "learning"
    assert verdict.window_records == 0
    assert verdict.explanation == "no records yet"
