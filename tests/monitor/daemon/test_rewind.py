"""`run --rewind`: everything again, and counted once."""

from __future__ import annotations

from pathlib import Path

from monitor.drift.judge_state import decode, encode
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.daemon.crashes import Run, finish
from tests.monitor.daemon.daemons import turns
from tests.monitor.daemon.test_crashes import P0, memory, stream, uninterrupted


def test_a_rewind_reads_everything_again_and_counts_it_once(start: Run, tmp_path: Path) -> None:
    records = stream()
    expected, _ = uninterrupted(records, start, tmp_path / "whole")
    source, sink = MemorySource(records), MemorySink()
    finish(start(source, sink, tmp_path / "state"), source)
    subject = start(source, sink, tmp_path / "state")
    subject.parts.checkpoints.rewind()
    turns(subject, 1)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 100
    finish(subject, source)
    again, once = (decode(m, MEMORY_SCHEMA) for m in (memory(tmp_path / "state"), expected))
    # Episodes of before the rewind stay in the history; nothing is judged by them.
    assert encode({**again, "chronicle": {}}) == encode({**once, "chronicle": {}})
