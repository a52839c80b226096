"""The daemon's state as people and programs may see it: published whole, read from any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from monitor.drift.partition_clocks import WildClock
from monitor.pipeline.events import verdict_json
from monitor.process.liveness import Liveness
from monitor.retraining.past_episode import Episode, episode_json
from monitor.retraining.request import RetrainRequest
from monitor.state.ledger import Totals
from monitor.stream.channel_json import channel_json
from monitor.stream.json_values import isoformat
from monitor.stream.records import Lags, Partition, Verdict
from monitor.web.timeline import Timeline


@dataclass(slots=True)
class StatusBoard:
    """Collects what the status page shows. Written by the main thread alone.

    liveness: whether the run loop turns. timeline: what the curves are drawn of. lags: how far
    partitions are behind, from any thread.
    changes: of the drift state, as JSON values. wild_clocks: of partitions whose timestamps are not
    believed. first_rows: what is wrong with them, if anything is. requests: for a new model.
    histogram: of errors, see `histogram.compared`. segments: see `segments_json`, None if the
    stream has none. muted: name, reason and end of the mute in
    force. mute_damage: why the file of the mute by hand cannot be used.

    `published` is a finished JSON object, replaced as a whole: other threads read only that.
    """

    about: Mapping[str, Any]
    liveness: Liveness
    timeline: Timeline = field(default_factory=Timeline)
    lags: Callable[[], Lags] = dict
    episodes: Sequence[Episode] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    wild_clocks: Mapping[Partition, WildClock] = field(default_factory=dict)
    first_rows: str | None = None
    requests: Sequence[RetrainRequest] = ()
    histogram: Mapping[str, Any] | None = None
    segments: Mapping[str, Any] | None = None
    muted: Mapping[str, Any] | None = None
    mute_damage: str | None = None
    published: Mapping[str, Any] = field(default_factory=dict)

    def show_model(self, about: Mapping[str, Any]) -> None:
        """Say this of the model from now on."""
        self.about = {**self.about, **about}

    def publish(
        self,
        verdict: Verdict,
        hindrances: Mapping[str, str],
        connected: bool,
        assigned: Set[Partition],
        totals: Mapping[Partition, Totals],
    ) -> None:
        """Make the present state visible. hindrances: why we are not ready, by reason."""
        self.published = {
            **self.about,
            "ready": not hindrances,
            "hindrance": "; ".join(hindrances.values()),
            "hindrances": dict(hindrances),
            "connected": connected,
            "first_rows": self.first_rows,
            "muted": self.muted,
            "mute_damage": self.mute_damage,
            "drift": {**verdict_json(verdict), **_channels(verdict)},
            "rows": sum(counted.rows for counted in totals.values()),
            "anomalous_rows": sum(counted.anomalous for counted in totals.values()),
            "partitions": _partitions(assigned, totals, self.wild_clocks),
            "episodes": [episode_json(episode) for episode in self.episodes],
            "changes": list(self.changes),
            "requests": [_request(request) for request in self.requests],
            "histogram": self.histogram,
            **({} if self.segments is None else {"segments": self.segments}),
        }

    def now(self) -> Mapping[str, Any]:
        """What is published, with what holds whether or not the run loop turns; for any thread."""
        published, lags = self.published, self.lags()
        if not published:
            return published
        hung = self.liveness.stalled_seconds
        behind = {p: records for p, (records, _) in lags.items()}
        why = f"the run loop has hung for {hung:.0f} s"
        hangs = {"ready": False, "hindrance": why, "hindrances": {"hangs": why}}
        return {
            **published,
            **(hangs if hung else {}),
            "loop_turned": self.liveness.turned_at,
            "partitions": [
                {**each, "lag_records": behind.get(Partition(each["topic"], each["partition"]))}
                for each in published["partitions"]
            ],
        }


def _channels(verdict: Verdict) -> dict[str, Any]:
    """Those that have moved, with their histograms; nothing where the error alone is watched."""
    if not verdict.kind:
        return {}
    return {"channels": [channel_json(each, shares=True) for each in verdict.channels]}


def _partitions(
    assigned: Set[Partition],
    totals: Mapping[Partition, Totals],
    wild: Mapping[Partition, WildClock],
) -> list[dict[str, Any]]:
    return [
        {
            "topic": partition.topic,
            "partition": partition.number,
            "assigned": partition in assigned,
            "consumed": counted.consumed,
            "scored": counted.scored,
            "dead_lettered": counted.dead_lettered,
            "next_offset": counted.next_offset,
            "wild_clock": wild[partition].reason if partition in wild else None,
        }
        for partition in sorted(totals.keys() | assigned)
        for counted in (totals.get(partition, Totals()),)
    ]


def _request(request: RetrainRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "time": isoformat(request.timestamp),
        "policy": request.policy,
        "episode": request.episode,
        "model_version": request.model_version,
        "reason": request.reason,
    }
