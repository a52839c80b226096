"""A drift episode as it is remembered and told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from monitor.drift.detectors.evidence import restored_channel
from monitor.stream.channel_json import channel_json
from monitor.stream.json_values import isoformat, number_json
from monitor.stream.records import ChannelDrift, Onset, Verdict

MOVED_KEPT: Final = 5
"""Channels of which it is remembered how they have moved: about 1 KB each."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A drift episode, from onset to resolution. Times are in milliseconds since the epoch.

    fired_at, ended_at: timestamps of the newest record then; ended_at is None while it lasts.
    ending: resolved, model replaced, detection began anew, or "" while it lasts. peak_ratio: of
    the median error to the reference's, the farthest from 1; nan if not known. peak_evidence:
    log10. onset_offsets: topic, partition and first drifted offset. request: id of the
    retraining request it led to, or "". kind: error or input, "" where the error alone is watched.
    channels: those that have moved, the likeliest cause first; moved: how the first of them have,
    as was told last. muted: why an alert of it was withheld, "" if none was. segment: the one that
    it is of, "" for the whole stream; of a segment that kept silent, kind is silence.
    """

    id: str
    model_version: str
    onset: int | None
    fired_at: int
    ended_at: int | None
    ending: str
    direction: str
    explanation: str
    partition: str
    peak_ratio: float
    peak_evidence: float
    rows: int
    onset_offsets: tuple[tuple[str, int, int], ...] = ()
    request: str = ""
    kind: str = ""
    channels: tuple[str, ...] = ()
    muted: str = ""
    moved: tuple[ChannelDrift, ...] = ()
    segment: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it lasted, from its onset; None while it lasts."""
        if self.ended_at is None:
            return None
        begin = self.fired_at if self.onset is None else self.onset
        return max(0.0, (self.ended_at - begin) / 1000)


def begun(verdict: Verdict, episode: str, model_version: str, fired_at: int) -> Episode:
    """The episode of a drift that was just found. fired_at: timestamp of the newest record."""
    onset = verdict.onset
    return Episode(
        id=episode,
        model_version=model_version,
        onset=onset.timestamp if onset else None,
        fired_at=fired_at,
        ended_at=None,
        ending="",
        direction=verdict.direction,
        explanation=verdict.explanation,
        partition=str(verdict.partition or ""),
        peak_ratio=verdict.ratio.value,
        peak_evidence=verdict.statistic,
        rows=onset.rows if onset else 0,
        onset_offsets=places(onset),
        kind=verdict.kind,
        channels=names_of(verdict),
        moved=moved_by(verdict),
        segment=verdict.segment,
    )


def episodes_of(state: Mapping[str, Any]) -> list[Episode]:
    """The episodes in a history's state, the oldest first."""
    return [_episode(dict(values)) for values in state["episodes"]]


def _episode(values: dict[str, Any]) -> Episode:
    ratio = values.pop("peak_ratio")
    places = tuple((str(t), int(p), int(o)) for t, p, o in values.pop("onset_offsets"))
    values["channels"] = tuple(values.get("channels", ()))  # earlier versions had none of both
    values["moved"] = tuple(restored_channel(each) for each in values.get("moved", ()))
    return Episode(**values, peak_ratio=math.nan if ratio is None else ratio, onset_offsets=places)


def places(onset: Onset | None) -> tuple[tuple[str, int, int], ...]:
    """Topic, partition and first offset of each partition's part in a drift."""
    offsets = onset.next_offsets if onset else {}
    return tuple((p.topic, p.number, offset) for p, offset in sorted(offsets.items()))


def names_of(verdict: Verdict) -> tuple[str, ...]:
    """Of the channels that have moved, the likeliest cause first."""
    return tuple(each.channel for each in verdict.channels)


def moved_by(verdict: Verdict) -> tuple[ChannelDrift, ...]:
    """How the first of them have moved, as far as it is remembered."""
    return verdict.channels[:MOVED_KEPT]


def episode_json(episode: Episode) -> dict[str, Any]:
    """An episode as JSON values; what is not known is null."""
    return {
        "id": episode.id,
        "model_version": episode.model_version,
        "onset": None if episode.onset is None else isoformat(episode.onset),
        "fired_at": isoformat(episode.fired_at),
        "ended_at": None if episode.ended_at is None else isoformat(episode.ended_at),
        "ending": episode.ending or None,
        "seconds": episode.seconds,
        "direction": episode.direction,
        "explanation": episode.explanation,
        "partition": episode.partition or None,
        "peak_ratio": number_json(episode.peak_ratio),
        "peak_evidence": episode.peak_evidence,
        "rows": episode.rows,
        "onset_offsets": [
            {"topic": topic, "partition": partition, "offset": offset}
            for topic, partition, offset in episode.onset_offsets
        ],
        "request": episode.request or None,
        **(
            {
                "drift_kind": episode.kind,
                "channels": list(episode.channels),
                "moved": [channel_json(each, shares=True) for each in episode.moved],
            }
            if episode.kind
            else {}
        ),
        **({"muted": episode.muted} if episode.muted else {}),
        **({"segment": episode.segment} if episode.segment else {}),
    }


def episode_state(episode: Episode) -> dict[str, Any]:
    """Everything that `episodes_of` needs, as plain values."""
    values = asdict(episode)
    if not episode.kind:
        del values["kind"], values["channels"], values["moved"]
    for name in ("muted", "segment"):
        if not values[name]:
            del values[name]
    ratio = values["peak_ratio"]
    return {**values, "peak_ratio": ratio if math.isfinite(ratio) else None}
