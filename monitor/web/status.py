"""The daemon's state as people and programs may see it: published whole, read from any thread."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.drift.judge import Change
from monitor.pipeline.events import verdict_json
from monitor.pipeline.outcome import Outcome
from monitor.retraining.past_episode import Episode, episode_json
from monitor.state.ledger import Totals
from monitor.stream.json_values import isoformat
from monitor.stream.records import Partition, Verdict

HISTORY_POINTS = 300
CHANGES_KEPT = 50


@dataclass(slots=True)
class StatusBoard:
    """Collects what the status page shows. Written by the main thread alone.

    `published` is a finished JSON object, replaced as a whole: other threads read only that.
    """

    about: Mapping[str, Any]
    episodes: Sequence[Episode] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    _history: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY_POINTS))
    _changes: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=CHANGES_KEPT))
    _anomalous: int = 0
    _rows: int = 0

    def count(self, outcome: Outcome) -> None:
        """Add an outcome that is published."""
        self._rows += outcome.scores.anomalous.size
        self._anomalous += int(outcome.scores.anomalous.sum())
        self._changes.extend(_change(change) for change in outcome.changes)

    def add_change(self, change: Change) -> None:
        """Add a change that no record brought."""
        self._changes.append(_change(change))

    def show_model(self, about: Mapping[str, Any]) -> None:
        """Say this of the model from now on."""
        self.about = {**self.about, **about}

    def remember(self, now: float, verdict: Verdict) -> None:
        """Add a point to the chart. now: seconds since the epoch."""
        quantiles = verdict_json(verdict)["quantiles"]
        point = {"time": now, "state": verdict.state, "ratio": _known(verdict.ratio.value)}
        self._history.append({**point, "quantiles": quantiles})

    def publish(
        self,
        verdict: Verdict,
        hindrance: str,
        connected: bool,
        lags: Mapping[Partition, tuple[int, float]],
        totals: Mapping[Partition, Totals],
    ) -> None:
        """Make the present state visible. hindrance: why we are not ready; empty if we are."""
        self.published = {
            **self.about,
            "ready": not hindrance,
            "hindrance": hindrance,
            "connected": connected,
            "drift": verdict_json(verdict),
            "rows": self._rows,
            "anomalous_rows": self._anomalous,
            "partitions": _partitions(lags, totals),
            "episodes": [episode_json(episode) for episode in self.episodes],
            "changes": list(self._changes),
            "history": list(self._history),
        }


def _partitions(
    lags: Mapping[Partition, tuple[int, float]], totals: Mapping[Partition, Totals]
) -> list[dict[str, Any]]:
    return [
        {
            "topic": partition.topic,
            "partition": partition.number,
            "assigned": partition in lags,
            "consumed": counted.consumed,
            "scored": counted.scored,
            "dead_lettered": counted.dead_lettered,
            "next_offset": counted.next_offset,
            "lag_records": lags[partition][0] if partition in lags else None,
        }
        for partition in sorted(totals.keys() | lags.keys())
        for counted in (totals.get(partition, Totals()),)
    ]


def _change(change: Change) -> dict[str, Any]:
    alert = change.alert
    return {
        "event": change.transition.event,
        "before": str(change.transition.before),
        "after": str(change.transition.after),
        "time": isoformat(change.timestamp),
        "episode": alert.episode if alert else None,
        "explanation": change.verdict.explanation,
        "statistic": change.verdict.statistic,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
