"""Isotonic regression, against SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from monitor.drift.detectors.isotonic import isotonic


@given(
    values=arrays(float, st.integers(1, 60), elements=st.sampled_from([0.01, 0.5, 1.0, 1.5, 40.0])),
    seed=st.integers(0, 1000),
    increasing=st.booleans(),
)
def test_the_fit_is_that_of_scipy(values: np.ndarray, seed: int, increasing: bool) -> None:
    weights = np.random.default_rng(seed).uniform(1e-9, 1, values.size)
    measure = isotonic_regression(values, weights=weights, increasing=increasing).x
    fitted = isotonic(values, weights, increasing=increasing)
    np.testing.assert_allclose(fitted, measure, rtol=1e-12)
    steps = np.diff(fitted)
    assert (steps >= 0).all() if increasing else (steps <= 0).all()


@pytest.mark.parametrize("increasing", [True, False])
def test_the_mean_stays(increasing: bool) -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.lognormal(size=500), rng.uniform(0.1, 2, 500)
    fitted = isotonic(values, weights, increasing=increasing)
    assert np.average(fitted, weights=weights) == pytest.approx(np.average(values, weights=weights))
