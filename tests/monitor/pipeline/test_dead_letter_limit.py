"""Reading stops when most records are bad, and only then."""

from __future__ import annotations

import pytest

from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.stream.columns import Columns
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import pipeline, record
from tests.monitor.daemon.daemons import assemble, committed, turns


def batch(bad: int, count: int = 100) -> list[Record]:
    return [record(i, b"bad" if i < bad else 1.0) for i in range(count)]


@pytest.mark.parametrize("bad, closes", [(50, False), (51, True), (100, True)])
def test_it_closes_above_the_share_over_the_last_records(bad: int, closes: bool) -> None:
    subject, deciding = DeadLetterLimit(0.5, 1000), pipeline()
    outcome = deciding.step(Columns.of(batch(bad)))
    assert [subject.count(outcome) for _ in range(12)] == [i == 9 and closes for i in range(12)]
    assert subject.closed == closes


def test_a_burst_of_bad_records_among_many_good_ones_does_not_close_it() -> None:
    subject, deciding = DeadLetterLimit(0.5, 1000), pipeline()
    good, bad = deciding.step(Columns.of(batch(0))), deciding.step(Columns.of(batch(100)))
    for outcome in [good] * 20 + [bad] * 5 + [good] * 20 + [bad] * 5 + [good] * 20:
        assert not subject.count(outcome)


def test_a_share_of_1_never_closes_it() -> None:
    subject, outcome = DeadLetterLimit(1.0, 1000), pipeline().step(Columns.of(batch(100)))
    assert not any(subject.count(outcome) for _ in range(50))


def test_the_daemon_stops_reading_says_so_and_keeps_what_it_did() -> None:
    source = MemorySource([record(i, b"bad") for i in range(5000)])
    subject = assemble(source, MemorySink())
    try:
        turns(subject, 30)
        subject._gauges.refresh(at_once=True)
        published = subject.parts.board.published
        assert not published["ready"]
        assert "dead_letters.max_share" in published["hindrance"]
        (offset,) = committed(source).values()
        assert offset == 1000
        registry = subject.parts.metrics.registry
        assert registry.get_sample_value("aead_monitor_quarantined") == 1
    finally:
        subject.parts.web.stop()
