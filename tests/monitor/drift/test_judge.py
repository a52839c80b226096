"""The judge: every row counted once, drift found and reported once."""

import math

import numpy as np
import pytest

from tests.monitor.builders import P0, P1, VERSION, events, feed, judge, normal_errors, summary


def test_a_normal_stream_is_ok_and_alerts_nobody() -> None:
    subject = judge()
    assert feed(subject, normal_errors(200_000)) == []
    assert subject.verdict.state == "ok"
    assert subject.verdict.direction == "none"


def test_a_step_shift_fires_once_and_is_resolved_after_the_stream_recovered() -> None:
    subject = judge()
    feed(subject, normal_errors(10_240, seed=1))
    drifted = feed(subject, normal_errors(10_240, seed=2, scale=2.0), first=10_240)
    recovered = feed(subject, normal_errors(20_480, seed=3), first=20_480)
    assert events(drifted) == ["pending", "firing"]
    assert events(recovered) == ["resolved"]
    firing, resolved = drifted[-1].alert, recovered[-1].alert
    assert firing.episode == resolved.episode
    assert firing.verdict.direction == "larger"
    assert firing.next_offsets[P0] - 10_240 <= 256


def test_the_alert_says_what_drifted_since_when_and_by_how_much() -> None:
    subject = judge()
    feed(subject, normal_errors(10_240, seed=1))
    verdict = feed(subject, normal_errors(2048, seed=2, scale=2.0), first=10_240)[-1].verdict
    assert "times" in verdict.explanation
    assert abs(verdict.onset.next_offsets[P0] - 10_240) <= 64
    assert abs(verdict.onset.timestamp - 10_240) <= 64
    assert verdict.ratio.low < 2.0 < verdict.ratio.high
    assert verdict.ratio.low < verdict.ratio.value < verdict.ratio.high
    assert verdict.statistic >= verdict.threshold == pytest.approx(2.0)


def test_errors_that_shrink_are_drift_too() -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=4))
    changes = feed(subject, normal_errors(5120, seed=5, scale=0.5), first=5120)
    assert changes[-1].alert.verdict.direction == "smaller"


def test_errors_that_scatter_more_are_called_wider() -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=4))
    changes = feed(subject, normal_errors(5120, seed=5) ** 1.6, first=5120)
    assert changes[-1].alert.verdict.direction == "wider"


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
    assert verdict.state == "ok"
    assert verdict.window_records == 0
    assert math.isnan(verdict.ratio.value)
    assert verdict.explanation == "no drift"
    assert verdict.promise.asked == verdict.promise.kept == 1e6


def test_a_verdict_names_the_model_version_in_its_alert() -> None:
    changes = feed(judge(), normal_errors(5120, seed=7, scale=3.0))
    assert changes[-1].alert.model_version == VERSION


def test_the_early_signal_is_shown_and_pages_nobody() -> None:
    subject = judge(advisory="adwin")
    assert subject.verdict.early_signal is False
    feed(subject, normal_errors(20_480, seed=20))
    changes = feed(subject, normal_errors(1024, 21, scale=1.2), first=20_480)
    assert "firing" not in events(changes)
    assert subject.verdict.early_signal is True
