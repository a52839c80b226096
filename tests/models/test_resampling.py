"""The measures are scikit-learn's, and the intervals cover what they promise."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, recall_score, roc_auc_score

from models.resampling import RESAMPLES, Ranked, draws, interval


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_every_measure_is_scikit_learns_with_and_without_ties(digits):
    generator = np.random.default_rng(0)
    normal = generator.normal(size=300).round(digits)
    anomalous = generator.normal(1, 1.5, 70).round(digits)
    scores, labels = np.concatenate([normal, anomalous]), np.repeat([0, 1], [300, 70])
    found = Ranked(normal, anomalous, 1.0).measures(draws(300, 70)[:1])[0]
    expected = (
        roc_auc_score(labels, scores),
        average_precision_score(labels, scores),
        recall_score(labels, scores > 1.0),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_draw_counts_records_as_often_as_it_has_them():
    generator = np.random.default_rng(1)
    normal, anomalous = generator.normal(size=50), generator.normal(1, 1, 20)
    drawn = draws(50, 20)[5]
    repeated = [
        np.repeat(part, n.astype(int)) for part, n in zip((normal, anomalous), drawn, strict=True)
    ]
    assert [len(part) for part in repeated] == [50, 20]
    labels = np.repeat([0, 1], [50, 20])
    found = Ranked(normal, anomalous, 1.0).measures([drawn])[0]
    assert found[0] == pytest.approx(roc_auc_score(labels, np.concatenate(repeated)))
    assert found[1] == pytest.approx(average_precision_score(labels, np.concatenate(repeated)))


def test_an_interval_covers_the_true_auc_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    wide_normal, wide_anomalous = generator.normal(size=200_000), generator.normal(1, 1, 200_000)
    labels = np.repeat([0, 1], 200_000)
    truth = roc_auc_score(labels, np.concatenate([wide_normal, wide_anomalous]))
    covered = 0
    for seed in range(100):
        normal, anomalous = wide_normal[seed::1000], wide_anomalous[seed::1000]
        found = Ranked(normal, anomalous, 0.0).measures(draws(200, 200, seed))
        low, high = interval(found[1:, 0])
        covered += low <= truth <= high
    assert 85 <= covered <= 100


def test_what_is_not_finite_ranks_highest_and_is_flagged():
    ranked = Ranked(np.array([1.0, 2.0]), np.array([np.nan, np.inf]), 5.0)
    assert ranked.measures(draws(2, 2)[:1])[0].tolist() == [1, 1, 1]
    assert Ranked(np.array([np.nan, 1.0]), np.array([1.0]), 5.0).false_positive_rate == 0.5


def test_the_draws_are_the_same_for_all_that_are_compared():
    one, other = draws(30, 5), draws(30, 5)
    assert len(one) == 1 + RESAMPLES
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])
               for a, b in zip(one, other, strict=True))  # fmt: skip
