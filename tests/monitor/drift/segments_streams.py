"""Streams of segments for tests: which record is of which segment, and what error it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.budget import Budget
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.moulds import segments_of
from monitor.drift.segments.segmented import Found, Segments
from monitor.drift.segments.shares import of_whole
from tests.monitor.builders import P0, VERSION, reference

BUDGET = Budget.parse("1 per 1000000 records")
BEGIN = 1_700_000_000_000
SETTINGS = JudgeSettings(budget=BUDGET, guard_seconds=0, cooldown_seconds=0)
Errors = NDArray[np.float64]
Slots = NDArray[np.int64]


def known() -> Reference:
    return reference(20_000, ordered=False)


def segments(at_most: int = 50, settings: JudgeSettings = SETTINGS) -> Segments:
    return segments_of(VERSION, known(), settings, at_most)


def whole(settings: JudgeSettings = SETTINGS) -> Judge:
    mine = replace(settings, budget=of_whole(settings.budget))
    return Judge(VERSION, known(), mine)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"camera-{number}" for number in range(count))


def judged(
    slots: Slots, errors: Errors, count: int, first: int = 0, rate: float = 1000.0
) -> JudgedRecords:
    """Consecutive records of partition 0. slots: of each; count: of names. rate: a second."""
    offsets = first + np.arange(slots.size, dtype=np.int64)
    return JudgedRecords(
        VERSION,
        (P0,),
        np.zeros(slots.size, dtype=np.int64),
        offsets,
        offsets + 1,
        BEGIN + (1000 * offsets / rate).astype(np.int64),
        np.ones(slots.size, dtype=np.int64),
        errors,
        segments=names(count),
        segment=slots,
    )


def watch(subject: Segments, records: JudgedRecords, batch: int, before: int = 0) -> list[Found]:
    """What is found in records that come in batches of so many. before: rows of the stream."""
    found = []
    for start in range(0, len(records), batch):
        wanted = np.zeros(len(records), dtype=np.bool_)
        wanted[start : start + batch] = True
        subject.watch(records.where(wanted), before + start)
        found += subject.found(before + start + batch)
    return found


def told(found: list[Found]) -> list[tuple[str, str]]:
    """Segment and event of each alert."""
    return [
        (f.change.alert.verdict.segment, f.change.alert.event)
        for f in found
        if f.change.alert is not None
    ]


Drift = Callable[[Slots, Errors], Errors]
