"""Small real parts for tests: records, a scorer whose errors are the values themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.codecs.decoding import Decoded
from monitor.codecs.headers import Pairs
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.errors import DecodeError
from monitor.metrics import Metrics
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.step import Pipeline
from monitor.stream.batching import BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record, Scores, Summary

VERSION = "0123456789abcdef"
P0, P1 = Partition("in", 0), Partition("in", 1)


class ValueScorer:
    """A model whose reconstruction error of a row is the row's first value, times a factor."""

    def __init__(self, reference: Reference, version: str = VERSION, factor: float = 1.0) -> None:
        self.reference = reference
        self._version = version
        self._factor = factor

    def score(self, records: NDArray[np.generic]) -> Scores:
        errors = self._factor * np.asarray(records, dtype=np.float64)[:, 0]
        finite = np.where(np.isfinite(errors), errors, 0.0)
        return Scores(
            errors,
            self.reference.p_values,
            self.reference.anomalous(finite),
            self._version,
        )


def _numbers(value: bytes | None) -> NDArray[np.float64]:
    """Comma-separated numbers, each a row of one value."""
    if value is None:
        raise DecodeError("tombstone", "the record has no value")
    try:
        return np.array([[float(part)] for part in value.split(b",")])
    except ValueError as error:
        raise DecodeError("undecodable", str(error)) from None


class OneByOne:
    """Decodes many payloads as it does one."""

    def __init__(self, decode: Callable[[bytes | None], NDArray[np.float64]]) -> None:
        self._decode = decode

    def __call__(self, value: bytes | None, headers: Pairs = ()) -> NDArray[np.float64]:
        return self._decode(value)

    def all(self, values: Sequence[bytes | None], headers: Sequence[Any] | None = None) -> Decoded:
        rows, failures = [np.empty((0, 1))], {}
        for i, value in enumerate(values):
            try:
                rows.append(self._decode(value))
            except DecodeError as error:
                rows.append(np.empty((0, rows[-1].shape[1])))
                failures[i] = error
        counts = np.array([len(part) for part in rows[1:]], dtype=np.int64)
        whole = [part for part in rows if len(part)]
        return Decoded(np.concatenate(whole or rows[:1]), counts, failures)


decode = OneByOne(_numbers)


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


@lru_cache
def reference(n: int = 5000, ordered: bool = True) -> Reference:
    return Reference.calibrate(normal_errors(n, seed=99), ordered=ordered)


SETTINGS = JudgeSettings(
    guard_seconds=0, cooldown_seconds=0, window_rows=2048, window_panes=8, quantiles=(0.5, 0.9)
)
"""Records of these tests are a millisecond apart: guard and cooldown would outlast any stream."""


def judge(**changes: object) -> Judge:
    return Judge(VERSION, reference(), replace(SETTINGS, **changes))


def pipeline(**changes: object) -> Pipeline:
    return Pipeline(decode, ValueScorer(reference()), judge(**changes))


def counted(metrics: Metrics, batch: Iterable[Record]) -> None:
    """What a pipeline made of records in the metrics, and its verdict, as the run loop does."""
    subject = pipeline()
    metrics.count(subject.step(Columns.of(batch)))
    metrics.show(subject.judge.verdict)


def candidate(version: str = VERSION, factor: float = 1.0) -> LoadedModel:
    """A model as the daemon uses it. factor: of its errors, in calibration and in the stream."""
    calibrated = Reference.calibrate(factor * normal_errors(5000, seed=99), ordered=True)
    return LoadedModel(
        version=version,
        architecture="values",
        trained=1_700_000_000.0,
        reference=calibrated,
        decode=decode,
        scorer=ValueScorer(calibrated, version, factor),
        judge=Judge(version, calibrated, SETTINGS),
        limits=BatchLimits(100, 10**6, 0.0),
        about={"model": {"version": version, "threshold": calibrated.threshold}},
    )


def summary(
    errors: NDArray[np.float64],
    first: int,
    partition: Partition = P0,
    version: str = VERSION,
    unit: float = 1.0,
) -> Summary:
    """Errors of consecutive offsets, a millisecond apart."""
    return Summary(
        model_version=version,
        partition=partition,
        first_offset=first,
        next_offset=first + len(errors),
        first_timestamp=first,
        last_timestamp=first + len(errors) - 1,
        errors=BucketCounts.from_errors(np.asarray(errors) / unit),
    )


def dealt(errors: NDArray[np.float64], partitions: int, first: int, unit: float) -> list[Summary]:
    """Consecutive records dealt out to partitions, a millisecond apart: a summary for each."""
    return [
        Summary(
            VERSION,
            Partition("in", number),
            first // partitions,
            (first + len(errors)) // partitions,
            first,
            first + len(errors) - 1,
            BucketCounts.from_errors(errors[number::partitions] / unit),
        )
        for number in range(partitions)
    ]


def feed(
    subject: Judge, errors: NDArray[np.float64], first: int = 0, rows: int = 64
) -> list[Change]:
    """Give a judge errors of partition 0 from an offset on; returns the changes."""
    changes: list[Change] = []
    for start in range(0, len(errors), rows):
        part = errors[start : start + rows]
        changes += subject.add(summary(part, first + start, unit=subject.unit))
    return changes


def events(changes: Iterable[Change]) -> list[str]:
    return [change.transition.event for change in changes]
