"""Scores of records in files, for the commands: part by part, with a progress bar.

However many records there are, only a part of them is in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError
from monitor.datasets import Dataset
from monitor.datasets.parts import regrouped
from monitor.errors import DataError
from monitor.pipeline.scorer import Scorer
from monitor.process.progress import Advance, count_bar
from monitor.stream.records import Scores

Bar = Callable[[str, int | None], AbstractContextManager[Advance]]
LARGEST: Final = 8192
"""Records scored at a time, at most. A multiple of the scorer's own batches is taken, so that a
record's error does not depend on it."""
ELEMENTS: Final = 1 << 24
"""Numbers scored at a time, at most, but for one batch of the scorer."""


def scored(
    scorer: Scorer, parts: Iterable[Dataset], source: str, bar: Bar = count_bar
) -> Iterator[tuple[Dataset, Scores]]:
    """The records in order, in parts of one size, with their scores.

    source: where they are from, for people. bar: shows how many are done. Raises DataError if they
    do not fit the model.
    """
    with bar(f"scoring {source}", None) as advance:
        for data in regrouped(parts, size_for(scorer)):
            yield data, _scores(scorer, data.records, source)
            advance(len(data.records))


def score(scorer: Scorer, parts: Iterable[Dataset], source: str, bar: Bar = count_bar) -> Scores:
    """Scores of all records, in order; see `scored`."""
    found = [scores for _, scores in scored(scorer, parts, source, bar)]
    return Scores(
        np.concatenate([part.reconstruction_error for part in found]),
        found[0].p_values,
        np.concatenate([part.anomalous for part in found]),
        found[0].model_version,
    )


def size_for(scorer: Scorer) -> int:
    """How many records are scored at a time."""
    batch = int(scorer.about["micro_batch"])
    fitting = min(LARGEST, ELEMENTS // math.prod(scorer.bundle.input_spec.shape))
    return max(1, fitting // batch) * batch


def _scores(scorer: Scorer, records: NDArray[Any], source: str) -> Scores:
    try:
        return scorer.score(records)
    except ShapeError as error:
        raise DataError(f"{source}: {error} Give data of the kind that the model learned") from None
