"""What a backtest found, as JSON values (docs/schemas/replay.json)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from monitor.backtest.alarms import Alarm, Comparison, Told
from monitor.backtest.backtest import Backtest, Result
from monitor.backtest.times import Times
from monitor.backtest.true_changes import Moment
from monitor.daemon.assembly.judge import judge_settings
from monitor.pipeline.events import alert_event
from monitor.retraining.past_change import change_json
from monitor.retraining.past_episode import Episode, episode_json
from monitor.stream.json_values import isoformat

KIND: Final = "replay"
SCHEMA_VERSION: Final = 1
DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Report:
    """A result with all that it is of. source: of the records, for people."""

    backtest: Backtest
    source: str
    times: Times
    result: Result

    @property
    def budget_records(self) -> float:
        """Records in which one false alarm is allowed, at the rate of these."""
        rate = self.result.rate
        budget = judge_settings(self.backtest.config).budget
        return budget.records_per_false_alarm(rate if math.isfinite(rate) else math.inf)

    @property
    def days(self) -> float:
        """From the first record to the last."""
        return self.result.seconds / DAY

    @property
    def alarms_a_day(self) -> float:
        """nan if all records came at once."""
        return self.result.count("firing") / self.days if self.days else math.nan

    @property
    def allowed(self) -> float:
        """False alarms that the budget allows in all records."""
        return self.result.records / self.budget_records

    @property
    def allowed_a_day(self) -> float:
        """The same a day; nan if all records came at once."""
        return self.allowed / self.days if self.days else math.nan


def document(report: Report) -> dict[str, Any]:
    """All of it."""
    result, drift = report.result, report.backtest.config.drift
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "model_version": report.backtest.bundle.version,
        "data": report.source,
        "complete": result.complete,
        "stopped": result.stopped or None,
        "time": {
            "column": report.times.column,
            "records_per_second": report.times.rate,
            "first": None if result.first is None else isoformat(result.first),
            "last": None if result.last is None else isoformat(result.last),
            "seconds": result.seconds,
        },
        "records": result.records,
        "rows": result.rows,
        "anomalous_rows": result.anomalous,
        "dead_letters": result.dead_letters,
        "drift": {
            "channels": list(report.backtest.channels),
            "tolerance": drift.tolerance,
            "guard_seconds": drift.guard_seconds,
            "cooldown_seconds": drift.cooldown_seconds,
        },
        "budget": {
            "false_alarms": drift.false_alarms,
            "streams": drift.streams,
            "records_per_false_alarm": report.budget_records,
            "allowed": report.allowed,
            "allowed_a_day": _finite(report.allowed_a_day),
        },
        "alarms": {
            "count": result.count("firing"),
            "a_day": _finite(report.alarms_a_day),
            "passing_suspicions": result.count("transient"),
        },
        "state": result.verdict.state,
        "state_changes": [{"records": n.records, **change_json(n.change)} for n in result.noted],
        "episodes": [_episode(episode, result) for episode in result.episodes],
        "alerts": alerts(result),
        "retraining_requests": [
            {"id": each.id, "timestamp": isoformat(each.timestamp), "reason": each.reason}
            for each in result.requests
        ],
        "true_changes": None if result.comparison is None else _comparison(result.comparison),
    }


def alerts(result: Result) -> list[dict[str, Any]]:
    """The messages that the daemon would have published (docs/schemas/alert.json)."""
    found = (n.change.alert for n in result.noted)
    return [json.loads(alert_event(a).value or b"") for a in found if a is not None]


def _episode(episode: Episode, result: Result) -> dict[str, Any]:
    ends = {
        n.event: n.records for n in result.noted if n.episode == episode.id and n.event != "turned"
    }
    places = {"fired_after": ends["firing"], "ended_after": ends.get("resolved")}
    return {**places, **episode_json(episode)}


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
    event = "turned" if alarm.turned else "firing"
    return {"episode": alarm.episode, "event": event, "raised_after": alarm.raised}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
