"""The rolling window."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.bucket_counts import BucketCounts
from models.distribution import ErrorDistribution
from monitor.drift.window import (
    CONFIDENCE,
    RECENT_BLOCKS,
    RollingWindow,
    quantile_of,
    ranks_around,
)


def feed(window: RollingWindow, errors: np.ndarray, batch: int, seconds: float = 1.0) -> None:
    for start in range(0, len(errors), batch):
        counts = BucketCounts.from_errors(errors[start : start + batch])
        window.add(counts, start, seconds * start)


def test_an_empty_window_has_no_quantiles() -> None:
    assert math.isnan(RollingWindow(1000, 10).quantiles([0.5])[0.5].value)


def test_quantiles_are_those_of_the_last_errors() -> None:
    errors = np.random.default_rng(0).lognormal(size=20_000)
    window = RollingWindow(5_000, 20)
    feed(window, errors, 125)
    last = np.sort(errors[-window.records :])
    for level, quantile in window.quantiles([0.1, 0.5, 0.9, 0.99]).items():
        exact = last[math.ceil(level * last.size) - 1]
        assert quantile.value == pytest.approx(exact, rel=0.0051)


@given(
    capacity=st.integers(64, 3000),
    panes=st.integers(2, 40),
    batch=st.integers(1, 256),
)
def test_a_full_window_holds_its_capacity_and_at_most_two_panes_more(
    capacity: int, panes: int, batch: int
) -> None:
    window = RollingWindow(capacity, min(panes, capacity))
    pane = capacity // min(panes, capacity)
    feed(window, np.full(4 * capacity, 0.5), min(batch, pane))
    assert capacity <= window.records < capacity + 2 * pane
    assert window.errors.total == window.records


def test_the_batch_that_first_fills_the_window_expires_nothing_too_early() -> None:
    window = RollingWindow(1000, 10)
    feed(window, np.ones(1000), 100)
    assert window.records == 1000
    feed(window, np.ones(100), 100)
    assert window.records == 1000


def test_errors_older_than_the_window_leave_no_trace() -> None:
    window = RollingWindow(1000, 10)
    feed(window, np.full(5000, 100.0), 50)
    feed(window, np.full(1200, 1.0), 50)
    assert window.errors == ErrorDistribution.from_errors(np.full(window.records, 1.0))


def test_a_window_of_time_holds_what_is_younger() -> None:
    window = RollingWindow(10**9, 10, seconds=100.0)
    errors = np.random.default_rng(1).lognormal(size=1000)
    feed(window, errors, 1)  # a second apart
    assert 100 <= window.records <= 111
    assert window.errors == ErrorDistribution.from_errors(errors[-window.records :])
    assert window.fill > 0.9


def test_a_window_of_time_survives_a_long_silence() -> None:
    window = RollingWindow(10**9, 10, seconds=100.0)
    feed(window, np.ones(50), 1)
    window.add(BucketCounts.from_errors([7.0]), 50, 1e6)
    assert window.errors == ErrorDistribution.from_errors([7.0])


def test_reading_changes_nothing() -> None:
    errors = np.random.default_rng(2).lognormal(size=3000)
    read, unread = RollingWindow(1000, 7), RollingWindow(1000, 7)
    for start in range(0, 3000, 30):
        for window in (read, unread):
            window.add(BucketCounts.from_errors(errors[start : start + 30]), start, 0.0)
        read.quantiles([0.5])
    assert read.errors == unread.errors


def test_intervals_of_quantiles_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(400):
        found = quantile_of(ErrorDistribution.from_errors(rng.lognormal(size=501)), 0.5)
        held.append(found.low / 1.005 <= 1.0 <= found.high * 1.005)
    # 95% promised; 400 draws fall below 92% with a chance of 1%.
    assert 0.92 <= np.mean(held) <= 0.995


def test_an_interval_that_the_window_cannot_give_is_not_a_number() -> None:
    found = quantile_of(ErrorDistribution.from_errors(np.arange(1.0, 51)), 0.999)
    assert found.value == pytest.approx(50, rel=0.006)
    assert math.isnan(found.high)


def test_errors_since_a_recent_row_are_exact_to_the_block() -> None:
    window = RollingWindow(5000, 10)
    errors = np.concatenate([np.full(900, 1.0), np.full(100, 9.0)])
    feed(window, errors, 50)
    assert window.since(900) == ErrorDistribution.from_errors(np.full(100, 9.0))


def test_errors_since_an_old_row_leave_out_the_pane_that_began_before_it() -> None:
    window = RollingWindow(10_000, 10)
    errors = np.concatenate([np.full(2500, 1.0), np.full(6500, 9.0)])
    feed(window, errors, 50)
    since = window.since(2500)
    assert since == ErrorDistribution.from_errors(np.full(6000, 9.0))


def test_a_restored_window_goes_on_alike() -> None:
    errors = np.random.default_rng(4).lognormal(size=5000)
    window = RollingWindow(1000, 7)
    feed(window, errors[:3000], 30)
    other = RollingWindow(1000, 7)
    other.restore(window.state())
    for subject in (window, other):
        feed(subject, errors[3000:], 30)
    assert other.errors == window.errors
    assert other.since(1900) == window.since(1900)


def test_ranks_around_quantiles_are_the_binomial_ones() -> None:
    levels = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
    tail = (1 - CONFIDENCE) / 2
    for total in [*range(1, 120), 500, 5120, 65_536, 1_000_003]:
        found, missing = ranks_around(total, levels)
        low = stats.binom.ppf(tail, total, levels)
        high = stats.binom.ppf(1 - tail, total, levels) + 1
        outside = np.stack([low < 1, high > total], axis=1)
        assert np.array_equal(found[:, 1:], np.clip(np.stack([low, high], axis=1), 1, total))
        assert not outside.any() if missing is None else np.array_equal(missing[:, 1:], outside)


@given(
    rows=st.lists(st.integers(1, 200), min_size=1, max_size=120),
    panes=st.integers(1, 12),
    capacity=st.integers(12, 600),
    read_every=st.integers(1, 100),
)
def test_the_sum_that_is_kept_is_that_of_the_panes(
    rows: list[int], panes: int, capacity: int, read_every: int
) -> None:
    window, given = RollingWindow(capacity, panes), 0
    errors = np.random.default_rng(7).lognormal(size=sum(rows))
    for number, size in enumerate(rows):
        window.add(BucketCounts.from_errors(errors[given : given + size]), given, 0.0)
        given += size
        if number % read_every == 0:
            assert window.errors.total == window.records
    assert window.errors == ErrorDistribution.from_errors(errors[given - window.records : given])
    oldest = given - window.records
    assert window.since(oldest) == window.errors
    for place in np.cumsum([0, *rows])[-RECENT_BLOCKS:-1].tolist():
        if len(rows) <= RECENT_BLOCKS:  # else it is exact to the pane
            assert window.since(place) == ErrorDistribution.from_errors(errors[place:given])
