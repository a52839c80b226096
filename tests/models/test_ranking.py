"""Ranking: ROC AUC over kinds of anomalies, and its standard errors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.ranking import Ranking


def drawn(seed, n=200, m=150):
    rng = np.random.default_rng(seed)
    normal, base = rng.normal(size=n), rng.normal(size=m)
    return normal, {"near": base + 0.5, "far": base + 2 + rng.normal(size=m)}


def test_the_areas_are_those_of_the_roc_curve_equal_errors_included():
    normal, odd = drawn(0)
    normal, odd = normal.round(1), {kind: each.round(1) for kind, each in odd.items()}
    ranking = Ranking.of(normal, odd)
    for kind, errors in odd.items():
        truth = np.repeat([0, 1], [len(normal), len(errors)])
        expected = roc_auc_score(truth, np.concatenate([normal, errors]))
        assert ranking.areas[kind] == pytest.approx(expected)
    assert ranking.area == pytest.approx(np.mean(list(ranking.areas.values())))
    assert ranking.normal.mean() == pytest.approx(ranking.area)
    assert ranking.odd.mean() == pytest.approx(ranking.area)


def test_the_standard_error_is_the_spread_of_the_area_over_draws():
    rankings = [Ranking.of(*drawn(seed)) for seed in range(400)]
    spread = np.std([each.area for each in rankings])
    stated = np.mean([each.standard_error for each in rankings])
    assert stated == pytest.approx(spread, rel=0.15)


def test_the_error_of_a_difference_is_small_for_models_that_err_alike():
    differences, stated = [], []
    for seed in range(400):
        normal, odd = drawn(seed)
        rng = np.random.default_rng(1000 + seed)
        other = Ranking.of(
            normal + 0.3 * rng.normal(size=len(normal)),
            {kind: each + 0.3 * rng.normal(size=len(each)) for kind, each in odd.items()},
        )
        first = Ranking.of(normal, odd)
        differences.append(first.area - other.area)
        stated.append(first.error_of_difference(other))
        assert stated[-1] < 0.7 * first.standard_error
    assert np.mean(stated) == pytest.approx(np.std(differences), rel=0.15)
    assert first.error_of_difference(first) == 0
