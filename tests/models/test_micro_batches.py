"""How many rows a forward pass takes."""

import numpy as np
import pytest

from models.engine import CpuEngine
from models.micro_batches import MOST, measured, suited
from tests.models.test_engine import model_of


def cost(per_pass, per_row, cache):
    """Seconds of a pass: rows beyond those that fit the cache cost three times as much."""
    asked = []

    def seconds(rows):
        asked.append(rows)
        return per_pass + per_row * rows * (1 if rows <= cache else 3)

    return seconds, asked


@pytest.mark.parametrize("cache", [1, 2, 8, 64])
def test_rows_that_fit_the_cache_are_found(cache):
    seconds, asked = cost(1e-4 * cache, 2e-4, cache)
    assert measured(seconds) == cache
    assert asked[-1] == 2 * cache


def test_small_records_take_as_many_as_there_may_be():
    assert measured(cost(1e-4, 1e-7, 10**9)[0]) == MOST


def test_no_more_rows_than_save_time():
    assert measured(cost(0.0, 1e-5, 10**9)[0]) == 1


@pytest.mark.parametrize("per_row", [0.01, 0.2, 5.0])
def test_the_measurement_is_bounded(per_row):
    seconds, asked = cost(per_row, per_row, 10**9)
    measured(seconds, budget=1.0)
    spent = sum(3 * 2 * per_row * rows for rows in asked[1:])
    assert spent <= 2.0


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [("dense", (17,), 4096), ("dense", (784,), 1024), ("convolutional", (1, 28, 28), 256)],
)
def test_nothing_is_measured_for_small_records(name, shape, rows):
    model, spec = model_of(name, shape)
    engine = CpuEngine(model, spec, "mse")
    engine.errors = None  # not to be called
    assert suited(engine, spec) == rows


def test_large_pictures_are_measured_on_the_engine_itself():
    model, spec = model_of("convolutional", (3, 64, 64))
    engine = CpuEngine(model, spec, "mse", micro_batch=3)
    rows = suited(engine, spec)
    assert rows & (rows - 1) == 0
    assert 1 <= rows <= MOST
    assert engine.micro_batch == 3
    assert np.isfinite(engine.errors(np.zeros((2, 3, 64, 64), dtype=np.uint8))).all()
