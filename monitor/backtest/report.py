"""What a backtest found, as JSON values (docs/schemas/replay.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from monitor.backtest.against import Against
from monitor.backtest.alarms import Alarm, Comparison, Noted, Told
from monitor.backtest.backtest import Backtest
from monitor.backtest.dead import Named
from monitor.backtest.grid import Row, finite, row_json
from monitor.backtest.past import Past
from monitor.backtest.result import NO_ALARMS, Result
from monitor.backtest.true_changes import Moment
from monitor.drift.segments.silence import RETURNED, SILENT
from monitor.pipeline.events import alert_event
from monitor.retraining.past_change import change_json
from monitor.retraining.past_episode import Episode, episode_json
from monitor.state.mutes import Mute, mute_at
from monitor.stream.json_values import isoformat

KIND: Final = "replay"
SCHEMA_VERSION: Final = 1
LEFT_OUT: Final = (
    "segments were left out: the alarms are those of the whole stream, with its half of the budget"
)


@dataclass(frozen=True, slots=True)
class Report:
    """A result with all that it is of. past: where the records were. grid: further judges, or None
    if nobody asked for any; grid_whole: it has all that were asked for."""

    backtest: Backtest
    past: Past
    result: Result
    grid: tuple[Row, ...] | None = None
    grid_whole: bool = True

    @property
    def complete(self) -> bool:
        """All was replayed, with all models."""
        return self.result.complete and self.grid_whole

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of records and of what was judged, for people."""
        unlike = self.result.unlike
        return (
            *self.past.notes,
            *((unlike,) if unlike else ()),
            *((LEFT_OUT,) if self.left_out else ()),
        )

    @property
    def left_out(self) -> bool:
        """The configuration has segments, and they were not judged."""
        return self.backtest.config.segments.by is not None and self.result.segments is None

    @property
    def against(self) -> Against:
        """Alarms beside the budget."""
        return Against(self.result.judged, self.result)

    def muted(self, noted: Noted) -> Mute | None:
        """The planned mute that would have withheld the alert of a change; None without one."""
        planned = (each.planned() for each in self.backtest.config.mutes)
        return (
            None if noted.change.alert is None else mute_at(planned, noted.change.timestamp / 1000)
        )


def document(report: Report) -> dict[str, Any]:
    """All of it."""
    result, drift, against = report.result, report.backtest.config.drift, report.against
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "model_version": report.backtest.bundle.version,
        "data": report.past.source,
        "complete": report.complete,
        "stopped": result.stopped or None,
        "time": {
            "column": report.past.column,
            "records_per_second": report.past.rate,
            "first": None if result.first is None else isoformat(result.first),
            "last": None if result.last is None else isoformat(result.last),
            "seconds": result.seconds,
        },
        "records": result.records,
        "rows": result.rows,
        "anomalous_rows": result.anomalous,
        "dead_letters": result.dead.count,
        "dead_letter_reasons": dict(result.dead.reasons),
        "first_dead_letters": [_named(each) for each in result.dead.named],
        "topic": report.past.topic,
        "unlike_training": result.unlike or None,
        "drift": {
            "channels": list(report.backtest.channels),
            "tolerance": drift.tolerance,
            "guard_seconds": drift.guard_seconds,
            "cooldown_seconds": drift.cooldown_seconds,
        },
        "budget": {
            "false_alarms": drift.false_alarms,
            "streams": drift.streams,
            "records_per_false_alarm": against.budget_records,
            "allowed": against.allowed,
            "allowed_a_day": finite(against.allowed_a_day),
        },
        "alarms": {
            "count": against.alarms,
            "a_day": finite(against.alarms_a_day),
            "of_segments": against.alarms_of_segments,
            "passing_suspicions": result.count("transient"),
        },
        "state": result.verdict.state,
        "state_changes": [_change(report, each) for each in result.noted],
        "episodes": [_episode(each, result.noted) for each in result.episodes],
        "alerts": alerts(result),
        "retraining_requests": [
            {"id": each.id, "timestamp": isoformat(each.timestamp), "reason": each.reason}
            for each in result.requests
        ],
        "segments": _segments(report),
        "true_changes": None if result.comparison is None else _comparison(result.comparison),
        "grid": None if report.grid is None else [row_json(each) for each in report.grid],
    }


def _change(report: Report, noted: Noted) -> dict[str, Any]:
    """With the planned mute that would have withheld its alert, if one was in force."""
    mute = report.muted(noted)
    muted = {} if mute is None else {"muted": mute.name}
    return {"records": noted.records, **change_json(noted.change), **muted}


def _named(each: Named) -> dict[str, Any]:
    return {
        "partition": each.partition.number,
        "offset": each.offset,
        "next_offset": each.next_offset,
        "timestamp": isoformat(each.timestamp),
        "reason": each.reason,
        "error": each.error,
    }


def alerts(result: Result) -> list[dict[str, Any]]:
    """The messages that the daemon would have published (docs/schemas/alert.json)."""
    found = (n.change.alert for n in result.judged.all_noted)
    return [json.loads(alert_event(a).value or b"") for a in found if a is not None]


def _segments(report: Report) -> dict[str, Any] | None:
    """What there is of segments; None if none were judged."""
    result, by = report.result, report.backtest.config.segments.by
    if result.segments is None:
        return None
    noted, alarms = result.judged.of_segments, result.judged.alarms_by_segment
    return {
        "by": by,
        "column": report.backtest.segment_column or None,
        **result.segments,
        "segments": [
            {**each, **alarms.get(each["name"], NO_ALARMS)} for each in result.segments["segments"]
        ],
        "state_changes": [_change(report, each) for each in noted],
        "episodes": [_episode(each, noted) for each in result.segment_episodes],
    }


def _episode(episode: Episode, noted: Iterable[Noted]) -> dict[str, Any]:
    """noted: changes of state, with those of the episode."""
    ends = {n.event: n.records for n in noted if n.episode == episode.id}
    fired, ended = ends.get("firing", ends.get(SILENT)), ends.get("resolved", ends.get(RETURNED))
    return {"fired_after": fired, "ended_after": ended, **episode_json(episode)}


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "changes": [_told(each) for each in found.told],
        "found": found.count("found"),
        "missed": found.count("missed"),
        "false_alarms": [_alarm(each) for each in found.false],
    }


def _told(told: Told) -> dict[str, Any]:
    change = told.change
    return {
        "name": change.name,
        "segment": change.segment or None,
        "begin": _moment(change.begin, told.begin),
        "end": None if change.end is None else _moment(change.end, told.end),
        "fate": told.fate,
        "delay_records": told.delay,
        "alarm": None if told.alarm is None else _alarm(told.alarm),
        "further_alarms": told.again,
    }


def _moment(moment: Moment, row: int | None) -> dict[str, Any]:
    return {"given": moment.text, "row": row}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    of = {"segment": alarm.segment} if alarm.segment else {}
    return {"episode": alarm.episode, "event": alarm.event, "raised_after": alarm.raised, **of}
