"""A stream whose errors swing over the day, a model that knows that, and one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.context import Context
from models.context_fit import fit_context
from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import ChannelValues, Errors, Record, Scores
from tests.models.swinging import DAY, MONDAY, swing, swinging
from tests.monitor.builders import SETTINGS, VERSION, ValueScorer, decode

AMPLITUDE = 0.5
A_DAY = 40_000
"""Records of the stream a day."""
BEGIN = MONDAY + 30 * DAY


@lru_cache
def learned() -> tuple[Reference, Context]:
    """What calibration tells: 8,000 errors of ten days, drawn at random."""
    errors, moments = swinging(AMPLITUDE, n=8000)
    # Their order says that neighbours do not depend on each other, which spares learning it.
    drawn = np.random.default_rng(1).permutation(errors.size)
    errors, moments = errors[drawn], moments[drawn]
    context, _ = fit_context(errors, moments, "auto")
    assert context is not None
    return Reference.calibrate(errors, ordered=True), context


class HourScorer(ValueScorer):
    """A model that judges errors by the hour."""

    def score(self, records: NDArray[np.generic]) -> Scores:
        return replace(super().score(records), adjust=self._adjusted)

    def _adjusted(
        self, errors: Errors, values: ChannelValues, moments: NDArray[np.int64]
    ) -> tuple[Errors, ChannelValues]:
        return learned()[1].adjusted(errors, moments), values


def knowing(version: str = VERSION) -> Pipeline:
    """A pipeline whose model knows the hour."""
    reference, context = learned()
    judge = Judge(version, context.reference(reference), SETTINGS)
    return Pipeline(decode, HourScorer(reference, version), judge)


def unknowing() -> Pipeline:
    """One whose model does not."""
    reference, _ = learned()
    return Pipeline(decode, ValueScorer(reference), Judge(VERSION, reference, SETTINGS))


def batches(
    count: int, factor: float = 1.0, first: int = 0, stamps: NDArray[np.int64] | None = None
) -> Iterator[Columns]:
    """Records of the stream. stamps: what their timestamps say instead; they came in time."""
    places = first + np.arange(count)
    moments = BEGIN + places * DAY // A_DAY
    noise = np.random.default_rng(1000 + first).standard_normal(count)
    errors = factor * swing(moments, AMPLITUDE) * np.exp(0.5 * noise)
    told = moments if stamps is None else stamps
    for start in range(0, count, 2000):
        part = slice(start, start + 2000)
        columns = Columns.of(
            Record("in", 0, int(at), int(stamp), b"k", repr(float(error)).encode())
            for at, stamp, error in zip(places[part], told[part], errors[part], strict=True)
        )
        yield replace(columns, arrivals=moments[part])


def seen(pipeline: Pipeline, stream: Iterator[Columns]) -> list[str]:
    """The changes of state."""
    outcomes = [pipeline.step(batch) for batch in stream]
    return [change.transition.event for each in outcomes for change in each.changes]
