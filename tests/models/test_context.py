"""A context: what is usual by the hour, kept only where held-out days say that it helps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from models.context import CELLS, STEP, cells_of
from models.context_fit import fit_context
from models.context_folds import Folds, curve
from models.context_report import picture, words
from models.context_shapes import Shape
from models.errors import CalibrationError
from models.reference import Reference
from tests.models.swinging import DAY, MONDAY, swing, swinging, times

FRESH = times(20_000, 10, first=20)
"""Moments after all calibration."""


def kept(errors, moments):
    return fit_context(errors, moments, "auto")[0] is not None


def by_hour(errors, moments):
    """The median error of each hour of the day, (24,)."""
    hours = moments // 3_600_000 % 24
    return np.array([np.median(errors[hours == hour]) for hour in range(24)])


@pytest.mark.parametrize("amplitude", [0.1, 0.2, 0.5])
def test_adjusted_errors_of_a_pure_swing_are_free_of_it(amplitude):
    errors, moments = swinging(amplitude, n=4000, spread=0.05)
    context, check = fit_context(errors, moments, "auto")
    pure = swing(FRESH, amplitude)
    adjusted = context.adjusted(pure, FRESH)
    assert np.ptp(np.log(pure)) == pytest.approx(2 * np.log1p(amplitude), rel=1e-3)
    assert np.ptp(np.log(adjusted)) < 0.03
    assert check["swing"] == pytest.approx((1 + amplitude) ** 2 - 1, abs=0.03)


@pytest.mark.parametrize("amplitude", [0.2, 0.5])
def test_the_held_out_check_says_yes_to_a_swing(amplitude):
    assert all(kept(*swinging(amplitude, n=4000, seed=seed)) for seed in range(5))


def test_the_held_out_check_says_no_without_a_cycle():
    assert sum(kept(*swinging(0.0, seed=seed)) for seed in range(20)) <= 1


def test_neighbours_that_depend_on_each_other_are_no_cycle():
    def slow(seed):
        noise = np.random.default_rng(seed).standard_normal(2000)
        return np.exp(0.1 * lfilter([1.0], [1.0, -0.99], noise)), times(2000, 10)

    assert sum(kept(*slow(seed)) for seed in range(10)) <= 1


def test_quiet_weekends_take_the_hour_of_the_week():
    errors, moments = swinging(0.1, n=6000, days=56, spread=0.2)
    weekend = (moments - MONDAY) // DAY % 7 >= 5
    context, check = fit_context(np.where(weekend, 0.5, 1.0) * errors, moments, "auto")
    assert context.kind == check["kind"] == "week"
    assert fit_context(errors, moments, "auto")[0].kind == "hour"
    adjusted = context.adjusted(np.where(weekend, 0.5, 1.0) * errors, moments)
    ratio = np.median(adjusted[weekend]) / np.median(adjusted[~weekend])
    assert ratio == pytest.approx(1, abs=0.1)


def test_a_spread_that_swings_is_evened_out():
    moments = times(8000, 10)
    noise = np.random.default_rng(0).standard_normal(8000)
    spread = 0.3 * np.exp(0.7 * np.sin(2 * np.pi * moments / DAY))
    context, check = fit_context(np.exp(spread * noise), moments, "auto")
    if context is None:  # the median alone does not swing
        context, check = fit_context(np.exp(spread * noise), moments, "hour")
    assert check["spread"]
    adjusted = np.log(context.adjusted(np.exp(spread * noise), moments))
    morning, evening = (
        adjusted[np.abs(moments % DAY - DAY * at) < DAY / 12] for at in (0.25, 0.75)
    )
    assert morning.std() / evening.std() == pytest.approx(1, abs=0.2)


def test_the_reference_is_of_errors_that_no_function_has_seen():
    errors, moments = swinging(0.2, n=4000, days=8)
    folds = Folds.of(moments, DAY)
    last = folds.fold == folds.count - 1
    shape, cells = Shape(2, 0, 0.0005), cells_of(moments)
    y = np.log(errors)
    other = np.where(last, y + np.sin(2 * np.pi * moments / DAY), y)
    one, two = (curve(each, cells, folds, 0.5, shape) for each in (y, other))
    assert np.array_equal(one.held_out[-1], two.held_out[-1])
    assert not np.allclose(one.whole, two.whole)


def test_stretches_are_whole_days_one_after_the_other():
    folds = Folds.of(times(700, 7), DAY)
    assert folds.units == 7
    assert folds.count == 5
    assert (np.diff(folds.fold) >= 0).all()
    assert all(len(set(folds.fold[folds.unit == day])) == 1 for day in range(7))


def test_what_is_asked_for_is_kept_and_said_to_be_no_help():
    errors, moments = swinging(0.0)
    context, check = fit_context(errors, moments, "hour")
    assert context.kind == "hour"
    assert "finds no help" in words(check)


def test_a_swing_that_is_hardly_known_stays():
    moments = times(4000, 80)
    noise = np.random.default_rng(0).standard_normal(4000)
    slow = lfilter([1.0], [1.0, -0.97], 0.25 * noise)
    errors = swing(moments, 3.0) * np.exp(slow)
    context, check = fit_context(errors, moments, "auto")
    assert check["hour"]["helps"]
    assert context is None
    assert "known only to within" in words(check)
    assert fit_context(errors, moments, "hour")[0] is not None


def test_three_days_tell_nothing():
    errors, moments = swinging(0.5, days=3)
    context, check = fit_context(errors, moments, "auto")
    assert context is None
    assert "4 days" in words(check)
    with pytest.raises(CalibrationError, match="4 days"):
        fit_context(errors, moments, "hour")
    with pytest.raises(CalibrationError, match="4 weeks"):
        fit_context(*swinging(0.5, days=10), "week")


def test_the_swing_is_known_to_a_share_that_shrinks_with_the_records():
    def known_to(n):
        each = [fit_context(*swinging(0.3, n=n, seed=s), "hour")[1]["known_to"] for s in range(3)]
        return np.mean(each)

    assert known_to(1000) > 2 * known_to(16_000)
    assert known_to(16_000) < 0.05


def test_hours_without_calibration_records_are_not_made_up():
    errors, moments = swinging(0.3, n=6000)
    day = np.abs(moments % DAY - DAY // 2) < DAY // 6
    context, _ = fit_context(errors[day], moments[day], "hour")
    seen = context.level[np.unique(cells_of(moments[day]))]
    assert context.level.max() == seen.max()
    assert context.level.min() == seen.min()


@pytest.fixture(scope="module")
def context():
    return fit_context(*swinging(0.5), "hour")[0]


@given(error=st.floats(0, 1e300), moment=st.integers(-(2**52), 2**52))
def test_every_error_at_every_time_stays_finite(context, error, moment):
    (adjusted,) = context.adjusted(np.array([error]), np.array([moment]))
    assert 0 <= adjusted < np.inf
    assert (adjusted == 0) == (error == 0) or adjusted < 1e-300


def test_the_week_begins_on_monday():
    assert cells_of(np.array([MONDAY, MONDAY + STEP, MONDAY + 7 * DAY - 1])).tolist() == [
        0,
        1,
        CELLS - 1,
    ]


def test_the_threshold_does_not_know_the_hour():
    errors, moments = swinging(0.5)
    context, _ = fit_context(errors, moments, "auto")
    usual = Reference.calibrate(errors, ordered=True)
    judged = context.reference(usual)
    assert judged.threshold == usual.threshold
    assert judged.ordered
    assert judged.log_spread < usual.log_spread


def test_the_picture_is_a_png():
    errors, moments = swinging(0.5)
    context, _ = fit_context(errors, moments, "auto")
    assert picture(context, errors, moments).startswith(b"\x89PNG")
