"""Wild clocks are told: in the log, in the status and in the metrics, by partition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.daemon.clock_watch import AGAIN_SECONDS, NAMED_AT_ONCE, ClockWatch
from monitor.drift.partition_clocks import WildClock
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import P0, P1, normal_errors, records
from tests.monitor.daemon.crashes import Run
from tests.monitor.daemon.daemons import turns

YEAR = 31_557_600_000
AHEAD = WildClock("ahead", 3e7)


class Watched:
    def __init__(self) -> None:
        self.now = 0.0
        self.watch = ClockWatch(lambda: self.now)

    def said(self, wild: dict[Partition, WildClock]) -> list[str]:
        with capture_logs() as lines:
            self.watch.look(wild)
        return [f"{line['event']} {line.get('partition', '')}" for line in lines]


def test_a_partition_is_named_once_and_when_it_is_right_again() -> None:
    watched = Watched()
    first = watched.said({P0: AHEAD})
    assert len(first) == 1
    assert "come from the future" in first[0] and first[0].endswith(" in/0")
    assert watched.said({P0: AHEAD}) == []
    assert watched.said({}) == ["timestamps are believed again in/0"]
    assert watched.said({P0: AHEAD}) == []
    watched.said({})
    watched.now += AGAIN_SECONDS
    assert len(watched.said({P0: AHEAD})) == 1


def test_a_thousand_wild_partitions_are_a_few_lines() -> None:
    lines = Watched().said({Partition("in", p): AHEAD for p in range(1000)})
    assert len(lines) == NAMED_AT_ONCE + 1
    assert lines[-1].startswith("timestamps of more partitions")


def test_status_and_metrics_name_the_partition(start: Run, tmp_path: Path) -> None:
    wild = [
        replace(record, timestamp=record.timestamp + YEAR)
        for record in records(normal_errors(300, seed=1), partition=1)
    ]
    source = MemorySource([*records(normal_errors(300)), *wild])
    subject = start(source, MemorySink(), tmp_path, now=lambda: 1_700_000_001.0)
    turns(subject, 20)
    subject._gauges.refresh(at_once=True)
    status = subject.parts.board.published
    assert [(p["partition"], p["wild_clock"]) for p in status["partitions"]] == [
        (0, None),
        (1, "ahead"),
    ]
    sample = subject.parts.metrics.registry.get_sample_value
    for partition, value in ((P0, 0.0), (P1, 1.0)):
        labels = {"topic": partition.topic, "partition": str(partition.number)}
        assert sample("aead_monitor_clock_wild", labels) == value
    offset = sample("aead_monitor_clock_offset_seconds", {"topic": "in", "partition": "1"})
    assert offset == pytest.approx(YEAR / 1000, abs=10)
