import io

import numpy as np
import pytest
from PIL import Image

from models import plots
from models.reference import Reference


def size(png):
    return Image.open(io.BytesIO(png)).size


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (2, 9, 13), (3, 32, 20), (4, 8, 8), (1,), (3,), (60,)]
)
@pytest.mark.parametrize("rows", [1, 3])
def test_reconstructions_of_any_record_are_drawn(shape, rows):
    records = np.random.default_rng(0).random((rows, *shape), dtype=np.float32)
    titles = [f"record {row}" for row in range(rows)]
    png = plots.reconstructions(records, records * 0.9, (records * 0.1) ** 2, titles)
    assert min(size(png)) > 100


def test_features_are_named():
    x = np.ones((1, 2), dtype=np.float32)
    named = plots.reconstructions(x, x, x, [""], ("pressure", "flow"))
    assert named != plots.reconstructions(x, x, x, [""])


@pytest.mark.parametrize("errors", [[0.0], [0.0, 0.0], [1.0] * 5, np.geomspace(1e-9, 1e9, 50)])
def test_the_histogram_draws_any_calibration_errors(errors):
    assert size(plots.error_histogram(Reference.calibrate(errors)))[0] > 300


@pytest.mark.parametrize("losses", [[0.1], [0.0, 0.0], [3.0, 2.0, 1.0]])
def test_the_loss_curve_draws_any_losses(losses):
    assert size(plots.loss_curve(losses, losses, 1))[0] > 300


def test_names_that_look_like_formulas_are_drawn_as_they_are():
    x = np.ones((1, 2), dtype=np.float32)
    assert plots.reconstructions(x, x, x, ["$x_{$"], ("$cost_{$", "flow"))
