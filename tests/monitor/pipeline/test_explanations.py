"""Explanations of anomalies: bounded, of anomalies alone, and no more told than is allowed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from models.explanation import LEFT_OUT, Explained, Explanation, FeatureShare, LeftOut, Place
from monitor.metrics import Metrics
from monitor.pipeline.events import anomaly_event, events_of
from monitor.pipeline.explanations import VALUES_PER_SECOND, Explanations
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Anomaly
from tests.monitor.builders import VERSION, ValueScorer, decode, judge, record, reference

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "anomaly.json").read_text())


class FirstValue:
    """Says that the row's first value carries the error. seen: the rows it was asked of."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def explain(self, records: NDArray[Any]) -> Sequence[Explained]:
        self.seen += records[:, 0].tolist()
        return [
            Explanation(0.25, (FeatureShare("heat", 0.75, float(row[0]), 1.0),)) for row in records
        ]


def explaining(per_second: float = 20, elements: int = 1) -> tuple[Pipeline, FirstValue]:
    explainer = FirstValue()
    explanations = Explanations(explainer, per_second, elements)
    subject = Pipeline(decode, ValueScorer(reference()), judge(), explanations=explanations)
    return subject, explainer


def at(batch: Sequence[Any], seconds: float) -> Columns:
    return Columns.of(batch).came(int(1000 * seconds))


def told(anomalies: Sequence[Anomaly]) -> list[str]:
    """The value of the feature that is named, or the reason, of each."""
    found = [anomaly.explained for anomaly in anomalies]
    return [e.reason if isinstance(e, LeftOut) else f"{e.features[0].value:g}" for e in found]


def test_only_anomalies_are_explained_each_with_its_own() -> None:
    subject, explainer = explaining()
    outcome = subject.step(Columns.of([record(0, [1.0, 1e5, 0.5]), record(1, 2e5), record(2, 0.3)]))
    assert explainer.seen == [1e5, 2e5]
    assert told(outcome.anomalies) == ["100000", "200000"]
    assert explaining()[0].step(Columns.of([record(0, 1.0)])).anomalies == ()


def test_what_becomes_a_dead_letter_moves_no_explanation_to_another_record() -> None:
    subject, _ = explaining()
    batch = [record(0, [1e5, float("inf")]), record(1, 2e5), record(2, b"bad"), record(3, 3e5)]
    outcome = subject.step(Columns.of(batch))
    assert told(outcome.anomalies) == ["200000", "300000"]


def test_a_partition_that_went_elsewhere_takes_its_explanations_along() -> None:
    subject, _ = explaining()
    values = [1e5, 1.0, 2e5, 3e5, 0.5, 1.0, 4e5, 5e5]
    scored = subject.score(Columns.of([record(i, v, i % 3) for i, v in enumerate(values)]))
    left = subject.decide(scored.without(scored.records.partition == 0))
    assert told(left.anomalies) == ["200000", "500000"]


def test_so_many_a_second_are_explained_and_the_others_counted() -> None:
    subject, explainer = explaining(per_second=3)
    metrics = Metrics(CollectorRegistry(), (0.5,))
    batches = [(100.0, 5), (100.5, 5), (102.0, 5)]
    found = []
    for number, (seconds, count) in enumerate(batches):
        values = [record(10 * number + i, 1e5) for i in range(count)]
        outcome = subject.step(at(values, seconds))
        metrics.count(outcome)
        found.append(sum(a.explained != LeftOut("rate") for a in outcome.anomalies))
    assert found == [3, 1, 3]
    assert len(explainer.seen) == 7
    value = metrics.registry.get_sample_value
    name = "aead_monitor_explanations_left_out_total"
    assert value(name, {"reason": "rate"}) == 15 - 7
    assert {value(name, {"reason": reason}) for reason in LEFT_OUT} == {0.0, 8.0}


