"""Numbers on which the gates stand: exact where they say so."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from models.bundle import load
from monitor.retrain_job.evaluation import discrimination, probability_of, share
from monitor.stream.records import Estimate


def test_the_auc_is_that_of_scikit_learn_ties_included() -> None:
    rng = np.random.default_rng(0)
    normal, anomalous = (
        rng.integers(0, 20, 300).astype(float),
        rng.integers(8, 30, 40).astype(float),
    )
    labels = np.repeat([0, 1], [300, 40])
    expected = roc_auc_score(labels, np.concatenate([normal, anomalous]))
    found = discrimination(normal, anomalous)
    assert found.auc.value == pytest.approx(expected)
    assert (found.normal, found.anomalous) == (300, 40)


def test_the_interval_of_the_auc_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = float(stats.norm.cdf(1 / np.sqrt(2)))
    found = [discrimination(rng.normal(size=150), rng.normal(1, 1, 60)).auc for _ in range(400)]
    covered = np.mean([estimate.low <= truth <= estimate.high for estimate in found])
    assert 0.91 <= covered <= 0.98


def test_a_single_anomaly_says_next_to_nothing() -> None:
    auc = discrimination(np.arange(50.0), np.array([100.0])).auc
    assert (auc.value, auc.low, auc.high) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(("count", "of"), [(0, 30), (30, 30), (3, 1000), (1, 1)])
def test_the_interval_of_a_share_is_that_of_the_exact_test(count: int, of: int) -> None:
    expected = stats.binomtest(count, of).proportion_ci(0.95, "exact")
    assert share(count, of) == Estimate(
        count / of, pytest.approx(expected.low), pytest.approx(expected.high)
    )


def test_false_alarms_are_put_down_to_chance_as_often_as_it_brings_them(digits_bundle) -> None:
    """Over calibration sets and new records of one kind, a p-value below p comes at most p of the
    time; with three times as many false alarms it comes often."""
    bundle = load(digits_bundle)
    n, quantile = bundle.reference.count, bundle.reference.quantile
    over = round((n + 1) * (1 - quantile))
    rng = np.random.default_rng(2)
    true_rate = rng.beta(over, n + 1 - over, 4000)
    calm = [probability_of(int(rng.binomial(500, r)), 500, bundle, 1.0) for r in true_rate]
    assert np.mean(np.array(calm) <= 0.05) <= 0.06
    assert probability_of(int(500 * 30 * (1 - quantile)), 500, bundle, 1.0) < 0.01
