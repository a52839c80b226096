"""A change of the drift state as it is remembered and shown."""

from __future__ import annotations

from typing import Any

from monitor.drift.judge import Change
from monitor.stream.json_values import isoformat


def change_json(change: Change) -> dict[str, Any]:
    """A change as JSON values."""
    alert = change.alert
    return {
        "event": change.transition.event,
        "before": str(change.transition.before),
        "after": str(change.transition.after),
        "time": isoformat(change.timestamp),
        "episode": alert.episode if alert else None,
        "explanation": change.verdict.explanation,
        "statistic": change.verdict.statistic,
        **({"segment": change.verdict.segment} if change.verdict.segment else {}),
    }
