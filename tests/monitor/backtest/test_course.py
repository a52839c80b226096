"""The course of the errors, however many there are."""

from __future__ import annotations

import numpy as np
import pytest

from models.distribution import RELATIVE_ERROR
from monitor.backtest.course import FEWEST_RECORDS, MOST, Course


@pytest.mark.parametrize("step", [1, 63, 64, 1000, 10**6])
def test_it_does_not_depend_on_how_errors_come(step: int) -> None:
    errors = np.random.default_rng(0).lognormal(size=3000)
    whole, parted = Course(), Course()
    whole.add(errors)
    for start in range(0, errors.size, step):
        parted.add(errors[start : start + step])
    for level in (0.5, 0.99):
        for one, other in zip(whole.quantiles(level), parted.quantiles(level), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 64, FEWEST_RECORDS * MOST, 10 * FEWEST_RECORDS * MOST + 7])
def test_quantiles_of_equal_pieces_in_bounded_number(count: int) -> None:
    errors = np.random.default_rng(1).lognormal(size=count)
    course = Course()
    course.add(errors)
    starts, medians = course.quantiles(0.5)
    assert len(starts) == len(medians) == -(-count // course.records) <= MOST
    assert course.records == FEWEST_RECORDS or len(starts) >= MOST // 2
    for start, median in zip(starts.tolist(), medians.tolist(), strict=True):
        exact = np.quantile(errors[start : start + course.records], 0.5, method="inverted_cdf")
        assert median == pytest.approx(exact, rel=2 * RELATIVE_ERROR)


def test_records_without_an_error_only_take_up_their_place() -> None:
    course = Course()
    course.add(np.repeat([1.0, np.nan, 3.0], FEWEST_RECORDS))
    starts, medians = course.quantiles(0.5)
    assert starts.tolist() == [0, FEWEST_RECORDS, 2 * FEWEST_RECORDS]
    np.testing.assert_allclose(medians, [1, np.nan, 3], rtol=RELATIVE_ERROR)
