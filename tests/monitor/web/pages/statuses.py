"""Statuses as a daemon publishes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.process.liveness import Liveness
from monitor.state.ledger import Totals
from monitor.stream.columns import Columns
from monitor.stream.records import Partition
from monitor.web.histogram import compared
from monitor.web.status import StatusBoard
from tests.monitor.builders import candidate, pipeline, records

CHANNEL: dict[str, Any] = {
    "channel": "input temperature", "group": "input", "feature": "temperature",
    "direction": "stuck", "effect": {"value": 2.5, "low": 2.1, "high": 2.9}, "spread": 1.0,
    "value": 21.5, "usual": 20.0, "usual_spread": 0.6, "evidence": 9.0,
    "since": "2026-12-01T14:05:00.000+00:00",
}  # fmt: skip
EPISODE: dict[str, Any] = {
    "id": "75b24e733e9a", "model_version": "b4f55b4127ade695",
    "onset": "2026-12-01T06:13:48.000+00:00", "fired_at": "2026-12-01T06:13:49.000+00:00",
    "ended_at": None, "ending": None, "seconds": None, "direction": "larger",
    "explanation": "errors are 2 times larger", "partition": None, "peak_ratio": 2.0,
    "peak_evidence": 13.0, "rows": 900, "request": None,
    "onset_offsets": [{"topic": "in", "partition": 0, "offset": 605}],
}  # fmt: skip


def published(**changes: Any) -> dict[str, Any]:
    """What is published after two records, with changes. drift: of the verdict's keys."""
    board = StatusBoard({"version": "1", "topic": "in", "servers": "a:9092"}, Liveness(60))
    subject = pipeline()
    subject.step(Columns.of(records([1.0, 1e6])))
    board.histogram = compared(candidate().reference, subject.judge.window.errors)
    board.show_model({"drift_settings": {"false_alarms": "1 per 30d", "detection_limits": "none"}})
    totals = {Partition("in", 0): Totals(2, scored=2, rows=2, anomalous=1)}
    board.publish(subject.judge.verdict, {}, True, {Partition("in", 0)}, totals)
    now = dict(board.now())
    now["drift"] = now["drift"] | changes.pop("drift", {})
    return now | changes


def replaced(value: Any, text: str) -> Any:
    """A status in which every text is another one, but for those that choose among a few."""
    if isinstance(value, dict):
        kept = ("state", "drift_kind", "wild_clock", "onset", "fired_at", "ended_at")
        chosen = {k for k, v in value.items() if k in kept and isinstance(v, str)}
        return {k: v if k in chosen else replaced(v, text) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(each, text) for each in value]
    if isinstance(value, np.ndarray):
        raise AssertionError("a status holds JSON values alone")
    return text if isinstance(value, str) else value
