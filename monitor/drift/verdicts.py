"""The verdict, put together from what the parts of a judge know."""

from __future__ import annotations

from dataclasses import dataclass

from models.distribution import ErrorDistribution
from monitor.drift.blocks import Position
from monitor.drift.budget import Allowance
from monitor.drift.clock import Clock
from monitor.drift.detectors import Detector
from monitor.drift.detectors.evidence import Evidence, Finding
from monitor.drift.episodes import Episodes, State
from monitor.drift.error_statistics import ErrorStatistics
from monitor.drift.window import RollingWindow
from monitor.stream.records import Onset, Verdict


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The parts that are looked at. tolerance, floor: see `Promise`. segment: see `Verdict`."""

    statistics: ErrorStatistics
    window: RollingWindow
    detector: Detector
    episodes: Episodes
    allowance: Allowance
    clock: Clock
    tolerance: float
    floor: float
    segment: str = ""

    def of(
        self,
        finding: Finding,
        evidence: Evidence,
        rows: int,
        early_signal: bool | None,
        state: State,
        event: str = "",
    ) -> Verdict:
        """The verdict in a state, on the event that brought it, if any. rows: counted so far."""
        window = self.window
        # What an episode was told with stays, so that all who hear of it hear the same.
        told = state is State.FIRING or event == "resolved"
        look = self.statistics.look(
            finding, window.errors, window.records, self._drifted(finding), told=told
        )
        recovery = self.episodes.recovery(self.clock) if state is State.FIRING else None
        words = self.statistics.explain(
            state, event, look.finding, look.ratio, self.detector.progress, recovery
        )
        return Verdict(
            state=str(state),
            statistic=evidence.statistic,
            threshold=evidence.threshold,
            direction=look.finding.direction,
            explanation=f"segment {self.segment}: {words}" if self.segment else words,
            partition=look.finding.partition,
            onset=onset_of(finding.onset, rows),
            ratio=look.ratio,
            promise=self.allowance.promise(
                self.detector.supported, self.tolerance, self.floor, self.detector.dependence
            ),
            window_records=window.records,
            window_fill=window.fill,
            exceedance=look.exceedance,
            early_signal=early_signal,
            quantiles=look.quantiles,
            kind=look.finding.kind,
            channels=look.finding.channels,
            segment=self.segment,
        )

    def described(self, finding: Finding) -> Finding:
        """The finding, called wider or narrower if the errors since its onset say so."""
        return self.statistics.described(finding, self._drifted(finding))

    def _drifted(self, finding: Finding) -> ErrorDistribution:
        """The window's errors since the onset of a drift, or all while there is none."""
        onset = finding.onset
        return self.window.errors if onset is None else self.window.since(onset.rows)


def onset_of(place: Position | None, rows: int) -> Onset | None:
    """Where a drift began, and how many of so many rows have come since."""
    if place is None:
        return None
    return Onset(place.timestamp, rows - place.rows, place.next_offsets)
