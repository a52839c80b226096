"""What a backtest found, as a page: what its template shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor.backtest.alarms import FOREVER, Noted, Told
from monitor.backtest.grid_table import cells, titles
from monitor.backtest.looking import Shown
from monitor.backtest.report import Report
from monitor.backtest.segment_rows import segment_rows
from monitor.backtest.table import a_day, change_counts, fate, of_segments, span
from monitor.drift.segments.silence import RETURNED, SILENT
from monitor.stream.channel_json import channel_json
from monitor.stream.json_values import isoformat
from monitor.stream.records import ChannelDrift
from monitor.version import __version__
from monitor.web.pages.curves import curves
from monitor.web.pages.rendering import number, replay_page

LISTED: Final = 200
"""Alerts, at most; replay.json has all."""
ALARMS: Final = 20
"""Alarms that are shown with channels and records, at most."""
EACH: Final = 6
"""Records of each."""
ALL: Final = 12
"""Records with the highest errors of all."""
CHANNELS: Final = 12
_QUANTILES: Final = {"median": 0.5, "99%": 0.99}
_MARKED: Final = 12
"""True changes whose names are written, at most."""
_NAME: Final = 18
"""Characters of such a name."""
_WORST: Final = ("ok", "learning", "pending", "firing")


def page(report: Report) -> str:
    """All of it, as one HTML file that needs nothing else."""
    shown = Shown(report.backtest, report.past)
    return replay_page(_view(report, shown), shown.pictures)


def _view(report: Report, shown: Shown) -> dict[str, Any]:
    result, count = report.result, report.against.alarms
    told = [n for n in result.judged.all_noted if n.change.alert is not None]
    fired = [n for n in told if n.event in ("firing", SILENT)]
    comparison = result.comparison
    return {
        "source": report.past.source,
        "version": __version__,
        "level": "firing" if count else "ok",
        "badge": f"{count:,} alarm{'' if count == 1 else 's'}",
        "sentence": _sentence(report),
        "model_version": report.backtest.bundle.version,
        "channels": len(report.backtest.channels),
        "words": report.past.words,
        "notes": list(_notes(report)),
        "facts": list(_facts(report)),
        "curves": _curves(report),
        "told": [_told(report, each) for each in told[:LISTED]],
        "more_told": max(0, len(told) - LISTED),
        "counted": "" if comparison is None else change_counts(comparison),
        "segments": segment_rows(report),
        "changes": [_change(report, t) for t in (() if comparison is None else comparison.told)],
        "grid": _grid(report),
        "alarms": [_alarm(report, each, shown) for each in fired[:ALARMS]],
        "more_alarms": max(0, len(fired) - ALARMS),
        "strangest": shown.groups("", result.strangest.within(0, result.records, ALL)),
        "shown": report.backtest.config.evidence == "records",
        "dead": _dead(report),
    }


def _sentence(report: Report) -> str:
    result, against = report.result, report.against
    whole = "" if report.complete else ", where it ended"
    return (
        f"in {result.records:,} records over {span(result.seconds)}{whole};"
        f" the budget allows {against.allowed:.2g} false ones."
    )


def _notes(report: Report) -> Iterator[str]:
    result = report.result
    yield from report.notes
    if report.backtest.config.mutes:
        yield (
            "Alarms while a planned mute was in force are marked; alerts and requests are told as"
            " if nothing was muted."
        )
    if result.stopped:
        yield result.stopped
    elif not result.complete:
        yield f"It was stopped after {result.records:,} records."


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    result, against, drift = report.result, report.against, report.backtest.config.drift
    yield "first record (UTC)", _moment(result.first)
    yield "last record (UTC)", _moment(result.last)
    yield "alarms", f"{against.alarms:,}{a_day(against.alarms_a_day)}{of_segments(against)}"
    yield "budget", f"{drift.false_alarms}{f', {drift.streams} streams' * (drift.streams > 1)}"
    yield "false alarms that it allows", f"{against.allowed:.2g}{a_day(against.allowed_a_day)}"
    yield "tolerance", f"{drift.tolerance:g}"
    yield "suspicions that passed", f"{result.count('transient'):,}"
    yield "state at the end", result.verdict.state
    yield "rows scored", f"{result.rows:,}"
    share = f" ({result.anomalous / result.rows:.3%})" if result.rows else ""
    yield "of them anomalous", f"{result.anomalous:,}{share}"
    yield "dead letters", f"{result.dead.count:,}"
    yield "requests for a new model", f"{len(result.requests):,}"


def _moment(milliseconds: int | None) -> str:
    return "–" if milliseconds is None else isoformat(milliseconds).replace("T", " ")[:19]


def _told(report: Report, noted: Noted) -> Mapping[str, Any]:
    mute = report.muted(noted)
    return {
        "records": noted.records,
        "time": isoformat(noted.change.timestamp),
        "event": noted.event,
        "said": noted.change.verdict.explanation,
        "muted": None if mute is None else mute.name,
    }


def _alarm(report: Report, noted: Noted, shown: Shown) -> Mapping[str, Any]:
    """With its channels, and its records with the highest errors."""
    verdict, resolved = noted.change.verdict, _resolved(report, noted)
    onset, segment, silent = verdict.onset, verdict.segment, noted.event == SILENT
    since = None if onset is None or silent else onset.rows
    end = report.result.records if resolved is None else resolved
    strangest = report.result.strangest
    rows = [] if silent else strangest.within(_begin(noted), end, EACH, segment, _from(noted))
    return {
        **_told(report, noted),
        "segment": segment,
        "silent": silent,
        "onset": None if onset is None else isoformat(onset.timestamp),
        "since": since,
        "resolved": resolved,
        "ratio": verdict.ratio.value,
        "first": _first(report, noted),
        "moved": [] if silent else [_moved(each) for each in verdict.channels[:CHANNELS]],
        "gallery": shown.groups("Its highest errors", rows),
    }


def _begin(noted: Noted) -> int:
    """The first record of a drift, of all that came; of a segment its time alone tells."""
    onset = noted.change.verdict.onset
    if noted.change.verdict.segment:
        return 0
    return noted.records if onset is None else max(0, noted.records - onset.rows)


def _from(noted: Noted) -> int:
    """Milliseconds since the epoch before which records are not of the drift of a segment."""
    onset = noted.change.verdict.onset
    return onset.timestamp if onset is not None and noted.change.verdict.segment else -1


def _moved(each: ChannelDrift) -> Mapping[str, Any]:
    """A channel by its own name: of one feature there may be two."""
    return {**channel_json(each, shares=True), "feature": None}


def _resolved(report: Report, noted: Noted) -> int | None:
    """Records that had come when it was resolved; None while it lasts."""
    mine = (n for n in report.result.judged.all_noted if n.episode == noted.episode)
    return next((n.records for n in mine if n.event in ("resolved", RETURNED)), None)


def _first(report: Report, noted: Noted) -> str:
    """Where the drift begins, in each partition that is named; a few."""
    onset, partition = noted.change.verdict.onset, noted.change.verdict.partition
    if onset is None:
        return ""
    places = sorted((p, o) for p, o in onset.next_offsets.items() if partition in (None, p))
    named = ", ".join(report.past.address(p, o) for p, o in places[:4])
    return f"{named}, ..." if len(places) > 4 else named


def _change(report: Report, told: Told) -> Mapping[str, Any]:
    rate, delay = report.result.rate, told.delay
    return {
        "name": told.change.name,
        "begin": told.begin,
        "delay": delay,
        "seconds": delay / rate if delay is not None and rate > 0 else None,
        "fate": fate(told) or told.fate,
    }


def _grid(report: Report) -> Mapping[str, Any] | None:
    if report.grid is None:
        return None
    drifts = [row.against.judged.config.drift for row in report.grid]
    return {
        "titles": titles(report.grid),
        "whole": report.grid_whole,
        "rows": [
            {
                "model": row.model,
                "budget": drift.false_alarms,
                "tolerance": f"{drift.tolerance:g}",
                "cells": cells(row),
            }
            for row, drift in zip(report.grid, drifts, strict=True)
        ],
    }


def _dead(report: Report) -> Mapping[str, Any] | None:
    dead = report.result.dead
    if not dead.count:
        return None
    return {
        "counted": ", ".join(f"{count:,} {why}" for why, count in dead.reasons.most_common()) + ".",
        "first": [
            {
                "place": report.past.address(each.partition, each.offset),
                "reason": each.reason,
                "error": each.error,
            }
            for each in dead.named
        ],
        "more": dead.count - len(dead.named),
    }


def _curves(report: Report) -> Mapping[str, Any] | None:
    """Quantiles of the errors over the records, as shapes."""
    result, reference = report.result, report.backtest.bundle.reference
    course = result.course
    found = {name: course.quantiles(level) for name, level in _QUANTILES.items()}
    starts = found["median"][0].tolist()
    document = {
        "times": starts,
        "seconds": course.records,
        "quantiles": {name: values.tolist() for name, (_, values) in found.items()},
        "states": _states(report, starts, course.records),
        "marks": list(_marks(report)),
    }
    (median,) = reference.quantiles([0.5])
    lines = {"usual median": float(median), "threshold": reference.threshold}
    made = curves(document, lines, lambda place, span: number(float(round(place))))
    if made is None:
        return None
    note = f"Across: records, {course.records:,} a point. Shaded: suspicion and drift."
    named = ""
    if result.comparison is not None:
        named = " Upright lines: where true changes begin."
    return {**made, "note": note + named}


def _states(report: Report, starts: list[int], length: int) -> list[str]:
    """The worst state in each piece."""
    noted = report.result.noted
    first = noted[0].change.transition.before.value if noted else report.result.verdict.state
    bounds = [(0, first), *((n.records, n.change.transition.after.value) for n in noted)]
    ends = [at for at, _ in bounds[1:]] + [FOREVER]
    spans = [(at, end, state) for (at, state), end in zip(bounds, ends, strict=True)]
    worst, at = [], 0
    for start in starts:
        while spans[at][1] <= start:
            at += 1
        inside = [
            state for begin, end, state in spans[at:] if begin < start + length and end > start
        ]
        worst.append(max(inside, key=_WORST.index))
    return worst


def _marks(report: Report) -> Iterator[Mapping[str, Any]]:
    comparison = report.result.comparison
    told = [t for t in (comparison.told if comparison else ()) if t.begin is not None]
    for each in told:
        name = each.change.name if len(told) <= _MARKED else ""
        yield {"time": each.begin, "text": name if len(name) <= _NAME else f"{name[:_NAME]}…"}
