"""A stream with an episode of drift, and a model to swap to in its midst."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monitor.daemon.loop import Daemon
from monitor.pipeline.loaded_model import LoadedModel
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import VERSION, candidate, normal_errors, record
from tests.monitor.daemon.crashes import Run
from tests.monitor.daemon.daemons import turns

NEW, NEWER = "fedcba9876543210", "00000000ffffffff"
RECORDS, BEFORE, EVERY = 5000, 2000, 53
OLD_THRESHOLD, NEW_THRESHOLD = candidate().threshold, candidate(NEW, 10.0).threshold


def stream(partitions: int = 1) -> list[Record]:
    """Normal errors, then three times as large: an episode fires at 2,300 or so."""
    errors = np.concatenate([normal_errors(BEFORE), normal_errors(RECORDS - BEFORE, 1, 3.0)])
    return [
        record(i // partitions, b"bad" if i % EVERY == 7 else float(error), i % partitions)
        for i, error in enumerate(errors)
    ]


def new() -> LoadedModel:
    return candidate(NEW, 10.0)


def bodies(sink: MemorySink, kind: str) -> list[dict[str, Any]]:
    return [json.loads(e.value or b"") for e in sink.flushed if e.kind == kind]


def sample(subject: Daemon, name: str, **labels: str) -> float | None:
    return subject.parts.metrics.registry.get_sample_value(f"aead_monitor_{name}", labels)


def firing(source: MemorySource, sink: MemorySink, folder: Path, start: Run, **changes: Any) -> Any:
    """A daemon half way through the stream, with an episode that fires."""
    subject = start(source, sink, folder, **changes)
    turns(subject, 30)
    assert subject.parts.pipeline.judge.verdict.state == "firing"
    return subject


def check_books(subject: Daemon, sent: list[Record], sink: MemorySink) -> None:
    """Every record is counted once, and every event is of the model whose threshold it names."""
    totals = subject.parts.pipeline.ledger.totals.values()
    bad = sum(r.value == b"bad" for r in sent)
    assert sum(t.dead_lettered for t in totals) == bad
    assert sum(t.scored for t in totals) == len(sent) - bad
    for body in bodies(sink, "anomaly"):
        expected = {VERSION: OLD_THRESHOLD, NEW: NEW_THRESHOLD}[body["model_version"]]
        assert body["threshold"] == expected
