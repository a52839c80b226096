import io

import numpy as np
import pytest
from PIL import Image

from models import plots
from models.reference import Reference


def size(png):
    return Image.open(io.BytesIO(png)).size


@pytest.mark.parametrize("errors", [[0.0], [0.0, 0.0], [1.0] * 5, np.geomspace(1e-9, 1e9, 50)])
def test_the_histogram_draws_any_calibration_errors(errors):
    assert size(plots.error_histogram(Reference.calibrate(errors)))[0] > 300


@pytest.mark.parametrize("losses", [[0.1], [0.0, 0.0], [3.0, 2.0, 1.0]])
def test_the_loss_curve_draws_any_losses(losses):
    assert size(plots.loss_curve(losses, losses, 1))[0] > 300
