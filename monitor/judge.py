"""The judge: summaries in, verdict and alerts out.

It holds all that is remembered of a stream: which offsets were counted, the rolling window,
and the drift state. It never sees a record, only summaries, and never looks at a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.detectors import Detector, Evidence
from monitor.episodes import Episodes, State, Transition
from monitor.records import Alert, Partition, Summary, Verdict
from monitor.window import RollingWindow


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the drift state, with the verdict that brought it and the alert, if any.

    timestamp: of the newest record counted, in milliseconds since the epoch.
    """

    transition: Transition
    timestamp: int
    verdict: Verdict
    alert: Alert | None


class Judge:
    """Judges one model's stream.

    model_version: summaries of any other version are refused with ValueError.
    levels: the rolling quantiles that verdicts carry.
    """

    def __init__(
        self,
        model_version: str,
        window: RollingWindow,
        detector: Detector,
        episodes: Episodes,
        levels: Sequence[float],
    ) -> None:
        self.model_version = model_version
        self._window = window
        self._detector = detector
        self._episodes = episodes
        self._levels = tuple(levels)
        self._next_offsets: dict[Partition, int] = {}
        self._episode = ""
        self._evidence = detector.evaluate(window.errors)

    def next_offset(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        return self._next_offsets.get(partition, 0)

    def add(self, summary: Summary) -> list[Change]:
        """Count the summary's rows once; return the changes of state they brought.

        Raises ValueError for another model's summary or one that was counted before, in whole
        or in part: both would falsify the window.
        """
        if summary.model_version != self.model_version:
            raise ValueError(f"summary of model {summary.model_version}, not {self.model_version}")
        if summary.first_offset < self.next_offset(summary.partition):
            raise ValueError(f"{summary.partition}: offset {summary.first_offset} counted before")
        self._next_offsets[summary.partition] = summary.next_offset
        if not self._window.add(summary.errors):
            return []
        self._evidence = self._detector.evaluate(self._window.errors)
        transitions = self._episodes.look(self._evidence, self._window.records)
        return [self._change(t, summary.last_timestamp) for t in transitions]

    def _change(self, transition: Transition, timestamp: int) -> Change:
        verdict = self._verdict(transition.after)
        if transition.after is State.FIRING:
            self._episode = self._new_episode()
        alert = None
        if transition.event in ("firing", "resolved"):
            alert = Alert(
                event=transition.event,
                episode=self._episode,
                model_version=self.model_version,
                timestamp=timestamp,
                verdict=verdict,
                next_offsets=dict(self._next_offsets),
            )
        return Change(transition, timestamp, verdict, alert)

    def _new_episode(self) -> str:
        """An id from model and offsets: a second run over the same records makes the same."""
        offsets = sorted((str(p), offset) for p, offset in self._next_offsets.items())
        return hashlib.sha256(f"{self.model_version} {offsets}".encode()).hexdigest()[:12]

    @property
    def verdict(self) -> Verdict:
        """The verdict as of the last look, with the window as it is now."""
        return self._verdict(self._episodes.state)

    def _verdict(self, state: State) -> Verdict:
        evidence: Evidence = self._evidence
        return Verdict(
            state=str(state),
            statistic=evidence.statistic,
            threshold=evidence.threshold,
            effect_size=evidence.effect_size,
            effect_quantile=evidence.quantile,
            direction=evidence.direction,
            explanation=evidence.explanation,
            window_records=self._window.records,
            window_capacity=self._window.capacity,
            quantiles=self._window.quantiles(self._levels),
        )
