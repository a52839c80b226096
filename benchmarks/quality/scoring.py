"""Errors as `train` and `score` give them: without the files that these read and write."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import recipe
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer

Floats = NDArray[np.float64]


def errors(training: NDArray[Any], test: NDArray[Any], settings: TrainingSettings) -> Floats:
    """Errors of the test records under a bundle that is trained, saved and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = recipe.train(training, Path(folder) / "model", settings, card=False)
        return Scorer(bundle, "cpu").score(test).reconstruction_error
