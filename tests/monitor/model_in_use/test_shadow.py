"""A shadow scores the same rows, shows what it found, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from models.errors import ShapeError
from models.reference import Reference
from monitor.drift.window import RollingWindow
from monitor.metrics import Metrics
from monitor.model_in_use.shadow import Shadow, ShadowedScorer
from monitor.pipeline.scored import RowScorer
from monitor.pipeline.step import Pipeline
from monitor.state.folder import ACCEPTED, read
from monitor.stream.columns import Columns
from monitor.stream.records import Scores
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import ValueScorer, candidate, decode, judge, normal_errors, record
from tests.monitor.daemon.crashes import Run, finish

SHADOW = "5555555555555555"
STRICT = Reference.calibrate(0.5 * normal_errors(5000, seed=99))
"""A shadow that calls twice as small errors anomalous."""


class Failing(ValueScorer):
    """Fails, or gives errors that are not finite, from a batch on."""

    def __init__(self, outcome: Exception | float, batch: int = 2) -> None:
        super().__init__(STRICT, SHADOW)
        self._outcome, self._left = outcome, batch
        self.calls = 0

    def score(self, records: NDArray[Any]) -> Scores:
        self.calls += 1
        if self.calls < self._left:
            return super().score(records)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        errors = np.full(len(records), self._outcome)
        return Scores(errors, np.ones_like, errors > 0, SHADOW)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), (0.5, 0.9))


def shadowed(metrics: Metrics, scorer: RowScorer | None = None) -> Pipeline:
    shadow = Shadow(
        scorer or ValueScorer(STRICT, SHADOW),
        STRICT,
        SHADOW,
        RollingWindow(2048, 8),
        metrics.shadow,
    )
    model = candidate()
    return Pipeline(decode, ShadowedScorer(model.scorer, shadow), judge())


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(f"aead_monitor_shadow_{name}", labels)
    assert found is not None
    return found


def test_its_errors_anomalies_and_disagreements_are_shown(metrics: Metrics) -> None:
    errors = normal_errors(4000)
    own, theirs = errors > STRICT.threshold, errors > candidate().threshold
    subject = shadowed(metrics)
    for start in range(0, 4000, 500):
        subject.step(Columns.of([record(i, float(errors[i])) for i in range(start, start + 500)]))
    assert value(metrics, "info", version=SHADOW) == 1
    assert value(metrics, "threshold") == STRICT.threshold
    assert value(metrics, "rows_scored_total") == 4000
    assert value(metrics, "rows_anomalous_total") == own.sum() > theirs.sum()
    assert value(metrics, "disagreements_total", by="only_shadow") == (own & ~theirs).sum()
    assert value(metrics, "disagreements_total", by="only_current") == 0
    assert value(metrics, "error_ratio_count") == 4000
    assert value(metrics, "seconds_count") == 8
    metrics.shadow.show(subject._scorer._shadow._window.errors, STRICT.unit)  # type: ignore[attr-defined]
    recent = errors[-2048:]
    assert value(metrics, "error_quantile", level="0.5") == pytest.approx(
        np.median(recent), rel=0.05
    )
    assert value(metrics, "recent_ratio", what="anomalous") == pytest.approx(own.mean())
    assert value(metrics, "recent_ratio", what="disagreement") == pytest.approx(
        (own ^ theirs).mean()
    )


def test_shares_are_of_the_newest_rows(metrics: Metrics) -> None:
    for anomalous in (True, False):
        flags = np.full(1000, anomalous)
        for _ in range(6):
            metrics.shadow.count(np.ones(1000), flags, ~flags)
    metrics.shadow.show(RollingWindow(100, 2).errors, 1.0)
    assert value(metrics, "recent_ratio", what="anomalous") == 0
    assert value(metrics, "recent_ratio", what="disagreement") == 1


def test_it_changes_no_byte_of_what_is_remembered_and_published(
    metrics: Metrics, start: Run, tmp_path: Path
) -> None:
    sent = [record(i, float(e)) for i, e in enumerate(normal_errors(3000, scale=2.0))]
    found = []
    for name, deciding in (("without", None), ("with", shadowed(metrics))):
        source, sink = MemorySource(sent), MemorySink()
        finish(start(source, sink, tmp_path / name, pipeline=deciding), source)
        found.append((read(tmp_path / name / ACCEPTED).memory, sink.flushed))
    assert found[0] == found[1]
    assert len(found[0][1]) > 10
    assert value(metrics, "rows_scored_total") == 3000


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (ShapeError("other records"), "error"),
        (RuntimeError("out of memory"), "error"),
        (float("nan"), "non_finite"),
        (float("inf"), "non_finite"),
    ],
)
def test_a_failure_switches_it_off_for_good_and_the_model_in_use_goes_on(
    outcome: Exception | float, reason: str, metrics: Metrics
) -> None:
    scorer = Failing(outcome)
    subject = shadowed(metrics, scorer)
    for i in range(5):
        scored = subject.step(Columns.of([record(i, 1.0)]))
        assert scored.scores.reconstruction_error.tolist() == [1.0]
    assert scorer.calls == 2
    assert value(metrics, "rows_scored_total") == 1
    assert value(metrics, "failures_total", reason=reason) == 1
    assert value(metrics, "info", version=SHADOW) == 0


def test_a_record_far_outside_every_range_is_not_the_shadows_fault(metrics: Metrics) -> None:
    subject = shadowed(metrics)
    subject.step(Columns.of([record(0, float("inf"))]))
    subject.step(Columns.of([record(1, 1.0)]))
    assert value(metrics, "info", version=SHADOW) == 1
    assert value(metrics, "rows_scored_total") == 1
