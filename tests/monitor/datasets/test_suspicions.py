"""What looks wrong in the values of columns, and what only might."""

import numpy as np
import pytest

from monitor.datasets import suspicions

SCALES = np.array([1, 10, 100, 1000])


@pytest.fixture
def sample() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 4)) * SCALES + 50 * SCALES


@pytest.mark.parametrize(
    ("places", "cells", "count"),
    [(1, slice(5, 9), 4), (-1, slice(0, 200, 50), 4), (0, slice(0, 1), 0), (2, slice(5, 9), 0)],
)
def test_rows_whose_cells_have_moved_by_one_place_are_counted(sample, places, cells, count) -> None:
    sample[cells] = np.roll(sample[cells], places, axis=1)
    assert suspicions.shifted(sample) == count


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: np.where(np.arange(200)[:, None] == 5, 1e9, rows),
        lambda rows: np.random.default_rng(1).standard_cauchy(size=(200, 4)),
        lambda rows: np.random.default_rng(1).integers(0, 2, (200, 4)).astype(float),
        lambda rows: np.full((200, 4), np.nan),
        lambda rows: np.ones((200, 4)),
        lambda rows: rows[:, :2],
        lambda rows: rows[:0],
    ],
)
def test_outliers_alone_are_not_taken_for_moved_cells(sample, change) -> None:
    assert suspicions.shifted(change(sample)) == 0


@pytest.mark.parametrize(
    ("value", "times", "found"),
    [(-999, 2, True), (99999, 5, True), (-999, 1, False), (-998, 5, False), (500, 5, False)],
)
def test_nines_far_from_all_others_may_be_missing_values(sample, value, times, found) -> None:
    sample[:times, 1] = value
    sample[5:7, 1] = 480
    assert suspicions.stand_ins(sample, "abcd") == ({"b"} if found else set())
