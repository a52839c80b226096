"""The sentence of a verdict agrees with itself, whatever the size of a drift."""

import re

import numpy as np
import pytest

from tests.monitor.builders import feed, judge, normal_errors

FACTORS = [1.3, 1.7, 2.4, 3.3, 7.0, 60.0, 5621.0, 3.0e6]


def sentence(errors: np.ndarray) -> str:
    """Of the verdict that first says `firing`."""
    subject = judge()
    feed(subject, normal_errors(5120, seed=1))
    return feed(subject, errors, first=5120)[-1].alert.verdict.explanation


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("direction", ["larger", "smaller"])
def test_the_size_that_is_named_is_that_of_the_median(factor: float, direction: str) -> None:
    moved = normal_errors(5120, seed=2) * (factor if direction == "larger" else 1 / factor)
    said = sentence(moved)
    found = re.match(r"errors are about ([\d,.]+) times (\w+); the median error is ([\d,.]+)", said)
    if found is None:
        assert direction == "smaller"
        assert said.startswith("errors have collapsed: stuck or blank input?")
        return
    assert found[2] == direction
    times, ratio = (float(found[n].replace(",", "")) for n in (1, 3))
    assert times == pytest.approx(ratio if direction == "larger" else 1 / ratio, rel=0.06)
    assert times == pytest.approx(factor, rel=0.25)


@pytest.mark.parametrize("times", [4, 20, 1000])
def test_the_share_of_bad_records_is_the_one_that_was_measured(times: float) -> None:
    errors = normal_errors(20_480, seed=3)
    errors[::12] *= times
    said = sentence(errors)
    found = re.match(
        r"([\d.]+)% of records are as bad as the worst 1% usually are; the median", said
    )
    assert found is not None, said
    assert 2 < float(found[1]) < 12


def test_where_the_median_stands_no_size_is_named() -> None:
    errors = normal_errors(40_960, seed=4)
    threshold = np.quantile(errors, 0.6)
    said = sentence(np.where(errors > threshold, errors * 3, errors))
    assert not re.search(r"about [\d,.]+ times", said), said


def test_an_interval_without_width_is_not_shown() -> None:
    said = sentence(np.full(5120, 10.43))
    assert not re.search(r"\(([\d,.]+) to \1\)", said), said


@pytest.mark.parametrize("factor", [2.4, 1 / 2.4, 0.0])
def test_an_alert_that_waits_for_its_end_does_not_say_that_errors_are_still_so(
    factor: float,
) -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=1))
    feed(subject, normal_errors(5120, seed=2) * factor, first=5120)
    said = subject.verdict.explanation
    assert re.match(r"errors (are about|have collapsed)", said), said
    assert "; the median error is now" not in said
    for number in range(40):  # until the window holds none of them, and the alert lasts
        feed(subject, normal_errors(64, seed=10 + number), first=10_240 + 64 * number)
    assert subject.verdict.state == "firing"
    back = subject.verdict.explanation
    assert re.match(r"errors (were about|had collapsed)", back), back
    ratio = re.search(r"; the median error is now ([\d.]+)", back)
    assert ratio is not None, back
    assert float(ratio[1]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("factor", FACTORS[:6])
@pytest.mark.parametrize("direction", ["larger", "smaller"])
def test_while_a_drift_lasts_its_words_are_of_the_present(factor: float, direction: str) -> None:
    subject = judge()
    feed(subject, normal_errors(5120, seed=1))
    moved = normal_errors(20_480, seed=2) * (factor if direction == "larger" else 1 / factor)
    for start in range(0, len(moved), 1024):
        feed(subject, moved[start : start + 1024], first=5120 + start)
        said = subject.verdict.explanation
        assert " were " not in said, said
        assert " now " not in said, said
