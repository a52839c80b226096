"""Errors as `train` and `score` give them: without the files that these read and write."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import recipe
from models.conduct import Conduct
from models.presets import Preset
from models.search import choose
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer

Floats = NDArray[np.float64]


def errors(
    training: NDArray[Any],
    test: NDArray[Any],
    settings: TrainingSettings,
    preset: Preset | None = None,
) -> Floats:
    """Errors of the test records under a bundle that is trained, saved and loaded.

    preset: chooses the architecture; what it chose is told on stderr.
    """
    if preset is not None:
        choice = choose(training, settings, preset)
        print(f"{choice.chosen}: {choice.why}", file=sys.stderr, flush=True)
        settings = choice.settings
    with tempfile.TemporaryDirectory() as folder:
        bundle = recipe.train(training, Path(folder) / "model", settings, Conduct(card=False))
        return Scorer(bundle, "cpu").score(test).reconstruction_error
