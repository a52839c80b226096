import ast
import io
from pathlib import Path

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


@pytest.mark.parametrize("folder", ["models", "monitor"])
def test_every_legend_has_a_place(folder):
    """To find the best one, matplotlib looks at all that is drawn: on a busy machine it warns."""
    for path in (Path(__file__).parents[2] / folder).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                place = any(keyword.arg == "loc" for keyword in call.keywords)
                assert place or call.func.attr != "legend", f"{path}:{call.lineno}"
