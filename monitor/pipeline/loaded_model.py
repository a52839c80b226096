"""A model that is ready to score: all that changes when the model in use is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.segments.segmented import Segments
from monitor.pipeline.explanations import Explanations
from monitor.pipeline.first_rows import FirstRows
from monitor.pipeline.picks import Picker
from monitor.pipeline.scored import Decode, RowScorer
from monitor.pipeline.series import Series
from monitor.stream.batching import BatchLimits


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A loaded model with everything that belongs to it; nothing of it has seen the stream yet.

    version: of the bundle. judged: what the judge compares errors with, if that is not the
    reference. trained: seconds since the epoch. decode, scorer, judge: as `Pipeline`
    takes them. limits: of its batches. about: what the status page says of it. series: makes
    windows of the stream's steps, or None. first_rows: whether those that `decode` gave are like
    its training data; None if nobody looks. explanations: of anomalies, or None. picker: of
    rows that are kept as evidence, or None. segments: judges them, or None if there are none.
    """

    version: str
    architecture: str
    trained: float
    reference: Reference
    decode: Decode
    scorer: RowScorer
    judge: Judge
    limits: BatchLimits
    about: Mapping[str, Any] = field(default_factory=dict)
    series: Series | None = None
    first_rows: FirstRows | None = None
    explanations: Explanations | None = None
    picker: Picker | None = None
    judged: Reference | None = None
    segments: Segments | None = None

    @property
    def threshold(self) -> float:
        """Error above which a row is anomalous."""
        return self.reference.threshold
