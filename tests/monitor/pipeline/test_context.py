"""Errors judged by the hour: a swing is no drift, a change on top of it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from models.reference import Reference
from monitor.daemon.context_watch import AGAIN_SECONDS, ContextWatch
from monitor.drift.judge import Judge
from monitor.drift.partition_clocks import AHEAD, BEHIND
from monitor.metrics import Metrics
from monitor.pipeline.context_times import ContextTimes, of_records
from monitor.pipeline.scored import Scored
from monitor.stream.columns import Columns
from monitor.stream.records import Record
from tests.models.swinging import DAY, swing
from tests.monitor.builders import SETTINGS, ValueScorer, decode
from tests.monitor.pipeline.swinging import (
    A_DAY,
    AMPLITUDE,
    BEGIN,
    HourScorer,
    batches,
    knowing,
    learned,
    seen,
    unknowing,
)

NOW = 1_700_000_000_000


def test_a_swing_fires_without_the_hour_and_not_with_it() -> None:
    assert "firing" in seen(unknowing(), batches(A_DAY))
    assert seen(knowing(), batches(2 * A_DAY)) == []


def test_a_change_on_top_of_the_swing_fires() -> None:
    pipeline = knowing()
    assert seen(pipeline, batches(A_DAY // 2)) == []
    changed = batches(4000, factor=1.5, first=A_DAY // 2)
    assert seen(pipeline, changed) == ["pending", "firing"]
    assert pipeline.judge.verdict.ratio.value == pytest.approx(1.5, abs=0.15)


def test_the_batch_size_changes_nothing() -> None:
    whole, parts = knowing(), knowing()
    for batch in batches(6000):
        whole.step(batch)
        for start in range(0, len(batch), 37):
            places = np.arange(len(batch))
            parts.step(batch.where((places >= start) & (places < start + 37)))
    assert parts.memory() == whole.memory()


def test_a_restart_goes_on_to_the_byte() -> None:
    going, stopped = knowing(), knowing()
    for batch in batches(6000):
        going.step(batch)
        stopped.step(batch)
        memory = stopped.memory()
        stopped = knowing()
        stopped.recall(memory)
    assert stopped.memory() == going.memory()


def test_a_model_that_knows_the_hour_takes_the_place_of_one_that_does_not() -> None:
    pipeline = unknowing()
    assert "firing" in seen(pipeline, batches(A_DAY))
    reference, context = learned()
    judge = Judge("f" * 16, context.reference(reference), SETTINGS)
    pipeline.replace(decode, HourScorer(reference, "f" * 16), judge)
    assert seen(pipeline, batches(A_DAY, first=A_DAY)) == []
    assert pipeline.judge.rows == A_DAY


def test_one_that_does_not_takes_the_place_of_one_that_does() -> None:
    pipeline = knowing()
    assert seen(pipeline, batches(A_DAY // 2)) == []
    reference: Reference = learned()[0]
    pipeline.replace(decode, ValueScorer(reference, "f" * 16), Judge("f" * 16, reference, SETTINGS))
    assert "firing" in seen(pipeline, batches(A_DAY, first=A_DAY // 2))


@pytest.mark.parametrize(
    "stamp", [-1, 0, BEGIN + 40 * DAY], ids=["missing", "of 1970", "from the future"]
)
def test_records_without_a_believable_time_take_that_of_their_arrival(stamp: int) -> None:
    pipeline, stamps = knowing(), np.full(A_DAY, stamp)
    outcomes = [pipeline.step(batch) for batch in batches(A_DAY, stamps=stamps)]
    assert [each for outcome in outcomes for each in outcome.changes] == []
    assert sum(outcome.times.by_arrival for outcome in outcomes if outcome.times) == A_DAY


def test_without_any_time_errors_are_judged_as_they_are_and_counted() -> None:
    pipeline, metrics = knowing(), Metrics(CollectorRegistry(), (0.5,))
    records = [Record("in", 0, i, -1, b"k", b"1.0") for i in range(100)]
    scored = pipeline.score(Columns.of(records))
    assert scored.judged(scored.context_times()).errors.tolist() == [1.0] * 100
    metrics.count(pipeline.decide(scored))
    value = metrics.registry.get_sample_value
    told = {
        name: value("aead_monitor_context_records_total", {"time": name})
        for name in ("timestamp", "arrival", "unknown")
    }
    assert told == {"timestamp": 0, "arrival": 0, "unknown": 100}


def test_a_model_without_a_context_counts_nothing() -> None:
    outcome = unknowing().step(next(batches(100)))
    assert outcome.times is None


def test_each_row_of_a_record_has_its_time_and_dead_records_have_none() -> None:
    pipeline = knowing()
    quarter = DAY // 4
    records = [
        Record("in", 0, 0, BEGIN + quarter, b"k", b"1.5,1.5"),
        Record("in", 0, 1, BEGIN, b"k", b"nonsense"),
        Record("in", 0, 2, BEGIN + 3 * quarter, b"k", repr(1 / 1.5).encode()),
    ]
    scored: Scored = pipeline.score(Columns.of(records))
    judged = scored.judged()
    assert judged.errors.tolist() == scored.judged(scored.context_times()).errors.tolist()
    assert judged.rows.tolist() == [2, 1]
    assert judged.errors == pytest.approx([1, 1, 1], abs=0.1)
    usual = swing(np.array([BEGIN + quarter]), AMPLITUDE)
    assert usual == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("stamp", "arrival", "moment"),
    [
        (NOW, NOW + 1000, NOW),
        (NOW - DAY, NOW, NOW - DAY),
        (NOW + AHEAD, NOW, NOW + AHEAD),
        (NOW + AHEAD + 1, NOW, NOW),
        (NOW - BEHIND - 1, NOW, NOW),
        (-1, NOW, NOW),
        (-1, -1, -1),
        (-(2**40), -1, -1),
        (NOW, -1, NOW),
    ],
)
def test_which_time_is_believed(stamp: int, arrival: int, moment: int) -> None:
    times = of_records(np.array([stamp, NOW]), np.array([arrival, NOW]))
    assert times.moments.tolist() == [moment, NOW]
    assert times.by_arrival == (moment != stamp and moment >= 0)
    assert times.unknown == (moment < 0)


def test_the_log_says_it_once_an_hour() -> None:
    now = [0.0]
    watch = ContextWatch(lambda: now[0])

    def said(times: ContextTimes | None) -> list[dict[str, object]]:
        with capture_logs() as lines:
            watch.look(times)
        return [{key: line[key] for key in ("by_arrival", "unknown")} for line in lines]

    none, some = ContextTimes(np.zeros(5, dtype=np.int64)), np.zeros(5, dtype=np.int64)
    assert said(None) == said(none) == []
    assert said(ContextTimes(some, 2, 1)) == [{"by_arrival": 2, "unknown": 1}]
    assert said(ContextTimes(some, 3)) == []
    now[0] = AGAIN_SECONDS
    assert said(ContextTimes(some, 1)) == [{"by_arrival": 4, "unknown": 0}]


def test_scores_keep_their_adjustment_when_some_are_taken() -> None:
    scores = HourScorer(learned()[0]).score(np.ones((4, 1)))
    taken = scores.where(np.array([True, False, True, False]))
    assert taken.adjust is not None
    assert replace(taken, adjust=None).adjust is None
