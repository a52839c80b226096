"""The batch tests that channels are measured beside are what they are called."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from benchmarks.batch_tests import FeatureTests, KernelTest
from benchmarks.channel_naming import features
from tests.monitor.drift.channels.test_channels_told import drift


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_the_test_of_a_feature_is_the_one_of_scipy(shift: float, ties: bool) -> None:
    rng = np.random.default_rng(1)
    known, came = rng.standard_normal((900, 2)), rng.standard_normal((400, 2)) + shift
    if ties:
        known, came = known.round(1), came.round(1)
    tests = FeatureTests.of(known, 400)
    for feature in (0, 1):
        theirs = ks_2samp(came[:, feature], known[:, feature], method="asymp")
        assert tests.p_value(came, feature) == pytest.approx(theirs.pvalue, rel=0.05, abs=1e-4)


def test_the_level_is_shared_by_features_and_grows_with_the_window() -> None:
    known = np.random.default_rng(2).standard_normal((500, 4))
    assert FeatureTests.of(known, 1000).level == pytest.approx(1000 / 1e6 / 4)
    rng = np.random.default_rng(3)
    assert KernelTest.of(known, 5000, rng).level == pytest.approx(5000 / 1e6)


def test_the_kernel_test_tells_another_shape_and_lets_the_same_law_pass() -> None:
    rng = np.random.default_rng(4)

    def codes(count: int, correlation: float) -> np.ndarray:
        common = rng.standard_normal((count, 1))
        own = rng.standard_normal((count, 3))
        return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own

    test = KernelTest.of(codes(2000, 0.0), 1000, rng)
    assert not any(test.rejects(codes(1000, 0.0), rng) for _ in range(8))
    assert all(test.rejects(codes(1000, 0.6), rng) for _ in range(3))  # each alone is as before


def test_features_are_counted_once() -> None:
    found = [drift("flow"), drift("flow residual", "flow", "residual"), drift("code 1", "")]
    assert features(found) == ["flow", "code 1"]