def test_a_clock_that_is_set_back_loosens_nothing() -> None:
    subject, explainer = explaining(per_second=2)
    for number, seconds in enumerate((100.0, 10.0, 100.0, 10.0, 100.0)):
        subject.step(at([record(10 * number + i, 1e5) for i in range(3)], seconds))
    assert len(explainer.seen) == 2


def test_where_nobody_tells_the_time_each_batch_has_a_second() -> None:
    subject, explainer = explaining(per_second=2)
    for number in range(3):
        subject.step(Columns.of([record(10 * number + i, 1e5) for i in range(3)]))
    assert len(explainer.seen) == 6


def test_large_records_are_fewer_and_one_is_always_explained() -> None:
    for elements, most in ((VALUES_PER_SECOND // 4, 4), (100 * VALUES_PER_SECOND, 1)):
        subject, explainer = explaining(per_second=20, elements=elements)
        subject.step(at([record(i, 1e5) for i in range(30)], 100))
        assert len(explainer.seen) == most
        subject.step(at([record(100 + i, 1e5) for i in range(30)], 101))
        assert len(explainer.seen) == (8 if most == 4 else 1)


PICTURE = Explanation(0.1, place=Place(1, 2, 3, 4, 0.6, 0.05), unplaced={"brightness": 0.3})
STEPS = Explanation(
    0.2,
    (
        FeatureShare("flow", 0.5, 1.25, None, (3, 6), 4),
        FeatureShare("mode", 0.3, "up", "down"),
        FeatureShare("open", 0.0, True, False),
    ),
)


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize(
    "explained", [PICTURE, STEPS, Explanation(0.0), *map(LeftOut, LEFT_OUT), None]
)
def test_every_form_follows_the_schema(explained: Explained | None, values: bool) -> None:
    anomaly = Anomaly(record(7, 1e5), 0, 1e5, 0.001, explained)
    body = json.loads(anomaly_event(anomaly, VERSION, 1.0, values=values).value)
    jsonschema.validate(body, SCHEMA)
    assert ("explanation" in body) == (explained is not None)


def test_no_value_of_a_record_is_told_unless_it_is_asked_for() -> None:
    subject, _ = explaining()
    outcome = subject.step(Columns.of([record(0, 123457.0)]))
    (quiet,) = events_of(outcome, VERSION, 1.0)
    (open_,) = events_of(outcome, VERSION, 1.0, values=True)
    named = {"feature": "heat", "share": 0.75}
    assert json.loads(quiet.value)["explanation"] == {"features": [named], "rest": 0.25}
    told_of = named | {"value": 123457.0, "expected": 1.0}
    assert json.loads(open_.value)["explanation"]["features"] == [told_of]
    body = json.loads(quiet.value)
    del body["reconstruction_error"]  # it is the value, to this scorer
    assert "123457" not in json.dumps(body)


def test_what_carries_the_error_changes_nothing_that_is_judged() -> None:
    batch = [record(i, 1e5 if i % 50 == 0 else 1.0) for i in range(500)]
    plain = Pipeline(decode, ValueScorer(reference()), judge())
    subject, _ = explaining(per_second=2)
    without = plain.step(Columns.of(batch))
    outcome = subject.step(Columns.of(batch))
    assert subject.memory() == plain.memory()
    assert [replace(a, explained=None) for a in outcome.anomalies] == list(without.anomalies)


def test_another_model_explains_its_own() -> None:
    subject, first = explaining()
    second = FirstValue()
    subject.replace(
        decode, ValueScorer(reference(), VERSION), judge(), None, Explanations(second, 20, 1)
    )
    subject.step(Columns.of([record(0, 1e5)]))
    assert (first.seen, second.seen) == ([], [1e5])
    subject.replace(decode, ValueScorer(reference(), VERSION), judge())
    (anomaly,) = subject.step(Columns.of([record(1, 1e5)])).anomalies
    assert anomaly.explained is None
    assert np.array_equal(second.seen, [1e5])
