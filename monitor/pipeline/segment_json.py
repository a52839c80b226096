"""What is shown of segments, as JSON values."""

from __future__ import annotations

import math
from typing import Any

from monitor.drift.episodes import State
from monitor.drift.segments.segmented import Segments
from monitor.drift.segments.shares import WHOLE, together
from monitor.stream.json_values import estimate_json, isoformat, number_json
from monitor.stream.records import Verdict

_RANKS = {State.FIRING: 0, State.PENDING: 2, State.OK: 3, State.LEARNING: 4}


def segments_json(segments: Segments, whole: Verdict) -> dict[str, Any]:
    """All segments, those in drift first, then the silent ones.

    whole: the verdict of the judge of the whole stream.
    """
    found = [_segment(segments, slot) for slot in sorted(segments.last)]
    asked, kept = whole.promise.asked / WHOLE, whole.promise.kept
    supported = kept if kept < whole.promise.asked else math.inf
    promised = together(whole.promise.asked, supported)
    return {
        "at_most": segments.names.at_most,
        "records_per_false_alarm": {"asked": asked, "promised": promised},
        "segments": sorted(found, key=_rank),
    }


def _segment(segments: Segments, slot: int) -> dict[str, Any]:
    """One segment; one that has not come since the model was replaced has no verdict."""
    judge, silent = segments.judges.get(slot), segments.silent_since(slot)
    verdict = None if judge is None else judge.verdict
    onset = None if verdict is None else verdict.onset
    return {
        "name": segments.names.of(slot),
        "rows": 0 if judge is None else judge.rows,
        "state": "learning" if verdict is None else verdict.state,
        "silent_since": None if silent is None else isoformat(silent),
        "since": None if onset is None else isoformat(onset.timestamp),
        "ratio": None if verdict is None else estimate_json(verdict.ratio),
        "direction": "none" if verdict is None else verdict.direction,
        "statistic": None if verdict is None else number_json(verdict.statistic),
        "threshold": None if verdict is None else number_json(verdict.threshold),
        "explanation": "" if verdict is None else verdict.explanation,
        "last_record": isoformat(segments.last[slot]),
    }


def _rank(segment: dict[str, Any]) -> tuple[int, str]:
    rank = _RANKS[State(segment["state"])]
    return (1 if rank and segment["silent_since"] else rank), segment["name"]
