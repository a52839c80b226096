"""The rolling window."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.distribution import ErrorDistribution
from monitor.window import RollingWindow


def feed(window: RollingWindow, errors: np.ndarray, batch: int) -> int:
    parts = np.array_split(errors, math.ceil(len(errors) / batch))
    return sum(window.add(ErrorDistribution.from_errors(part)) for part in parts)


def test_an_empty_window_has_no_quantiles() -> None:
    assert math.isnan(RollingWindow(1000, 10).quantiles([0.5])[0.5])


def test_quantiles_are_those_of_the_last_errors() -> None:
    errors = np.random.default_rng(0).lognormal(size=20_000)
    window = RollingWindow(5_000, 20)
    feed(window, errors, 125)
    last = np.sort(errors[-window.records :])
    for level, value in window.quantiles([0.1, 0.5, 0.9, 0.99]).items():
        exact = last[math.ceil(level * last.size) - 1]
        assert value == pytest.approx(exact, rel=0.0051)


@given(
    capacity=st.integers(64, 3000),
    panes=st.integers(2, 40),
    batch=st.integers(1, 256),
)
def test_a_full_window_holds_its_capacity_and_at_most_three_panes_more(
    capacity: int, panes: int, batch: int
) -> None:
    window = RollingWindow(capacity, min(panes, capacity))
    feed(window, np.full(4 * capacity, 0.5), min(batch, window.pane_capacity))
    assert capacity <= window.records < capacity + 3 * window.pane_capacity


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


def test_a_pane_completes_every_capacity_over_panes_records() -> None:
    assert feed(RollingWindow(1000, 10), np.ones(5000), 50) == 50
