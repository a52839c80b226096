"""The bars of the drift test, reduced: the whole is `make bench-drift`."""

import pytest

from benchmarks import drift


@pytest.mark.parametrize(
    ("change", "tolerance", "largest"),
    [("x1.2", 0.05, 2600), ("x1.5", 0.05, 550), ("x2", 0.05, 350), ("x0.8", 0.05, 1700),
     ("stuck", 0.05, 350), ("narrow 0.7", 0.05, 850), ("x1.2", 0.0, 1350)],
)  # fmt: skip
def test_changes_are_found_in_time(change: str, tolerance: float, largest: int) -> None:
    delays = sorted(drift.delay(change, repeat, tolerance=tolerance) for repeat in range(7))
    # The bar is for the median of 60; that of 7 may lie somewhat higher.
    assert delays[3] <= 1.3 * largest


@pytest.mark.parametrize("kind", ["gamma", "lognormal", "mixture", "ar0.3", "ar0.9"])
def test_streams_in_control_raise_no_alarm(kind: str) -> None:
    assert drift.null_stream(kind, 5000, records=300_000) == 0


@pytest.mark.parametrize("budget", [1e6, 2.6e8])
def test_long_streams_in_control_raise_no_alarm(budget: float) -> None:
    assert drift.long_null(0, 5000, records=3_000_000, budget=budget) == 0


def test_bursts_raise_no_alarm() -> None:
    assert drift.burst_firings(0, records=600_000) == (0, 3)


def test_a_drift_from_the_first_record_on_is_found_where_adwin_finds_none() -> None:
    delay, adwin = drift.from_start(0)
    assert delay < 20_000
    assert not adwin
