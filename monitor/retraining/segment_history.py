"""What is remembered of segments: their episodes of drift and of silence.

They ask for no new model: one camera of fifty that drifts is a camera to look at. Where the whole
stream has drifted, the request names the segments that fire.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from monitor.drift.episodes import Change
from monitor.drift.segments.silence import RETURNED, SILENT
from monitor.retraining.past_change import change_json
from monitor.retraining.past_episode import (
    Episode,
    begun,
    episode_state,
    episodes_of,
    moved_by,
    names_of,
)
from monitor.stream.records import Alert

EPISODES_KEPT: Final = 200
"""Of segments; those that last are kept beyond that."""
CHANGES_KEPT: Final = 50
SILENCE: Final = "silence"
"""The kind of an episode in which nothing came."""
_ENDINGS: Final = {"resolved": "resolved", RETURNED: "it came back"}


class SegmentHistory:
    """Keeps the last episodes and changes of state of all segments, in the order of the stream."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []
        self.changes: list[dict[str, Any]] = []

    def note(self, change: Change, mute: str | None = None, ending: str = "") -> None:
        """A segment's state has changed.

        mute: why its alert does not leave now. ending: of its episode, if that is another one.
        """
        told = change_json(change)
        alert = change.alert
        if alert is not None:
            self._take(change, alert, ending)
            if mute is not None:
                told["muted"] = mute
                self._update(alert.episode, muted=mute)
        self.changes = [*self.changes, told][-CHANGES_KEPT:]

    def _take(self, change: Change, alert: Alert, ending: str) -> None:
        if alert.event in ("firing", SILENT):
            self._begin(change, alert)
        elif alert.event in _ENDINGS:
            ending = ending or _ENDINGS[alert.event]
            self._update(alert.episode, ending=ending, ended_at=change.timestamp)
        else:
            told = alert.verdict
            self._update(
                alert.episode,
                direction=told.direction,
                explanation=told.explanation,
                kind=told.kind,
                channels=names_of(told),
                moved=moved_by(told),
            )

    def _begin(self, change: Change, alert: Alert) -> None:
        found = begun(alert.verdict, alert.episode, alert.model_version, change.timestamp)
        self.episodes.append(_silence(found) if alert.event == SILENT else found)
        if len(self.episodes) > EPISODES_KEPT:
            over = (i for i, each in enumerate(self.episodes) if each.ended_at is not None)
            oldest = next(over, None)
            if oldest is not None:
                del self.episodes[oldest]

    def _update(self, episode: str, **changes: Any) -> None:
        self.episodes = [
            replace(each, **changes) if each.id == episode and each.ended_at is None else each
            for each in self.episodes
        ]

    @property
    def lasting(self) -> tuple[Episode, ...]:
        """The episodes that last now."""
        return tuple(each for each in self.episodes if each.ended_at is None)

    def firing(self) -> tuple[str, ...]:
        """Names of the segments in drift, sorted."""
        return tuple(sorted({e.segment for e in self.lasting if e.kind != SILENCE}))

    def end_all(self, ending: str) -> None:
        """Nothing is known of the segments any more."""
        for each in self.lasting:
            self._update(each.id, ending=ending, ended_at=each.fired_at)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values."""
        return {"episodes": [episode_state(e) for e in self.episodes], "changes": self.changes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.episodes = episodes_of(state)
        self.changes = [dict(change) for change in state["changes"]]


def _silence(found: Episode) -> Episode:
    """Of a segment in which nothing comes there is nothing that was measured."""
    return replace(
        found,
        direction=SILENT,
        kind=SILENCE,
        partition="",
        peak_ratio=math.nan,
        peak_evidence=0.0,
        channels=(),
        moved=(),
    )
