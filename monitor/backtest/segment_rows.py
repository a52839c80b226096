"""The segments of a backtest, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from monitor.backtest.report import Report
from monitor.backtest.result import NO_ALARMS

LISTED: Final = 100
"""Segments, at most; replay.json has all."""


def segment_rows(report: Report) -> Mapping[str, Any] | None:
    """Those that drifted or fell silent first, the most often first; None if none were judged."""
    found = report.result.segments
    if found is None:
        return None
    alarms = report.result.judged.alarms_by_segment
    rows = [{**each, **alarms.get(each["name"], NO_ALARMS)} for each in found["segments"]]
    rows.sort(key=lambda each: -(each["alarms"] + each["silences"]))
    quiet = sum(not each["alarms"] + each["silences"] for each in rows)
    return {
        "by": report.backtest.config.segments.by,
        "column": report.backtest.segment_column,
        "count": len(rows),
        "quiet": quiet,
        "rows": [{**each, "now": _state(each)} for each in rows[:LISTED]],
        "more": max(0, len(rows) - LISTED),
    }


def _state(segment: Mapping[str, Any]) -> str:
    words = {"firing": "in drift", "pending": "suspicion", "ok": "as usual"}
    state = words.get(segment["state"], segment["state"])
    return "silent" if segment["silent_since"] and segment["state"] != "firing" else state
