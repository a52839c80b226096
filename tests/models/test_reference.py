import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import CalibrationError
from models.reference import Reference, records_needed, supported_quantile


@pytest.mark.parametrize(
    ("quantile", "needed"), [(0.5, 1), (0.9, 9), (0.99, 99), (0.999, 999), (0.9999, 9999)]
)
def test_the_finite_sample_correction_decides_how_many_records_are_needed(quantile, needed):
    assert records_needed(quantile) == needed
    errors = np.arange(1.0, needed + 1)
    assert Reference.calibrate(errors, quantile).threshold == needed
    if needed > 1:
        with pytest.raises(CalibrationError, match=f"needs at least {needed} calibration records"):
            Reference.calibrate(errors[1:], quantile)


@given(st.integers(1, 3000), st.floats(0.01, 0.99))
def test_the_threshold_is_the_order_statistic(count, quantile):
    errors = np.random.default_rng(count).permutation(np.arange(1.0, count + 1))
    k = int(np.ceil(round((count + 1) * quantile, 9)))
    if k > count:
        with pytest.raises(CalibrationError):
            Reference.calibrate(errors, quantile)
    else:
        assert Reference.calibrate(errors, quantile).threshold == k


def test_the_default_is_0_999_when_the_records_support_it():
    reference = Reference.calibrate(np.arange(999.0))
    assert (reference.quantile, reference.note) == (0.999, "")


@given(st.integers(1, 998))
def test_with_fewer_records_the_default_is_the_highest_supported_and_says_so(count):
    reference = Reference.calibrate(np.arange(count, dtype=float))
    assert reference.threshold == count - 1
    assert reference.quantile == count / (count + 1)
    assert "999 are needed for 0.999" in reference.note
    assert Reference.calibrate(reference.errors, reference.quantile).threshold == count - 1


def test_an_explicit_quantile_above_what_the_records_support_is_an_error():
    with pytest.raises(CalibrationError, match=r"needs at least 999 .* got 100.*up to 0\.9901"):
        supported_quantile(0.999, 100)


@pytest.mark.parametrize("quantile", [0, 1, -1, 2])
def test_a_quantile_out_of_range_is_an_error(quantile):
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        Reference.calibrate([1.0], quantile)


@pytest.mark.parametrize("errors", [[], [1, np.nan], [np.inf], [-1]])
def test_unusable_calibration_errors_are_refused(errors):
    with pytest.raises(CalibrationError):
        Reference.calibrate(errors)


def test_p_values_count_the_reference_errors_at_least_as_large():
    reference = Reference.calibrate([4, 1, 3, 2], 0.5)
    assert reference.p_values([0, 1, 2.5, 4, 5]).tolist() == [1, 1, 0.6, 0.4, 0.2]
    assert reference.smallest_p_value == 0.2


def test_p_values_of_normal_records_are_valid():
    """P(p <= alpha) <= alpha: exact on average over calibration sets, checked at 4 sigma."""
    rng = np.random.default_rng(0)
    counts = np.zeros(3)
    for _ in range(400):
        reference = Reference.calibrate(rng.exponential(size=99), 0.9)
        p = reference.p_values(rng.exponential(size=50))
        counts += [(p <= alpha).sum() for alpha in (0.01, 0.1, 0.5)]
    rates, allowed = counts / 20_000, np.array([0.01, 0.1, 0.5])
    assert np.all(rates <= allowed + 4 * np.sqrt(allowed * (1 - allowed) / 400 / 50 * 1.5))


def test_only_errors_above_the_threshold_are_anomalous():
    reference = Reference.calibrate(np.arange(1.0, 100), 0.9)
    assert reference.threshold == 90
    assert reference.anomalous([0, 90, 90.1, 1e9]).tolist() == [False, False, True, True]


def test_rounding_noise_on_a_calibration_error_does_not_change_its_judgement():
    reference = Reference.calibrate(np.linspace(0.01, 0.02, 99), 0.9)
    for noise in (1 - 2e-6, 1, 1 + 2e-6):
        assert not reference.anomalous(reference.threshold * noise)
        assert np.array_equal(
            reference.p_values(reference.errors * noise), reference.p_values(reference.errors)
        )


def test_errors_are_sorted_and_read_only():
    reference = Reference.calibrate([3, 1, 2], 0.5)
    assert reference.errors.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        reference.errors[0] = 0


def test_quantiles_are_exact_and_the_distribution_holds_every_error():
    reference = Reference.calibrate(np.arange(1.0, 1001))
    assert reference.quantiles([0, 0.001, 0.5, 0.7, 1]).tolist() == [1, 1, 500, 700, 1000]
    assert reference.distribution.total == reference.count == 1000
