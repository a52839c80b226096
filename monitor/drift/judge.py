"""The judge: summaries in, verdict and alerts out.

It holds all that is remembered of a stream: which offsets were counted, the rolling window, the
evidence and the drift state. It never sees a record, only summaries, and never looks at a clock:
time is what the records' timestamps say, bounded by when they came (`clock.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.channels import Channels
from models.distribution import bucket_index
from models.reference import Reference
from monitor.drift import built, episodes
from monitor.drift.blocks import TICK_ROWS, Block
from monitor.drift.budget import ALLOWANCE_EVERY, Allowance, Levels
from monitor.drift.calm import CalmBlocks
from monitor.drift.channels.findings import INPUT, WORSE, joined
from monitor.drift.clock import Clock
from monitor.drift.coming import Coming
from monitor.drift.detectors.evidence import NOTHING, Evidence, finding_state, restored_finding
from monitor.drift.episodes import TURNS, Change, Episodes, Note, Place, State, Transition
from monitor.drift.error_statistics import ErrorStatistics
from monitor.drift.intake import Intake
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.partition_clocks import WildClock
from monitor.drift.verdicts import Verdicts
from monitor.drift.window import RollingWindow
from monitor.stream.records import Partition, Summary, Verdict

__all__ = ["Change", "Judge", "Note"]


class Judge:
    """Judges one model's stream.

    model_version: summaries of any other version are refused. channels: watched beside the error,
    or None. made: the detectors, if they are made already. segment: what is judged, "" for the
    whole stream. window: of errors in units of the reference's, to be read. Raises ValueError if
    reference or channels are too small for the detector, or the detector's library is missing.
    """

    def __init__(
        self,
        model_version: str,
        reference: Reference,
        settings: JudgeSettings,
        channels: Channels | None = None,
        made: built.Built | None = None,
        segment: str = "",
    ) -> None:
        self.model_version = model_version
        self.unit = reference.unit
        self.evaluation_rows = settings.evaluation_rows
        made = made or built.build(reference, settings, channels)
        self.detector, self._digitise, self._advisory = made
        size = settings.window_rows, settings.window_panes, settings.window_seconds
        self.window = RollingWindow(*size)
        self._episodes = Episodes(settings.guard_seconds, settings.cooldown_seconds)
        self._intake = Intake(settings.evaluation_rows, settings.evaluation_seconds)
        self._clock = Clock(settings.evaluation_seconds)
        self._shown: tuple[tuple[int, int], Verdict] | None = None
        self.evaluations, self._signalled = 0, False
        self.episode = self._suspicion = ""
        self._finding, self._told = NOTHING, NOTHING.direction
        self._allowance = Allowance(settings.budget)
        self._evidence = Evidence(0.0, float(np.log10(self._allowance.levels.records)))
        if self.detector.ready:
            self._episodes.state = State.OK
        self._calm = CalmBlocks(
            self.detector, self._episodes, self._allowance, self.window, self._clock
        )
        self._verdicts = Verdicts(
            ErrorStatistics(reference, settings.quantiles, settings.tolerance),
            self.window,
            self.detector,
            self._episodes,
            self._allowance,
            self._clock,
            settings.tolerance,
            built.floor_of(reference, self.detector, settings.tolerance),
            segment,
        )

    @property
    def rows(self) -> int:
        """How many were counted."""
        return self._intake.rows

    def uncounted(self, records: JudgedRecords) -> JudgedRecords:
        """Those that were not counted yet."""
        return self._intake.uncounted(records)[0]

    def next_offset(self, partition: Partition) -> int:
        """The first offset of the partition that has not been counted; 0 if none was."""
        return self._intake.next_offset(partition)

    def watch(
        self, records: JudgedRecords, note: Note, calm_until: Callable[[], int] = lambda: 0
    ) -> int:
        """Count the rows of records once, block by block; returns how many were counted before.

        Calls `note` after each evaluation, and after the last records if they end no block. It
        may leave out evaluations in which nothing changed (ok or learning) before the one that
        brings the stream to `calm_until` rows; window, clock and evidence may then be those of
        some blocks later. Raises ValueError for another model's records.
        """
        self._check(records.model_version)
        if not len(records):
            return 0
        new, numbers = self._intake.uncounted(records)
        if len(new):
            buckets = bucket_index(new.errors / self.unit)
            coming = Coming(self._intake, new, numbers, buckets, self._digitise)
            self._watch(coming, note, calm_until)
        return records.errors.size - new.errors.size

    def _watch(self, coming: Coming, note: Note, calm_until: Callable[[], int]) -> None:
        while coming.left:
            calm = self._calm.take(coming, self.evaluations, 0 if self._advisory else calm_until())
            if calm is None:
                block, newest = coming.step()
                note([] if block is None else self._evaluate(block), newest)
                continue
            self._evidence = calm.evidence
            for blocks, newest in coming.count(calm.blocks, calm_until):
                self.evaluations += blocks
                note([], newest)

    def add(self, *summaries: Summary) -> list[Change]:
        """Count the rows of summaries once; return the changes of state they brought.

        What is added together is evaluated together. Raises ValueError for another model's
        summary or one that was counted before, in whole or in part: both would falsify the
        evidence.
        """
        for summary in summaries:
            self._check(summary.model_version)
            self._intake.add(summary)
        block = self._intake.ended()
        return [] if block is None else self._evaluate(block)

    def _check(self, model_version: str) -> None:
        if model_version != self.model_version:
            raise ValueError(f"summary of model {model_version}, not {self.model_version}")

    def _evaluate(self, block: Block) -> list[Change]:
        self._clock.advance(block)
        self.window.add(block.counts, block.start.rows, self._clock.seconds)
        if self._advisory is not None:
            self._signalled = self._advisory.watch(block, np.inf, learn=False).drifting
        if self.evaluations < ALLOWANCE_EVERY or self.evaluations % ALLOWANCE_EVERY == 0:
            self._clock.measure()
            self._allowance.renew(self._clock.rows_per_second, self.detector.supported)
        self.evaluations += 1
        self._evidence = self._weigh(block)
        transition = self._episodes.look(
            self._evidence,
            self._clock,
            ready=self.detector.ready,
            detection_ticks=self._detection_ticks(),
        )
        if transition is None and self._evidence.drifting:
            transition = self._found_again()
        return [] if transition is None else [self._change(transition, block.last_timestamp)]

    def _weigh(self, block: Block) -> Evidence:
        """Let the detector take the block into account, as the state wants it."""
        state, levels = self._episodes.state, self._allowance.levels
        if state is not State.PENDING:
            calm = state is not State.FIRING
            # To find drift again takes the whole budget: there is no second stage to sift it.
            records = levels.records * (1.0 if calm else levels.odds)
            return self.detector.watch(block, records, learn=calm)
        if self._episodes.guarding(self._clock):
            return self._evidence
        return self.detector.confirm(block, levels.odds)

    def _detection_ticks(self) -> float:
        """How long the drift that is suspected or confirmed now has lasted."""
        if not self._evidence.drifting or self._episodes.state is State.FIRING:
            return 0.0
        pending = self._episodes.state is State.PENDING
        onset = (self._finding if pending else self.detector.finding()).onset
        return (self.rows - onset.rows) / TICK_ROWS if onset else 0.0

    def _found_again(self) -> Transition | None:
        """Drift is found once more while it fires: the episode goes on, perhaps otherwise."""
        if self._episodes.state is not State.FIRING:
            return None
        found = self.detector.finding()
        self.detector.restart()
        if found.onset is not None:
            found = self._verdicts.described(found)
        found = replace(found, channels=joined(self._finding.channels, found.channels))
        worse = (self._finding.kind, found.kind) == WORSE
        anew = worse or (found.kind != INPUT and (self._told, found.direction) in TURNS)
        self._finding = found if anew else replace(self._finding, channels=found.channels)
        turn = self._episodes.turn(self._clock, at_once=worse) if anew else None
        if turn is not None:
            self._told = found.direction
        return turn

    def _change(self, transition: Transition, timestamp: int) -> Change:
        event = transition.event
        if event == "pending":
            self._finding = self.detector.finding()
            self._suspicion = self._here()
            self.detector.begin_confirmation()
        elif event == "firing":
            confirmed = replace(self.detector.finding(), onset=self._finding.onset)
            self._finding = self._verdicts.described(confirmed)
            self._told = self._finding.direction
            self.detector.restart()
            # When records came may decide where it is confirmed: a repeat must find this id again.
            timed = self._suspicion and self._clock.arrived is not None
            self.episode = self._suspicion if timed else self._here()
        verdict = self._verdict(transition.after, event)
        if event in ("resolved", "transient"):
            self.detector.restart()
            self._finding = NOTHING
        where = self.episode, self.model_version, timestamp, verdict, self._intake.next_offsets
        return Change(transition, timestamp, verdict, episodes.alert_of(event, *where))

    @property
    def place(self) -> Place:
        """Where the stream stands, and its drift."""
        onset, offsets = self._finding.onset, self._intake.next_offsets
        seconds, arrived = self._clock.seconds, self._clock.arrived
        return Place(self.rows, offsets, seconds, arrived, self._episodes.state, onset)

    @property
    def wild_clocks(self) -> dict[Partition, WildClock]:
        """The partitions whose timestamps are not believed."""
        return self._clock.wild(self._intake.next.partitions)

    @property
    def clock_offsets(self) -> dict[Partition, float]:
        """Seconds by which each partition's newest timestamp is ahead of its arrival."""
        return self._clock.offsets(self._intake.next.partitions)

    def _here(self) -> str:
        of = self._verdicts.segment
        return episodes.episode_id(self.model_version, self._intake.next_offsets, of)

    @property
    def verdict(self) -> Verdict:
        """The verdict as of the last evaluation."""
        # What is not evaluated yet shows in the rows since an onset alone.
        seen = self.evaluations, self.rows if self._finding.onset else 0
        if self._shown is None or self._shown[0] != seen:
            self._shown = seen, self._verdict(self._episodes.state)
        return self._shown[1]

    def _verdict(self, state: State, event: str = "") -> Verdict:
        signal = None if self._advisory is None else self._signalled
        return self._verdicts.of(self._finding, self._evidence, self.rows, signal, state, event)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays.

        Not in it: the advisory detector's memory. It begins anew.
        """
        return {
            **self._intake.state(),
            "model_version": self.model_version,
            "evaluations": self.evaluations,
            "episode": self.episode,
            "suspicion": self._suspicion,
            "finding": finding_state(self._finding),
            "told": self._told,
            "asked": self._allowance.asked,
            "evidence": [self._evidence.statistic, self._evidence.threshold],
            "levels": [self._allowance.levels.records, self._allowance.levels.odds],
            "clock": self._clock.state(self._intake.next.partitions),
            "window": self.window.state(),
            "episodes": self._episodes.snapshot(),
            "detector": self.detector.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, by a judge of the same model and settings."""
        if state["model_version"] != self.model_version:
            raise ValueError(f"state of model {state['model_version']}, not {self.model_version}")
        self._intake.restore(state)
        self._shown, self.evaluations = None, int(state["evaluations"])
        self.episode, self._suspicion = str(state["episode"]), str(state.get("suspicion", ""))
        self._finding, self._told = restored_finding(state["finding"]), str(state["told"])
        self._evidence, levels = Evidence(*state["evidence"]), Levels(*state["levels"])
        self._allowance.asked, self._allowance.levels = float(state["asked"]), levels
        self._clock.restore(state["clock"], self._intake.next.number)
        self.window.restore(state["window"])
        self._episodes.restore(state["episodes"])
        self.detector.restore(state["detector"])
