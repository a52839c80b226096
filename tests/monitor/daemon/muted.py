"""A daemon that is muted, over a stream with an episode of drift."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monitor.daemon.loop import Daemon
from monitor.daemon.muting import Muting
from monitor.metrics import Metrics
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.state.mute_file import MuteFile
from monitor.state.mutes import BY_HAND, Once
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from monitor.web.status import StatusBoard
from tests.monitor.builders import ValueScorer, decode, judge, normal_errors, record, reference
from tests.monitor.daemon.crashes import Run

BEFORE, DRIFT, AFTER = 2000, 3000, 11_000
"""Records before the drift, of it, and after it. Each turn takes 100 of them."""
FIRES, ENDS = 24, 155
"""Turns after which the episode fires, and is over."""


def stream(after: int = AFTER) -> list[Record]:
    """Normal errors, then three times as large, and normal ones again."""
    errors = [normal_errors(BEFORE), normal_errors(DRIFT, 1, 3.0), normal_errors(after, 2)]
    return [record(i, float(error)) for i, error in enumerate(np.concatenate(errors))]


@dataclass
class Clock:
    """What the time is: seconds since the epoch, and of the monotonic clock."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """A daemon over a topic and outputs in memory, with a clock that stands."""

    start: Run
    folder: Path
    records: list[Record] = field(default_factory=stream)
    clock: Clock = field(default_factory=Clock)
    requests: list[str] = field(default_factory=list)
    mutes: tuple[Once, ...] = ()

    def __post_init__(self) -> None:
        self.source, self.sink = MemorySource(self.records), MemorySink()

    def begin(self, **changes: Any) -> Daemon:
        """A daemon; the one before is dead."""
        asking = Pipeline(
            decode, ValueScorer(reference()), judge(),
            history=History(Policy(mode="auto", min_records=300)),
        )  # fmt: skip
        return self.start(
            self.source, self.sink, self.folder,
            pipeline=changes.pop("pipeline", asking),
            mute=self._muting,
            on_final=lambda requests: self.requests.extend(r.id for r in requests),
            **changes,
        )  # fmt: skip

    def _muting(self, metrics: Metrics, board: StatusBoard) -> Muting:
        file = MuteFile(self.folder)
        return Muting(self.mutes, file, metrics, board, self.clock, self.clock)

    def mute(self, seconds: float = 100.0, reason: str = "a new lamp") -> None:
        MuteFile(self.folder).write(Once(BY_HAND, reason, self.clock.now, self.clock.now + seconds))
        self.clock.now += 1  # so that it is noticed

    def unmute(self) -> None:
        MuteFile(self.folder).remove()
        self.clock.now += 1

    def alerts(self) -> list[str]:
        """The events of the alerts that left, in order."""
        return [body["event"] for body in self.bodies()]

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(e.value or b"") for e in self.sink.flushed if e.kind == "alert"]
