"""How delays of single samples are counted, and the components that they are counted with."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tennessee import NORMAL, RUN, Found, Pca, found_singly, lagged


def above(*runs: range) -> np.ndarray:
    found = np.zeros(960, dtype=np.bool_)
    for run in runs:
        found[run.start : run.stop] = True
    return found


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], Found(None, 0)),
        ([range(NORMAL, 960)], Found(3, 0)),
        ([range(NORMAL + 9, NORMAL + 9 + RUN)], Found(30, 0)),
        ([range(NORMAL + 9, NORMAL + 8 + RUN)], Found(None, 0)),
        ([range(40, 40 + RUN), range(200, 220)], Found(123, 1)),
        ([range(NORMAL - 2, 960)], Found(3, 0)),
    ],
)
def test_a_delay_counts_to_the_first_of_six_in_a_row(runs: list[range], expected: Found) -> None:
    assert found_singly(above(*runs)) == expected


def test_lags_stand_beside_each_sample() -> None:
    records = np.arange(8.0).reshape(4, 2)
    assert lagged(records, 1).tolist() == [[2, 3, 0, 1], [4, 5, 2, 3], [6, 7, 4, 5]]


def test_parallel_analysis_finds_the_factors_and_both_statistics_see_their_part() -> None:
    rng = np.random.default_rng(0)
    loads = rng.standard_normal((3, 20))
    normal = rng.standard_normal((2, 500, 3)) @ loads + 0.5 * rng.standard_normal((2, 500, 20))
    pca = Pca.fitted(normal[0], 0)
    assert pca.variances.size == 3
    within, beside = normal[1] + 8 * loads[0], normal[1].copy()
    beside[:, 0] += 8
    for statistic, larger in ((pca.t2, within), (pca.spe, beside)):
        assert np.median(statistic(larger)) > 3 * np.median(statistic(normal[1]))
    assert np.median(pca.spe(within)) < 1.5 * np.median(pca.spe(normal[1]))
    dynamic = Pca.fitted(normal[0], 2)
    assert dynamic.t2(normal[1]).shape == (500,)
    assert dynamic.spe(normal[1])[:2].tolist() == [0, 0]
