"""What the exact binomial test promises of one look at a window."""

import numpy as np
import pytest

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.drift.detectors.binomial import BinomialExceedance

SUSPICIOUS = 4.0


def errors(n: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).lognormal(size=n)


def window(values: np.ndarray, reference: Reference) -> ErrorDistribution:
    return ErrorDistribution.from_errors(values / reference.unit)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.calibrate(errors(20_000, seed=1))


def test_an_empty_window_is_no_drift(reference: Reference) -> None:
    assert BinomialExceedance(reference, 0.05).look(ErrorDistribution()).statistic == 0


def test_changes_within_the_tolerance_are_no_drift(reference: Reference) -> None:
    detector = BinomialExceedance(reference, tolerance=0.2)
    for scale in (1.15, 1 / 1.15):
        seen = detector.look(window(errors(100_000, 6, scale), reference))
        assert seen.statistic < SUSPICIOUS


def test_a_stream_that_runs_for_ever_does_not_find_its_own_calibration_error() -> None:
    reference = Reference.calibrate(errors(1000, seed=7))
    detector = BinomialExceedance(reference, tolerance=0.0)
    assert detector.look(window(errors(2_000_000, seed=8), reference)).statistic < SUSPICIOUS


def test_false_alarms_stay_within_the_budget(reference: Reference) -> None:
    detector = BinomialExceedance(reference, tolerance=0.0)
    rng = np.random.default_rng(9)
    looks = [detector.look(window(rng.lognormal(size=2048), reference)) for _ in range(1000)]
    threshold = np.log10(1000 * 2 * detector.levels.size)
    assert sum(look.statistic >= threshold for look in looks) <= 1


def test_two_sides_are_tested_even_with_few_calibration_errors() -> None:
    reference = Reference.calibrate(errors(60, seed=10))
    detector = BinomialExceedance(reference, tolerance=0.05)
    for scale, direction in ((4.0, "larger"), (0.25, "smaller")):
        seen = detector.look(window(errors(2048, 11, scale), reference))
        assert seen.direction == direction
        assert seen.statistic > SUSPICIOUS


@pytest.mark.parametrize("spread", [0.0, 0.005, 0.01])
@pytest.mark.parametrize("tolerance", [0.05, 0.5])
def test_a_reference_narrower_than_the_tolerance_can_be_left(
    spread: float, tolerance: float
) -> None:
    narrow = 1 + spread * np.random.default_rng(14).normal(size=5000)
    reference = Reference.calibrate(narrow)
    detector = BinomialExceedance(reference, tolerance)
    assert detector.look(window(narrow, reference)).statistic < SUSPICIOUS
    assert detector.look(window(narrow * 2, reference)).direction == "larger"
    assert detector.look(window(narrow / 2, reference)).direction == "smaller"


def test_errors_that_were_always_zero_are_no_drift_and_no_nan() -> None:
    reference = Reference.calibrate(np.zeros(500))
    detector = BinomialExceedance(reference, 0.05)
    assert detector.look(window(np.zeros(5000), reference)).statistic == 0
    assert detector.look(window(np.full(5000, 0.1), reference)).direction == "larger"
