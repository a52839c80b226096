"""The contract of every drift detector, and what the binomial test promises."""

import numpy as np
import pytest

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.detectors import DETECTORS, BinomialExceedance, Detector, DetectorSettings

SETTINGS = DetectorSettings(tolerance=0.05, records_per_false_alarm=1e6, evaluation_records=256)


def errors(n: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).lognormal(size=n)


def window(values: np.ndarray) -> ErrorDistribution:
    return ErrorDistribution.from_errors(values)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.calibrate(errors(20_000, seed=1), None)


@pytest.fixture(params=sorted(DETECTORS))
def detector(request: pytest.FixtureRequest, reference: Reference) -> Detector:
    return DETECTORS[request.param](reference, SETTINGS)


def test_an_empty_window_is_no_drift(detector: Detector) -> None:
    assert not detector.evaluate(ErrorDistribution()).drifting


def test_a_normal_window_is_calm(detector: Detector) -> None:
    evidence = detector.evaluate(window(errors(5120, seed=2)))
    assert not evidence.drifting
    assert evidence.calm
    assert evidence.direction == "none"


@pytest.mark.parametrize(("scale", "direction"), [(1.5, "larger"), (0.66, "smaller")])
def test_a_shift_is_drift_and_its_direction_is_told(
    detector: Detector, scale: float, direction: str
) -> None:
    evidence = detector.evaluate(window(errors(5120, seed=3, scale=scale)))
    assert evidence.drifting
    assert evidence.direction == direction
    assert evidence.effect_size == pytest.approx(scale, rel=0.15)


def test_errors_that_are_all_the_same_are_drift(detector: Detector) -> None:
    assert detector.evaluate(window(np.full(5120, 1.0))).drifting


def test_errors_of_zero_are_drift(detector: Detector) -> None:
    assert detector.evaluate(window(np.zeros(5120))).direction == "smaller"


def test_errors_beyond_every_bucket_are_drift(detector: Detector) -> None:
    assert detector.evaluate(window(np.full(512, 1e300))).direction == "larger"


def test_the_same_window_gets_the_same_evidence(detector: Detector) -> None:
    values = window(errors(2000, seed=4))
    assert detector.evaluate(values) == detector.evaluate(values)


def test_multiplying_all_errors_changes_nothing_but_rounding(reference: Reference) -> None:
    scaled = Reference.calibrate(reference.errors * 1000, None)
    values = errors(5120, seed=5, scale=1.2)
    a = DETECTORS["binomial"](reference, SETTINGS).evaluate(window(values))
    b = DETECTORS["binomial"](scaled, SETTINGS).evaluate(window(values * 1000))
    assert b.statistic == pytest.approx(a.statistic, rel=0.2)
    assert b.drifting == a.drifting


class TestBinomial:
    def test_changes_within_the_tolerance_are_no_drift(self, reference: Reference) -> None:
        detector = BinomialExceedance(reference, tolerance=0.2, looks=4000)
        for scale in (1.15, 1 / 1.15):
            assert not detector.evaluate(window(errors(100_000, 6, scale))).drifting

    def test_a_stream_that_runs_for_ever_does_not_find_its_own_calibration_error(self) -> None:
        reference = Reference.calibrate(errors(1000, seed=7), None)
        detector = BinomialExceedance(reference, tolerance=0.0, looks=4000)
        assert not detector.evaluate(window(errors(2_000_000, seed=8))).drifting

    def test_false_alarms_stay_within_the_budget(self, reference: Reference) -> None:
        detector = BinomialExceedance(reference, tolerance=0.0, looks=1000)
        rng = np.random.default_rng(9)
        looks = [detector.evaluate(window(rng.lognormal(size=2048))) for _ in range(1000)]
        assert sum(look.drifting for look in looks) <= 1

    def test_two_sides_are_tested_even_with_few_calibration_errors(self) -> None:
        reference = Reference.calibrate(errors(60, seed=10), None)
        detector = BinomialExceedance(reference, tolerance=0.05, looks=4000)
        assert detector.evaluate(window(errors(2048, 11, scale=4.0))).direction == "larger"
        assert detector.evaluate(window(errors(2048, 12, scale=0.25))).direction == "smaller"

    def test_too_few_calibration_errors_are_refused(self) -> None:
        reference = Reference.calibrate(errors(19, seed=13), None)
        with pytest.raises(ValueError, match="20 errors or more, got 19"):
            BinomialExceedance(reference, tolerance=0.05, looks=4000)

    def test_a_tighter_budget_raises_the_threshold(self, reference: Reference) -> None:
        loose = BinomialExceedance(reference, tolerance=0.05, looks=100)
        tight = BinomialExceedance(reference, tolerance=0.05, looks=100_000)
        assert tight.threshold == pytest.approx(loose.threshold + 3)

    @pytest.mark.parametrize("spread", [0.0, 0.005, 0.01])
    @pytest.mark.parametrize("tolerance", [0.05, 0.5])
    def test_a_reference_narrower_than_the_tolerance_can_be_left(
        self, spread: float, tolerance: float
    ) -> None:
        narrow = 1 + spread * np.random.default_rng(14).normal(size=5000)
        detector = BinomialExceedance(Reference.calibrate(narrow, None), tolerance, looks=4000)
        assert not detector.evaluate(window(narrow)).drifting
        assert detector.evaluate(window(narrow * 2)).direction == "larger"
        assert detector.evaluate(window(narrow / 2)).direction == "smaller"

    def test_errors_that_were_always_zero_are_no_drift_and_no_nan(self) -> None:
        detector = BinomialExceedance(Reference.calibrate(np.zeros(500), None), 0.05, looks=4000)
        assert detector.evaluate(window(np.zeros(5000))).explanation == "no drift"
        assert detector.evaluate(window(np.full(5000, 0.1))).direction == "larger"
