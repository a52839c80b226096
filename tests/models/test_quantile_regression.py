"""Quantile regression on functions of few values."""

import numpy as np
import pytest

from models.context import CELLS
from models.context_shapes import OF_DAY, OF_WEEK, Shape
from models.quantile_regression import check_loss, fit


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_a_constant_is_the_quantile(level):
    y = np.random.default_rng(0).lognormal(size=5000)
    found = fit(np.ones((1, 1)), np.zeros(5000, dtype=np.int64), y, level, np.zeros(1))
    assert float((y <= found[0]).mean()) == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("level", [0.5, 0.8])
def test_the_share_below_is_the_level_at_every_hour(level):
    rng, shape = np.random.default_rng(1), Shape(2, 0, 0.0)
    cells = rng.integers(0, CELLS, 40_000)
    wave = np.sin(2 * np.pi * 7 * cells / CELLS)
    y = wave + (1 + 0.5 * wave) * rng.standard_normal(40_000)
    found = shape.functions @ fit(shape.functions, cells, y, level, shape.penalty)
    hour = cells * 168 // CELLS % 24
    below = [float((y <= found[cells])[hour == h].mean()) for h in range(24)]
    assert np.abs(np.array(below) - level).max() < 0.05


def test_a_penalty_holds_functions_down():
    rng = np.random.default_rng(2)
    cells = rng.integers(0, CELLS, 4000)
    y = rng.standard_normal(4000)
    wild, calm = (
        np.ptp(shape.functions @ fit(shape.functions, cells, y, 0.5, shape.penalty))
        for shape in (Shape(8, 0, 0.0), Shape(8, 0, 10.0))
    )
    assert calm < wild / 10


def test_the_loss_is_least_at_the_quantile():
    y = np.random.default_rng(3).standard_normal(2000)
    at = [check_loss(y - value, 0.8).mean() for value in (0.5, np.quantile(y, 0.8), 1.2)]
    assert at[1] < min(at[0], at[2])


def test_shapes_are_periodic_and_ordered_from_the_simplest():
    assert [shape.kind for shape in OF_DAY] == ["hour"] * len(OF_DAY)
    assert [shape.kind for shape in OF_WEEK] == ["week"] * len(OF_WEEK)
    for shapes in (OF_DAY, OF_WEEK):
        assert [shape.steps for shape in shapes] == [False] * (len(shapes) - 1) + [True]
        sizes = [len(shape.frequencies) for shape in shapes if not shape.steps]
        assert sizes == sorted(sizes)
        assert all(len(s.penalty) == s.functions.shape[1] for s in shapes)
