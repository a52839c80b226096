"""The streams that detectors are compared on are what their names say."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from benchmarks.streams import (
    AFTER,
    AUTOREGRESSIVE,
    BEFORE,
    CALIBRATION,
    CHANGES,
    CYCLE,
    KINDS,
    MEDIANS,
    RAMP,
    ROWS,
    Errors,
    bursts,
    changes,
    null,
    trial,
)

Distribution = Callable[[Errors], Errors]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_follows_from_its_generator_and_is_positive(kind: str) -> None:
    errors = null(kind, 10_000, rng())
    assert errors.dtype == np.float64
    assert errors.shape == (10_000,)
    assert (errors > 0).all()
    assert np.array_equal(errors, null(kind, 10_000, rng()))
    assert not np.array_equal(errors, null(kind, 10_000, rng(1)))


def test_an_unknown_kind_of_stream_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'weibull'.*lognormal"):
        null("weibull", 1, rng())


@pytest.mark.parametrize(
    ("kind", "cdf"), [("lognormal", stats.lognorm(1.0).cdf), ("gamma", stats.gamma(5.0).cdf)]
)
def test_independent_errors_have_their_law(kind: str, cdf: Distribution) -> None:
    assert stats.kstest(null(kind, 100_000, rng()), cdf).pvalue > 0.001


def test_three_errors_in_ten_of_the_mixture_are_about_three_times_as_large() -> None:
    logs = np.log(null("mixture", 1_000_000, rng()))
    # A mean of 0.3 log 3; the spread between the two populations adds 0.3 * 0.7 * (log 3)^2.
    assert np.mean(logs) == pytest.approx(0.3 * np.log(3), abs=0.003)
    assert np.var(logs) == pytest.approx(0.09 + 0.21 * np.log(3) ** 2, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_errors_are_below_the_median_of_their_kind(kind: str) -> None:
    # Whole cycles; the dependent streams need the many records.
    below = np.mean(null(kind, 10 * CYCLE, rng()) < MEDIANS[kind])
    assert below == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("kind", "rho"), AUTOREGRESSIVE.items())
def test_dependent_log_errors_have_unit_variance_and_their_coefficient(
    kind: str, rho: float
) -> None:
    logs = np.log(null(kind, 1_000_000, rng()))
    assert np.var(logs) == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(logs[:-1], logs[1:])[0, 1] == pytest.approx(rho, abs=0.005)


def test_dependent_streams_start_in_their_stationary_law() -> None:
    first = [np.log(null("ar0.98", 1, rng(seed))[0]) for seed in range(2_000)]
    assert stats.kstest(first, "norm").pvalue > 0.001


@pytest.mark.parametrize(("kind", "size"), [("cycle10", 0.10), ("cycle20", 0.20)])
def test_a_cycle_lifts_and_lowers_the_errors_once_in_a_period(kind: str, size: float) -> None:
    logs = np.log(null(kind, 10 * CYCLE, rng()))
    wave = np.exp(2j * np.pi * np.arange(len(logs)) / CYCLE)
    assert 2 * abs(np.mean(logs * wave)) == pytest.approx(np.log1p(size), abs=0.005)


@pytest.mark.parametrize("factor", [1.1, 1.2, 1.5, 2, 0.8, 0.5])
def test_a_scale_multiplies_every_error(factor: float) -> None:
    errors = null("lognormal", 1_000, rng())
    assert np.allclose(CHANGES[f"x{factor}"](errors, rng()), factor * errors)


def test_a_tail_multiplies_five_percent_of_the_errors_by_five() -> None:
    errors = null("lognormal", 100_000, rng())
    ratio = CHANGES["tail 5%"](errors, rng(1)) / errors
    hit = np.isclose(ratio, 5.0)
    assert hit.mean() == pytest.approx(0.05, abs=0.005)
    assert np.allclose(ratio[~hit], 1.0)


@pytest.mark.parametrize(("name", "factor"), [("spread 1.3", 1.3), ("narrow 0.7", 0.7)])
@pytest.mark.parametrize("kind", ["lognormal", "gamma", "mixture"])
def test_a_spread_keeps_the_median_and_scales_the_log_errors(
    kind: str, name: str, factor: float
) -> None:
    errors = null(kind, 100_000, rng())
    changed = changes(MEDIANS[kind])[name](errors, rng())
    assert np.std(np.log(changed)) == pytest.approx(factor * np.std(np.log(errors)))
    assert np.median(changed) == pytest.approx(MEDIANS[kind], rel=0.02)


def test_a_stuck_stream_repeats_one_error_near_the_median() -> None:
    changed = CHANGES["stuck"](null("lognormal", 100, rng()), rng())
    assert np.array_equal(changed, np.full(100, 1.03))


def test_a_ramp_reaches_its_factor_and_stays() -> None:
    ratio = CHANGES["ramp 1.5"](np.ones(2 * RAMP), rng())
    assert ratio[0] == 1.0
    assert ratio[RAMP // 2] == pytest.approx(1.5**0.5)
    assert np.allclose(ratio[RAMP:], 1.5)
    assert (np.diff(ratio) >= 0).all()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_what_it_was_given(name: str) -> None:
    errors = null("lognormal", 1_000, rng())
    CHANGES[name](errors, rng())
    assert np.array_equal(errors, null("lognormal", 1_000, rng()))


def test_each_stretch_has_one_burst_of_five_times_the_errors() -> None:
    errors = null("lognormal", 55_000, rng())
    ratio = bursts(errors, 1_000, 10_000, rng(1)) / errors
    hit = np.isclose(ratio, 5.0)
    assert [int(part.sum()) for part in np.split(hit[:50_000], 5)] == [1_000] * 5
    assert (np.diff(np.flatnonzero(hit[:10_000])) == 1).all()
    assert np.allclose(ratio[~hit], 1.0)


def first_block(errors: Errors) -> list[float]:
    return errors[:ROWS].tolist()


def test_a_trial_is_the_same_records_every_time_and_others_in_each_repeat() -> None:
    calibration, before, after = trial("x1.2", 0)
    again, others = trial("x1.2", 0), trial("x1.2", 1)
    assert all(map(np.array_equal, (calibration, before, after), again))
    assert first_block(others[0]) != first_block(calibration)
    assert first_block(trial("x1.5", 0)[0]) != first_block(calibration)


def test_a_change_falls_anywhere_in_a_block() -> None:
    parts = [trial("x2", repeat) for repeat in range(20)]
    assert {len(calibration) for calibration, _, _ in parts} == {CALIBRATION}
    assert {len(after) for _, _, after in parts} == {AFTER}
    lengths = [len(before) for _, before, _ in parts]
    assert all(BEFORE - ROWS < length <= BEFORE for length in lengths)
    assert len({length % ROWS for length in lengths}) > 10


def test_a_trial_changes_the_errors_and_only_after_the_change() -> None:
    calibration, before, after = trial("x2", 0)
    levels = [float(np.median(part)) for part in (calibration, before, after)]
    assert levels == pytest.approx([1.0, 1.0, 2.0], rel=0.03)
