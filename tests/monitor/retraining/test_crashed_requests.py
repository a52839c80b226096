"""Retraining requests, whatever the daemon dies of."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.daemon.loop import Daemon
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.retraining.request import request_id
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import VERSION, ValueScorer, decode, judge, reference
from tests.monitor.daemon.crashes import Crash, Killed, Run, finish
from tests.monitor.daemon.daemons import keys
from tests.monitor.daemon.test_crashes import PLACES, stream


@pytest.mark.parametrize("place", PLACES)
def test_a_crash_at_any_step_leaves_one_request(
    place: str, crash: Crash, start: Run, tmp_path: Path
) -> None:
    records = stream()
    source, sink = MemorySource(records), MemorySink()
    told: list[str] = []

    def begin() -> Daemon:
        history = History(Policy(mode="auto", min_records=300))
        asking = Pipeline(decode, ValueScorer(reference()), judge(), history=history)
        return start(
            source,
            sink,
            tmp_path,
            pipeline=asking,
            on_final=lambda requests: told.extend(r.id for r in requests),
        )

    for count in (1, 9, 23, 24, 25, 26, 2):
        crash.at(place, count)
        subject = begin()
        try:
            finish(subject, source)
        except Killed:
            continue
    crash.at("", 0)
    finish(begin(), source)
    assert set(told) == {request_id("model", VERSION, 1)}
    assert set(keys(sink)) >= {b"in/0/7"}
