"""Channel contexts: which channels swing by the hour, and what their values are without that."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.channel_context import TENSORS, ChannelContext
from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.context import CELLS, DAY_CELLS, STEP
from tests.models.swinging import DAY, MONDAY, times

N = 4000
FRESH = MONDAY + 40 * DAY + np.arange(2000) * DAY // 2000
"""Of a day that was not fitted."""


def noise(channels, n=N, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, n)).astype(np.float32)


def wave(moments, amplitude, at=0.25):
    """Most at this share of the day."""
    return (amplitude * np.cos(2 * np.pi * (moments / DAY - at))).astype(np.float32)


def fitted(values, moments=None, weekly=True):
    """The context, the values without it, and what was found."""
    when = times(values.shape[1], 14) if moments is None else moments
    rows = np.arange(when.size)
    sample, kept = sampled(when, weekly, (values, rows), (values, rows))
    found = fit_channels(sample, kept, [f"c{i}" for i in range(len(values))])
    return found.context, found.values, found.check


def adjusted(context, values, moments):
    """Values (C, n) as at a usual time, without those as they came."""
    return context.adjusted(values.T.copy(), moments)[:, : len(values)].T


def test_channels_that_swing_are_found_and_no_others():
    values = noise(12)
    values[2] += wave(times(N, 14), 0.5)
    values[7] = 1e6 + 1e3 * (values[7] + wave(times(N, 14), 1.0, at=0.5))
    context, _, check = fitted(values)
    assert context.kept.tolist() == [2, 7]
    assert context.kind == "hour"
    assert len(context.gain) == DAY_CELLS
    assert [each["channel"] for each in check["most"]] == ["c7", "c2"]
    assert check["most"][0]["swing"] == pytest.approx(2.0, abs=0.2)
    assert check["most"][0]["most"].startswith(("11", "12"))
    assert (check["watched"], check["swing"], check["unknown"]) == (12, 2, 0)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e5])
def test_adjusted_values_are_free_of_the_swing_whatever_the_unit(unit):
    values = unit * (3 + noise(2) + wave(times(N, 14), 1.0))
    context, _, _ = fitted(values)
    pure = np.tile(unit * (3 + wave(FRESH, 1.0)), (2, 1)).astype(np.float32)
    left = adjusted(context, pure, FRESH)
    assert np.ptp(left, axis=1) / unit == pytest.approx(0, abs=0.25)
    assert left.mean() / unit == pytest.approx(3, abs=0.1)


def test_of_independent_channels_none_swings():
    found = [fitted(noise(40, seed=seed))[2]["swing"] for seed in range(8)]
    assert sum(found) <= 1


def test_of_slow_channels_none_swings():
    values = noise(20)
    for i in range(1, N):
        values[:, i] += 0.95 * values[:, i - 1]
    assert fitted(values)[0] is None


def test_a_spread_that_swings_is_evened_out():
    when = times(N, 14)
    values = noise(3)
    values[1] *= np.exp(wave(when, 0.6))
    context, _, check = fitted(values)
    assert context.kept.tolist() == [1]
    assert check["most"][0]["swing"] == 0
    assert check["most"][0]["spread"] == pytest.approx(np.expm1(1.2), rel=0.2)
    fresh = noise(3, FRESH.size, seed=1)
    fresh[1] *= np.exp(wave(FRESH, 0.6))
    made = adjusted(context, fresh, FRESH)
    by_hour = [made[1, np.abs(FRESH % DAY - DAY * at) < DAY / 8].std() for at in (0.25, 0.75)]
    assert by_hour[0] == pytest.approx(by_hour[1], rel=0.25)
    assert np.array_equal(made[[0, 2]], fresh[[0, 2]])


def test_weekends_take_a_table_of_the_week():
    when = times(8000, 42)
    weekend = (when - MONDAY) // DAY % 7 >= 5
    values = noise(2, 8000)
    values[0] += np.where(weekend, 2.0, 0.0).astype(np.float32)
    context, _, _ = fitted(values, when)
    assert context.kind == "week"
    assert len(context.gain) == CELLS
    made = adjusted(context, values, when)[0]
    assert made[weekend].mean() == pytest.approx(made[~weekend].mean(), abs=0.3)
    assert fitted(values, when, weekly=False)[0] is None


def test_a_shift_that_begins_at_once_is_followed_by_steps():
    when = times(20_000, 14)
    working = (when % DAY >= DAY / 3) & (when % DAY < DAY * 17 / 24)
    values = noise(2, 20_000)
    values[0] += np.where(working, 1.0, 0.0).astype(np.float32)
    context, _, _ = fitted(values, when)
    edges = MONDAY + 40 * DAY + np.array([DAY // 3 - STEP, DAY // 3])
    made = adjusted(context, np.array([[0.0, 1.0]] * 2, np.float32), edges)[0]
    assert made[0] == pytest.approx(made[1], abs=0.3)


def test_channels_of_few_values_are_judged_as_they_are():
    when = times(N, 14)
    switch = np.random.default_rng(0).random((1, N)) < 0.3
    values = np.concatenate([switch.astype(np.float32), np.ones((1, N), np.float32), noise(1)])
    values[2] += wave(when, 1.0)
    context, kept, check = fitted(values)
    assert context.kept.tolist() == [2]
    assert check["left_out"] == 0
    assert np.array_equal(kept[:2], values[:2])


@pytest.mark.parametrize(("step", "left_out"), [(0.25, 0), (1.0, 1)])
def test_a_sensor_with_steps_is_judged_by_the_hour_unless_they_are_coarse(step, left_out):
    values = noise(2) + wave(times(N, 14), 1.5)
    values[1] = np.round(values[1] / step) * step
    context, _, check = fitted(values)
    assert check["left_out"] == left_out
    assert context.kept.tolist() == [0, 1][: 2 - left_out]


def test_values_that_come_more_often_at_some_hours_are_left_out():
    when = times(N, 14)
    day = np.random.default_rng(0).random((1, N)) < 0.5 + 0.4 * wave(when, 1.0)
    context, kept, check = fitted(np.concatenate([noise(1), day.astype(np.float32)]))
    assert context is None
    assert check["first_left_out"] == ["c1"]
    assert np.array_equal(kept, noise(1))


def test_a_channel_whose_shape_swings_is_left_out_and_told():
    when = times(8000, 14)
    made = noise(3, 8000)
    skewed = np.exp(made[1]) - 1
    made[1] = np.where(wave(when, 1.0) > 0, skewed, -skewed)
    context, kept, check = fitted(made, when)
    assert check["first_left_out"] == ["c1"]
    assert (check["watched"], check["left_out"]) == (2, 1)
    assert len(kept) == 2
    assert context is None or 1 not in context.kept[1:]


def test_a_swing_that_is_hardly_known_is_left_out_and_told():
    when = times(400, 14)
    values = np.concatenate([noise(1, 400) + wave(when, 1.5), noise(1, 400, seed=3)])
    context, kept, check = fitted(values, when)
    assert context is None
    assert (check["unknown"], check["first_left_out"]) == (1, ["c0"])
    assert np.array_equal(kept, values[1:])


def test_too_few_days_tell_nothing():
    values = noise(2, 900)
    rows = np.arange(900)
    assert sampled(times(900, 3), True, (values, rows), (values, rows)) == ()


def test_calibration_values_look_no_better_than_those_to_come():
    when = times(N, 14)
    values = noise(30) + wave(when, 1.0)
    context, kept, _ = fitted(values)
    fresh = noise(30, FRESH.size, seed=9) + wave(FRESH, 1.0)
    to_come = adjusted(context, fresh, FRESH).std(axis=1).mean()
    assert kept.std(axis=1).mean() == pytest.approx(to_come, rel=0.03)


@pytest.fixture(scope="module")
def known():
    values = noise(4) + wave(times(N, 14), 1.0)
    values[1] = noise(1)[0]
    return fitted(values)[0]


def test_values_as_they_came_stand_beside(known):
    rows = noise(4, 50).T.copy()
    made = known.adjusted(rows, FRESH[:50])
    assert made.shape == (50, 7)
    assert np.array_equal(made[:, 4:], rows[:, [0, 2, 3]])
    assert np.array_equal(made[:, 1], rows[:, 1])
    assert made.dtype == np.float32


def test_without_a_time_values_stay_as_they_are(known):
    rows = noise(4, 4).T.copy()
    made = known.adjusted(rows, np.array([-1, FRESH[0], -1, FRESH[900]]))
    assert np.array_equal(made[[0, 2], :4], rows[[0, 2]])
    assert not np.array_equal(made[[1, 3], :4], rows[[1, 3]])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-5, 3 * 10**12), min_size=1, max_size=30), st.integers(0, 30))
def test_batches_change_nothing(moments, cut):
    context = ChannelContext(
        np.array([1]),
        np.linspace(0.5, 2, DAY_CELLS, dtype=np.float32)[:, None],
        np.linspace(-1, 1, DAY_CELLS, dtype=np.float32)[:, None],
        np.array([[0.0, 1.0]]),
    )
    when, rows = np.array(moments), noise(2, len(moments)).T.copy()
    whole = context.adjusted(rows, when)
    parts = [context.adjusted(rows[p], when[p]) for p in (slice(cut), slice(cut, None))]
    assert np.array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("value", [1e30, -1e30, 3.4e37])
def test_wild_values_stay_finite(known, value):
    made = known.adjusted(np.full((3, 4), value, np.float32), FRESH[:3])
    assert np.isfinite(made).all()


def test_a_table_is_of_its_five_minutes(known):
    rows = np.zeros((3, 4), np.float32)
    step = MONDAY + STEP * np.array([0, 1, DAY_CELLS])
    made = known.adjusted(rows, step)
    assert np.array_equal(made[0], made[2])  # a day later
    assert not np.array_equal(made[0], made[1])


def test_some_of_the_channels(known):
    part = known.of(np.array([1, 2, 3]))
    assert part.kept.tolist() == [1, 2]
    assert np.array_equal(part.gain, known.gain[:, 1:])
    assert np.array_equal(part.usual, known.usual[1:])
    assert known.of(np.array([1])) is None


def test_it_is_read_as_it_was_written(known):
    again = ChannelContext.read(known.tensors(), 4)
    assert all(torch.equal(again.tensors()[name], known.tensors()[name]) for name in TENSORS)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update(context_gain=t["context_gain"][:-1]),
        lambda t: t.update(context_gain=-t["context_gain"]),
        lambda t: t.update(context_gain=t["context_gain"][:, :2]),
        lambda t: t.update(context_shift=t["context_shift"][0]),
        lambda t: t.update(context_kept=t["context_kept"].flip(0)),
        lambda t: t.update(context_kept=t["context_kept"] + 2),
        lambda t: t.update(context_kept=t["context_kept"] - 1),
        lambda t: t.update(context_usual=t["context_usual"] * 0),
        lambda t: t.update({name: each[..., :0] for name, each in t.items()}),
    ],
)
def test_damaged_tables_are_refused(known, change):
    tensors = known.tensors()
    change(tensors)
    with pytest.raises(ValueError, match="the context of its channels"):
        ChannelContext.read(tensors, 4)
