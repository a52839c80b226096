"""The segments of a stream, each with a judge of its own.

    records -> slots of their segments -> wait for others -> a judge each, silence -> Found

The whole stream's judge counts offsets; what comes here was not counted before. What is found
follows from the records alone, however they came in batches: in what order, and what by when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from monitor.drift.budget import Budget
from monitor.drift.episodes import Change, Transition, episode_id
from monitor.drift.handover import handover
from monitor.drift.judge import Judge
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.names import Names
from monitor.drift.segments.packing import packed, unpacked
from monitor.drift.segments.silence import SILENT, Silence, Told
from monitor.drift.segments.waiting import Chunk, Index, Numbering, Waiting, in_order, part
from monitor.stream.records import Alert, Onset, Partition

ALWAYS: Final = 1 << 62
"""Rows: evaluations in which nothing changes need not be told."""


class Found(NamedTuple):
    """A change in a segment.

    at: rows of the stream with which it was found. position: rows with which it happened.
    """

    at: int
    position: int
    change: Change


class Segments:
    """Judges each segment of a stream. at_most: segments that are told apart.

    new_judge: of a segment, by its name. silence: budget of false alarms of silence, of each.
    judges, last: the judge, and timestamp of the last record judged, of each slot.
    """

    def __init__(self, at_most: int, new_judge: Callable[[str], Judge], silence: Budget) -> None:
        self.names = Names(at_most)
        self.judges: dict[int, Judge] = {}
        self._new_judge = new_judge
        self._numbering = Numbering()
        self._waiting = Waiting()
        self._budget = silence
        self._silence = Silence(at_most, silence, self._numbering)
        self.last: dict[int, int] = {}
        self._found: list[Found] = []

    def watch(self, records: JudgedRecords, rows_before: int) -> None:
        """Take records that were not counted before. rows_before: of the stream."""
        if records.segment is None or not len(records):
            return
        slots = self.names.slots(records.segments, records.segment)
        partition = self._numbering.numbers(records.partitions, records.partition)
        mine = replace(
            records, partitions=self._numbering.partitions, partition=partition, segment=None
        )
        positions = rows_before + records.rows.cumsum()
        for chunk in self._waiting.add(Chunk(mine, slots, positions)):
            self._judge(chunk)

    def found(self, rows: int) -> list[Found]:
        """What was found with so many rows of the stream, and was not asked for yet; in order."""
        ready = [each for each in self._found if each.at <= rows]
        self._found = self._found[len(ready) :]
        return ready

    @property
    def waiting(self) -> bool:
        """Whether any rows wait for more."""
        return self._waiting.rows > 0

    def rest(self) -> list[Found]:
        """Judge what waits, since nothing comes."""
        chunk = self._waiting.rest()
        if chunk is None:
            return []
        self._judge(chunk)
        return self.found(ALWAYS)

    def at_end(self, now: float, partitions: Iterable[Partition], rows: int) -> list[Found]:
        """Which segments are silent with their partition, while others go on.

        now: seconds from any fixed origin. partitions: that are read to their end. rows: of the
        stream. This does not follow from the records alone.
        """
        waiting, known = self._waiting.partitions, map(self._numbering.known, partitions)
        numbers = [n for n in known if n is not None and n not in waiting]
        newest = max(self.last.values(), default=0)
        told = self._silence.at_end(now, numbers, newest, rows)
        return [Found(rows, rows, self._told(each)) for each in told]

    def _judge(self, chunk: Chunk) -> None:
        """Judge records segment by segment."""
        at = int(chunk.positions[-1])
        order = chunk.slots.astype(np.uint16).argsort(kind="stable")
        slots, positions = chunk.slots[order], chunk.positions[order]
        bounds = [0, *((slots[1:] != slots[:-1]).nonzero()[0] + 1).tolist(), slots.size]
        told = self._silence.look(chunk, order, bounds)
        records = in_order(chunk.records, order)
        found: list[Found] = []
        for start, end in pairwise(bounds):
            slot, mine = int(slots[start]), part(records, start, end)
            self.last[slot] = int(mine.timestamps[-1])
            watched = _Watched(self._judge_of(slot), mine, positions[start:end])
            found += [Found(at, position, change) for position, change in watched.changes()]
        found += [Found(at, each.position, self._told(each)) for each in told]
        found.sort(key=lambda each: (each.position, each.change.verdict.segment))
        self._found += found

    def _judge_of(self, slot: int) -> Judge:
        if slot not in self.judges:
            self.judges[slot] = self._new_judge(self.names.of(slot))
        return self.judges[slot]

    def _told(self, told: Told) -> Change:
        """A segment fell silent, or is back."""
        judge, name = self._judge_of(told.slot), self.names.of(told.slot)
        last = {self._numbering.partitions[told.last.partition]: told.last.next_offset}
        verdict = replace(
            judge.verdict,
            explanation=_words(name, told),
            onset=Onset(told.last.timestamp, 0, last),
        )
        state, episode = judge.place.state, episode_id("silence", last, name)
        alert = Alert(told.event, episode, judge.model_version, told.timestamp, verdict, last)
        return Change(Transition(state, state, told.event), told.timestamp, verdict, alert)

    def silent_since(self, slot: int) -> int | None:
        """Timestamp of the last record of a segment that is silent now; None if it is not."""
        place = self._silence.since(slot)
        return None if place is None else place.timestamp

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        return {
            "model_version": self._new_judge("").model_version,
            "names": self.names.state(),
            "judges": packed(
                [[slot, _small(judge.state())] for slot, judge in sorted(self.judges.items())]
            ),
            "last": [list(each) for each in sorted(self.last.items())],
            "waiting": self._waiting.state(),
            "silence": self._silence.state(),
        }

    def restore(self, state: Mapping[str, Any] | None) -> list[Change]:
        """Go on where `state` was called; begin anew if it is None.

        Of another model only names and silence are taken: returned are the ends of the episodes
        that end with it.
        """
        self.names = Names(self.names.at_most)
        self._numbering, self._waiting = Numbering(), Waiting()
        self._silence = Silence(self.names.at_most, self._budget, self._numbering)
        self.judges, self.last, self._found = {}, {}, []
        if state is None:
            return []
        self.names.restore(state["names"])
        self._silence.restore(state["silence"])
        self.last = {int(slot): int(timestamp) for slot, timestamp in state["last"]}
        judged = [(int(slot), each) for slot, each in unpacked(state["judges"])]
        if state["model_version"] != self._new_judge("").model_version:
            ends = [handover(each, self._new_judge(self.names.of(slot))) for slot, each in judged]
            return [end for end in ends if end is not None]
        self._waiting.restore(state["waiting"], self._numbering)
        for slot, each in judged:
            self._judge_of(slot).restore(each)
        return []


class _Watched:
    """A judge that watches records, and what it says. positions: of each record, (n,)."""

    def __init__(self, judge: Judge, records: JudgedRecords, positions: Index) -> None:
        self._judge, self._records, self._positions = judge, records, positions
        self._before = judge.rows
        self._found: list[tuple[int, Change]] = []

    def changes(self) -> list[tuple[int, Change]]:
        """The changes, each with the rows of the stream that had come by then."""
        self._judge.watch(self._records, self._note, lambda: ALWAYS)
        return self._found

    def _note(self, changes: list[Change], newest: int) -> None:
        del newest
        if changes:
            row = self._judge.rows - self._before
            at = int(np.searchsorted(self._records.rows.cumsum(), row))
            self._found += [(int(self._positions[at]), change) for change in changes]


def _words(name: str, told: Told) -> str:
    records, seconds = told.usual
    if told.records:
        long = f"{told.records:,} records of its partition and {_seconds(told.seconds)}"
        usual = f"{records:,} records and {_seconds(seconds)}"
    else:
        long, usual = _seconds(told.seconds), _seconds(seconds)
    if told.event != SILENT:
        return f"segment {name} is back, after a silence of {long}"
    alone = "" if told.records else " while others go on, nor of anything else in its partition"
    return (
        f"segment {name} is silent: nothing of it for {long}{alone}, and before never for more"
        f" than {usual}"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _small(state: dict[str, Any]) -> dict[str, Any]:
    """A judge's state with the counts of blocks in as few bytes as they need: most of its size."""
    detector = state["detector"]
    error = detector.get("error", detector)
    if "dependence" not in error:
        return state
    blocks = error["dependence"]["blocks"]
    narrow = {**error, "dependence": {**error["dependence"], "blocks": blocks.astype(np.uint32)}}
    return {**state, "detector": {**detector, "error": narrow} if error is not detector else narrow}
