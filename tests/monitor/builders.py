"""Small real parts for tests: records, a scorer whose errors are the values themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.detectors import DETECTORS, DetectorSettings
from monitor.episodes import Episodes
from monitor.errors import DecodeError
from monitor.judge import Judge
from monitor.pipeline import Pipeline
from monitor.records import Record, Scores
from monitor.window import RollingWindow

VERSION = "0123456789abcdef"


class ValueScorer:
    """A model whose reconstruction error of a row is the row's first value."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def score(self, records: NDArray[np.generic]) -> Scores:
        errors = np.asarray(records, dtype=np.float64)[:, 0]
        finite = np.where(np.isfinite(errors), errors, 0.0)
        return Scores(
            errors, self.reference.p_values(finite), self.reference.anomalous(finite), VERSION
        )


def decode(value: bytes | None) -> NDArray[np.float64]:
    """Comma-separated numbers, each a row of one value."""
    if value is None:
        raise DecodeError("tombstone", "the record has no value")
    try:
        return np.array([[float(part)] for part in value.split(b",")])
    except ValueError as error:
        raise DecodeError("undecodable", str(error)) from None


def record(
    offset: int, values: float | Sequence[float] | bytes | None, partition: int = 0
) -> Record:
    if isinstance(values, int | float):
        values = [values]
    if values is not None and not isinstance(values, bytes):
        values = ",".join(repr(float(v)) for v in values).encode()
    return Record("in", partition, offset, 1_700_000_000_000 + offset, b"k", values)


def records(values: Iterable[float], start: int = 0, partition: int = 0) -> list[Record]:
    return [record(start + i, float(v), partition) for i, v in enumerate(values)]


def normal_errors(n: int, seed: int = 0, scale: float = 1.0) -> NDArray[np.float64]:
    return scale * np.random.default_rng(seed).lognormal(size=n)


def reference(n: int = 5000) -> Reference:
    return Reference.calibrate(normal_errors(n, seed=99), None)


def judge(window: int = 2048, panes: int = 8, min_records: int = 512) -> Judge:
    rolling = RollingWindow(window, panes)
    settings = DetectorSettings(0.05, 1e6, rolling.pane_capacity)
    detector = DETECTORS["binomial"](reference(), settings)
    return Judge(VERSION, rolling, detector, Episodes(min_records, 3, 3), (0.5, 0.9))


def pipeline(**judge_settings: int) -> Pipeline:
    return Pipeline(decode, ValueScorer(reference()), judge(**judge_settings))
