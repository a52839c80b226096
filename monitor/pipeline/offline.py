"""Scores of records that are in memory, for the commands: in blocks, with a progress bar."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError
from monitor.errors import DataError
from monitor.pipeline.scorer import Scorer
from monitor.process.progress import tracked
from monitor.stream.records import Scores

BLOCK: Final = 8192
"""Records scored between two moves of the progress bar; a multiple of the scorer's own batches,
so that a record's error does not depend on it."""


def score(scorer: Scorer, records: NDArray[Any], source: str) -> Scores:
    """Scores of records (n, *record_shape), n >= 1, in order.

    source: where they are from, for people. Raises DataError if they do not fit the model.
    """
    starts = range(0, len(records), BLOCK)
    try:
        parts = [
            scorer.score(records[start : start + BLOCK])
            for start in tracked(starts, f"scoring {source}")
        ]
    except ShapeError as error:
        raise DataError(f"{source}: {error} Give data of the kind that the model learned") from None
    return Scores(
        np.concatenate([part.reconstruction_error for part in parts]),
        parts[0].p_values,
        np.concatenate([part.anomalous for part in parts]),
        parts[0].model_version,
    )
