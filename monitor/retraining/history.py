"""What is remembered of a stream beyond its state: drift episodes, and the requests they led to.

It looks at the judge after each evaluation, so that what it remembers depends on the records
alone and not on how they came in batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from monitor.drift.blocks import Position
from monitor.drift.clock import arrived_seconds
from monitor.drift.episodes import Place, State
from monitor.drift.judge import Change, Judge
from monitor.retraining.past_change import change_json
from monitor.retraining.past_episode import (
    Episode,
    begun,
    episode_state,
    episodes_of,
    moved_by,
    names_of,
)
from monitor.retraining.policy import DAY_SECONDS, GoodMarks, Policy, between
from monitor.retraining.request import RetrainRequest, Statistics, from_json, to_json
from monitor.stream.records import Verdict

EPISODES_KEPT: Final = 100
REQUESTS_KEPT: Final = 16
VERSIONS_KEPT: Final = 100
CHANGES_KEPT: Final = 50
PEAK_EVERY: Final = 16
"""Evaluations between two looks for a new peak: a look costs as much as some evaluations."""
REPLACED: Final = "model replaced"
BEGUN_ANEW: Final = "detection began anew"


class History:
    """Keeps the last episodes and changes of state, and makes requests as the policy says.

    segments: names of those that fire now.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self.episodes: list[Episode] = []
        self.requests: list[RetrainRequest] = []
        self.changes: list[dict[str, Any]] = []
        self._made: list[tuple[str, float, float]] = []
        self._numbers: dict[str, int] = {}
        self._good = GoodMarks()
        self._seen = 0
        self._newest = 0
        self._seconds_before = 0.0
        self._arrived_before = 0.0
        self._mute: str | None = None
        self.segments: Callable[[], tuple[str, ...]] = tuple

    def note(
        self, judge: Judge, changes: Sequence[Change], newest: int, mute: str | None = None
    ) -> tuple[RetrainRequest, ...]:
        """Take into account what the judge has counted; returns the requests to make.

        newest: timestamp of the newest record it was given since the last call, or, if there
        were several evaluations, since the last but one of them. Without an evaluation since the
        last call, nothing is concluded. mute: why no alert leaves now, and no model is asked for.
        """
        self._mute = mute
        earlier = 0 if judge.evaluations > self._seen + 1 else self._newest
        self._newest = max(earlier, newest)
        if judge.evaluations == self._seen:
            return ()
        self._seen = judge.evaluations
        place = judge.place
        state = place.state
        for change in changes:
            self._take(judge, change)
            self.remember(change)
            if mute is not None and change.alert is not None:
                self.remember_muted(mute)
        if state in (State.OK, State.LEARNING):
            self._good.note(place, self._newest)
        made = self._look(judge) if state is State.FIRING else ()
        self._newest = 0
        return made

    def calm_until(self) -> int:
        """Rows counted before which there is nothing to note, as long as all is calm."""
        return self._good.due

    def remember(self, change: Change) -> None:
        """Keep a change of state, to be shown."""
        self.changes = [*self.changes, change_json(change)][-CHANGES_KEPT:]

    def remember_muted(self, mute: str) -> None:
        """The alert of the change that was remembered last is withheld. mute: why."""
        last = {**self.changes[-1], "muted": mute}
        self.changes = [*self.changes[:-1], last]
        if self.episodes and self.episodes[-1].id == last["episode"]:
            self.episodes[-1] = replace(self.episodes[-1], muted=mute)

    def _take(self, judge: Judge, change: Change) -> None:
        event = change.transition.event
        if event == "firing":
            self._begin(judge, change)
        elif event == "turned":
            told = change.verdict
            self._update(
                direction=told.direction,
                explanation=told.explanation,
                kind=told.kind,
                channels=names_of(told),
                moved=moved_by(told),
            )
        elif event == "resolved":
            told = change.verdict
            self._update(channels=names_of(told), moved=moved_by(told))
            self.end("resolved", change.timestamp)
            self._good.clear()

    def _begin(self, judge: Judge, change: Change) -> None:
        begun_at = judge.episode, judge.model_version, change.timestamp
        self.episodes.append(begun(change.verdict, *begun_at))
        del self.episodes[:-EPISODES_KEPT]

    @property
    def open(self) -> Episode | None:
        """The episode that lasts now."""
        last = self.episodes[-1] if self.episodes else None
        return last if last and last.ended_at is None else None

    def asked(self, version: str) -> int | None:
        """Timestamp of the newest request for a successor of this version, None without one."""
        mine = [request.timestamp for request in self.requests if request.model_version == version]
        return mine[-1] if mine else None

    def _update(self, **changes: Any) -> None:
        if self.open is not None:
            self.episodes[-1] = replace(self.episodes[-1], **changes)

    def end(self, ending: str, timestamp: int) -> None:
        """The episode that lasts is over."""
        self._update(ending=ending, ended_at=timestamp)

    def _look(self, judge: Judge) -> tuple[RetrainRequest, ...]:
        """Note a new peak of the episode, and ask for a new model if it is time."""
        episode = self.open
        if episode is None or (
            self._seen % PEAK_EVERY and not (self._waiting(episode) and self._due(judge, episode))
        ):
            return ()
        verdict = judge.verdict
        self._peak(verdict)
        if not self._waiting(episode) or not self._due(judge, self.episodes[-1]):
            return ()
        return self._ask(judge, verdict)

    def _waiting(self, episode: Episode) -> bool:
        return self._policy.mode != "off" and not episode.request and self._mute is None

    def _peak(self, verdict: Verdict) -> None:
        episode = self.episodes[-1]
        old, new = abs(_log(episode.peak_ratio)), abs(_log(verdict.ratio.value))
        self._update(
            peak_ratio=verdict.ratio.value if new > old else episode.peak_ratio,
            peak_evidence=max(episode.peak_evidence, verdict.statistic),
            rows=verdict.onset.rows if verdict.onset else episode.rows,
            channels=names_of(verdict),
            moved=moved_by(verdict),
        )

    def _due(self, judge: Judge, episode: Episode) -> bool:
        place = judge.place
        since = [(version, self._since(place, *then)) for version, *then in self._made]
        mine = [seconds for version, seconds in since if version == judge.model_version]
        return self._policy.allows(
            evidence=episode.peak_evidence,
            rows=place.rows - place.onset.rows if place.onset else place.rows,
            since_last=mine[-1] if mine else None,
            made_today=sum(seconds < DAY_SECONDS for _, seconds in since),
        )

    def _since(self, place: Place, seconds: float, arrived: float) -> float:
        """Seconds since a request that was made then: no more than those in which records came."""
        elapsed = self._seconds_before + place.seconds - seconds
        if place.arrived is None:
            return elapsed
        came = self._arrived_before + place.arrived - arrived
        return min(elapsed, came) if elapsed else came

    def _ask(self, judge: Judge, verdict: Verdict) -> tuple[RetrainRequest, ...]:
        """The request; none while no drifted records can be named: the next look tries again."""
        version, place = judge.model_version, judge.place
        number = self._numbers.get(version, 0) + 1
        here = Position(place.rows, self._newest, place.next_offsets)
        good = self._good.until(place.onset)
        start = place.onset or self._good.last or here
        drifted = between(start, here, self._newest)
        if drifted is None:
            return ()
        request = RetrainRequest(
            model=self._policy.model,
            model_version=version,
            number=number,
            policy=self._policy.mode,
            episode=judge.episode,
            reason=verdict.explanation,
            timestamp=self._newest,
            statistics=Statistics(
                statistic=self.episodes[-1].peak_evidence,
                threshold=verdict.threshold,
                direction=verdict.direction,
                ratio=verdict.ratio,
                reference_median=judge.unit,
                current_median=judge.unit * verdict.ratio.value,
                kind=verdict.kind,
            ),
            drifted=drifted,
            good=good,
            links=dict(self._policy.links),
            segments=self.segments(),
        )
        # A version may come back by a rollback, and must not use a number twice.
        self._numbers.pop(version, None)
        self._numbers = dict([*self._numbers.items(), (version, number)][-VERSIONS_KEPT:])
        arrived = self._arrived_before + (place.arrived or 0.0)
        self._made.append((version, self._seconds_before + place.seconds, arrived))
        self._made = self._made[-max(self._policy.per_day, 1) :]
        self.requests = [*self.requests, request][-REQUESTS_KEPT:]
        self._update(request=request.id)
        return (request,)

    def end_open_episode(self, ending: str, clock: Mapping[str, Any]) -> None:
        """Another judge goes on: end the episode that lasts. clock: state of the old judge's."""
        newest = round(1000 * (clock["newest"] or 0.0))
        if self.open is not None:
            self.end(ending, max(newest, self.open.fired_at))
        self._good.clear()
        self._seen = self._newest = 0
        self._seconds_before += float(clock["seconds"])
        self._arrived_before += arrived_seconds(clock)

    def inherit(self, memory: Mapping[str, Any]) -> None:
        """Go on after a stream that was judged by other settings. memory: the pipeline's."""
        if "chronicle" in memory:
            self.restore(memory["chronicle"])
            self.end_open_episode(BEGUN_ANEW, memory["judge"]["clock"])

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values."""
        return {
            "episodes": [episode_state(e) for e in self.episodes],
            "requests": [to_json(request) for request in self.requests],
            "made": [list(item) for item in self._made],
            "numbers": [list(item) for item in self._numbers.items()],
            "good": self._good.state(),
            "seen": self._seen,
            "newest": self._newest,
            "seconds_before": self._seconds_before,
            "arrived_before": self._arrived_before,
            "changes": self.changes,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self.episodes = episodes_of(state)
        self.requests = [from_json(document) for document in state["requests"]]
        self._made = [
            (str(version), float(then), float(arrived[0]) if arrived else 0.0)
            for version, then, *arrived in state["made"]
        ]
        self._numbers = {str(v): int(n) for v, n in state["numbers"]}
        self._good.restore(state["good"])
        self._seen, self._newest = int(state["seen"]), int(state["newest"])
        self._seconds_before = float(state["seconds_before"])
        self._arrived_before = float(state.get("arrived_before", 0.0))
        self.changes = [dict(change) for change in state.get("changes", ())]


def _log(ratio: float) -> float:
    return math.log(ratio) if math.isfinite(ratio) and ratio > 0 else 0.0
