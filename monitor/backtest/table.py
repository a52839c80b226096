"""What a backtest found, for a person at a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from monitor.backtest.against import Against
from monitor.backtest.alarms import Comparison, Noted, Told
from monitor.backtest.grid_table import grid_lines
from monitor.backtest.report import Report
from monitor.backtest.result import Result
from monitor.process.text import for_terminal
from monitor.stream.json_values import isoformat

LISTED: Final = 40
"""Changes of state in the table, at most; replay.json has all."""
NAMED: Final = 5
"""Segments that are named in a line, at most."""
DEAD: Final = 5
"""Dead letters in it, at most."""
_TOLD: Final = ("firing", "turned", "resolved", "silent", "returned")
_WIDEST: Final = 32
_UNITS: Final = ((365.25 * 86400.0, "years"), (86400.0, "days"), (3600.0, "h"), (60.0, "min"))


def table(report: Report) -> str:
    """The whole text."""
    found = report.result.comparison
    lines = [*_head(report), "", *_alarms(report)]
    if found is not None:
        lines += ["", *_changes(found)]
    if report.result.dead.named:
        lines += ["", *_dead(report)]
    if report.grid is not None:
        lines += ["", *grid_lines(report.grid)]
        lines += [] if report.grid_whole else ["stopped before all models were done"]
    return "\n".join(map(for_terminal, lines))


def _head(report: Report) -> Iterator[str]:
    result, backtest, against = report.result, report.backtest, report.against
    watched = f" and {len(backtest.channels)} channels" if backtest.channels else ""
    normal = 1 - backtest.bundle.reference.quantile
    yield f"model        {backtest.bundle.version}; watched: the error{watched}"
    yield f"records      {result.records:,} of {report.past.source}, over {span(result.seconds)}"
    yield f"time         {report.past.words}"
    share = result.anomalous / result.rows if result.rows else 0.0
    dead = f"; {result.dead.count:,} records are dead letters" if result.dead.count else ""
    yield (
        f"rows         {result.rows:,} scored, {result.anomalous:,} anomalous ({share:.3%}; about"
        f" {normal:.3%} of normal ones are){dead}"
    )
    drift = backtest.config.drift
    shared = f" for {drift.streams} streams" if drift.streams > 1 else ""
    yield (
        f"budget       {drift.false_alarms}{shared}: one false alarm in"
        f" {against.budget_records:,.0f} records, so {against.allowed:.2g}"
        f" here{a_day(against.allowed_a_day)}, are allowed"
    )
    yield (
        f"alarms       {against.alarms:,}{a_day(against.alarms_a_day)}{of_segments(against)};"
        f" {result.count('transient'):,} passing suspicions; {result.verdict.state} at the end"
    )
    if result.requests:
        yield f"retraining   {len(result.requests)} requests for a new model"
    if backtest.config.mutes:
        yield (
            "mutes        alarms while a planned mute was in force are marked; alerts and requests"
            " are told as if nothing was muted"
        )
    if result.segments is not None:
        yield f"segments     {segment_counts(result)}"
    for note in report.notes:
        yield f"note         {note}"
    if result.stopped:
        yield f"stopped      {result.stopped}"
    elif not result.complete:
        yield f"stopped      after {result.records:,} records, as you asked"


def _alarms(report: Report) -> Iterator[str]:
    told = [each for each in report.result.judged.all_noted if each.event in _TOLD]
    if not told:
        yield "no alarm"
        return
    yield f"{'after records':>13}  {'time':24}  {'event':9} what the alert says"
    yield from (_line(report, each) for each in told[:LISTED])
    if len(told) > LISTED:
        yield f"{'':13}  ... {len(told) - LISTED:,} more: --out writes all of them to replay.json"


def _line(report: Report, noted: Noted) -> str:
    when = isoformat(noted.change.timestamp).replace(".000+00:00", "+00:00")
    said, mute = noted.change.verdict.explanation, report.muted(noted)
    muted = "" if mute is None else f" (muted: {mute.name})"
    return f"{noted.records:>13,}  {when:24}  {noted.event:9} {said}{muted}"


def _dead(report: Report) -> Iterator[str]:
    """The first dead letters, and how many there are of each reason."""
    dead = report.result.dead
    counts = ", ".join(f"{count:,} {reason}" for reason, count in dead.reasons.most_common())
    yield f"dead letters: {counts}"
    for each in dead.named[:DEAD]:
        place = report.past.address(each.partition, each.offset)
        yield f"  {place}: {each.reason}: {each.error}"
    if dead.count > DEAD:
        yield f"  ... {dead.count - DEAD:,} more"


def _changes(found: Comparison) -> Iterator[str]:
    names = [_short(each.change.name) for each in found.told]
    wide = max(len("true change"), *map(len, names))
    yield f"{'true change':{wide}}  {'begins at row':>13}  {'records to alarm':>16}"
    for name, each in zip(names, found.told, strict=True):
        begin = "-" if each.begin is None else f"{each.begin:,}"
        delay = "-" if each.delay is None else f"{each.delay:,}"
        yield f"{name:{wide}}  {begin:>13}  {delay:>16}  {fate(each)}".rstrip()
    yield change_counts(found)


def change_counts(found: Comparison) -> str:
    """How many changes fared how, and what alarms none explains."""
    false = ", ".join(f"{each.raised:,}" for each in found.false[:LISTED])
    more = ", ..." if len(found.false) > LISTED else ""
    hidden, absent = found.count("in alarm"), found.count("not in the data")
    return (
        f"{found.count('found')} found, {found.count('missed')} missed,"
        f"{f' {hidden} hidden by an alarm of before,' if hidden else ''}"
        f"{f' {absent} not in the data,' if absent else ''}"
        f" {len(found.false)} false alarms{f' (after records {false}{more})' if false else ''}"
    )


def fate(told: Told) -> str:
    """What became of a change, beside its delay."""
    if told.delay is None:
        words = {"in alarm": "an alarm of before lasted, and told nothing new"}
        return words.get(told.fate, told.fate)
    alarm = told.alarm
    turned = "told as a turn of the alarm of before" if alarm and alarm.turned else ""
    by = f"by segment {alarm.segment}" if alarm and alarm.segment else ""
    again = f"and {told.again} more alarms" if told.again else ""
    return "  ".join(each for each in (turned, by, again) if each)


def of_segments(against: Against) -> str:
    """How many alarms are of segments; nothing where none were judged."""
    if against.result.segments is None:
        return ""
    return f", {against.alarms_of_segments:,} of segments"


def segment_counts(result: Result) -> str:
    """How many segments there are, and in what state they are at the end."""
    shown = (result.segments or {})["segments"]
    drifting = [each["name"] for each in shown if each["state"] == "firing"]
    silent = [each["name"] for each in shown if each["silent_since"]]
    told = [
        f"{len(names)} {words} at the end ({_few(names)})"
        for words, names in (("in drift", drifting), ("silent", silent))
        if names
    ]
    return ", ".join([f"{len(shown):,} seen", *told])


def _few(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def _short(name: str) -> str:
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 3]}..."


def a_day(count: float) -> str:
    """Nothing where no time has passed."""
    return f", {count:.3g} a day" if math.isfinite(count) else ""


def span(seconds: float) -> str:
    """A time for people."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:,.3g} {unit}"
    return f"{seconds:,.3g} s"
