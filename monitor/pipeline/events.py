"""What the daemon says to the outside: anomalies, dead letters and alerts as bytes.

The JSON forms are documented in docs/events.md, with a schema for each in
`docs/schemas/`. Keys make a repeated delivery recognisable: `topic/partition/offset/row`
for an anomaly, `episode/event` for an alert. A dead letter has the key of its record, and
`topic/partition/offset` in its header `aead.address`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

from monitor.pipeline.explanation_json import explanation_json
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.score_events import Encode, score_events
from monitor.stream.channel_json import channel_json
from monitor.stream.events import ADDRESS, ALERT, ANOMALY, DEAD_LETTER, Event
from monitor.stream.json_values import estimate_json, interval_json, isoformat, number_json
from monitor.stream.records import (
    Alert,
    Anomaly,
    DeadLetter,
    Onset,
    Partition,
    Record,
    Verdict,
)

SCHEMA_VERSION = 1


LetterKey = Literal["original", "address"]
"""What a dead letter is keyed by: the record's own key, or where it was."""


class EventsOf(Protocol):
    """From an outcome, the model's version and its threshold to what is to be published."""

    def __call__(self, outcome: Outcome, model_version: str, threshold: float) -> Iterable[Event]:
        """In a fixed order."""


def events_of(
    outcome: Outcome,
    model_version: str,
    threshold: float,
    letter_key: LetterKey = "original",
    scores: Encode | None = None,
    *,
    values: bool = False,
    pages: str = "",
) -> Iterator[Event]:
    """Everything that an outcome wants published, in a fixed order.

    scores: makes the message of a row's score; None if scores are not published. values: of
    records, in the explanations of anomalies. pages: see `alert_json`.
    """
    for letter in outcome.dead_letters:
        yield dead_letter_event(letter, letter_key)
    for anomaly in outcome.anomalies:
        yield anomaly_event(anomaly, model_version, threshold, values=values)
    yield from (late.message for late in outcome.late)
    for alert in outcome.alerts:
        yield alert_event(alert, pages)
    if scores is not None:
        yield from score_events(outcome, scores)


def anomaly_event(
    anomaly: Anomaly, model_version: str, threshold: float, *, values: bool = False
) -> Event:
    """One anomalous row. The record's address is told, its contents are not repeated.

    values: but for those of the features that the explanation names.
    """
    record = anomaly.record
    key = f"{_address(record)}/{anomaly.row}"
    body = {
        "schema_version": SCHEMA_VERSION,
        "kind": ANOMALY,
        "id": key,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "row": anomaly.row,
        "timestamp": isoformat(record.timestamp),
        "record_key": _text(record.key),
        "reconstruction_error": anomaly.reconstruction_error,
        "threshold": threshold,
        "p_value": anomaly.p_value,
        "model_version": model_version,
        **_explanation(anomaly, values=values),
    }
    return Event(ANOMALY, key.encode(), _json(body))


def _explanation(anomaly: Anomaly, *, values: bool) -> dict[str, Any]:
    """Nothing where nobody asks for it."""
    if anomaly.explained is None:
        return {}
    return {"explanation": explanation_json(anomaly.explained, values=values)}


def dead_letter_event(letter: DeadLetter, letter_key: LetterKey = "original") -> Event:
    """The original bytes, with headers that say where they come from and what was wrong."""
    record = letter.record
    address = _address(record).encode()
    headers = (
        *(((ADDRESS, address),) if letter_key == "original" else ()),
        ("aead.topic", record.topic.encode()),
        ("aead.partition", str(record.partition).encode()),
        ("aead.offset", str(record.offset).encode()),
        ("aead.timestamp", isoformat(record.timestamp).encode()),
        ("aead.reason", letter.reason.encode()),
        ("aead.error", letter.error.encode()[:4096]),
        ("aead.key", record.key or b""),
        *(() if record.key is not None else (("aead.key_absent", b"1"),)),
        *(() if record.gap is None else (("aead.next_offset", b"%d" % record.next_offset),)),
        *((f"original.{name}", value) for name, value in record.headers),
    )
    # A message needs a key or a value: what stands for offsets, and keyless tombstones, have none.
    own = letter_key == "original" and not (record.key is None and record.value is None)
    key = record.key if own else address
    return Event(DEAD_LETTER, key, record.value, headers)


def alert_event(alert: Alert, pages: str = "") -> Event:
    """A drift episode fired, turned or was resolved, or a segment fell silent or came back.

    pages: see `alert_json`.
    """
    return alert_message(alert_json(alert, pages))


def alert_message(body: dict[str, Any]) -> Event:
    """The message of an alert's JSON values."""
    return Event(ALERT, body["id"].encode(), _json(body))


def alert_json(alert: Alert, pages: str = "") -> dict[str, Any]:
    """An alert as JSON values. pages: address of the status page, which has one of each episode."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": ALERT,
        "id": f"{alert.episode}/{alert.event}",
        "event": alert.event,
        "episode": alert.episode,
        "timestamp": isoformat(alert.timestamp),
        "model_version": alert.model_version,
        "verdict": verdict_json(alert.verdict),
        "next_offsets": _offsets(alert.next_offsets),
        **({"segment": alert.verdict.segment} if alert.verdict.segment else {}),
        **({"url": f"{pages.rstrip('/')}/episodes/{alert.episode}"} if pages else {}),
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON values; what is not known (nan) is null."""
    promise, partition = verdict.promise, verdict.partition
    return {
        "state": verdict.state,
        "statistic": verdict.statistic,
        "threshold": verdict.threshold,
        "direction": verdict.direction,
        "explanation": verdict.explanation,
        "partition": None
        if partition is None
        else {"topic": partition.topic, "partition": partition.number},
        "onset": _onset(verdict.onset),
        "ratio": estimate_json(verdict.ratio),
        "exceedance": number_json(verdict.exceedance),
        "records_per_false_alarm": {"asked": promise.asked, "promised": promise.kept},
        "tolerance": promise.tolerance,
        "detection_floor": promise.floor,
        "dependence": promise.dependence,
        "early_signal": verdict.early_signal,
        "window_records": verdict.window_records,
        "window_fill": verdict.window_fill,
        "quantiles": {f"{q:g}": number_json(e.value) for q, e in verdict.quantiles.items()},
        "quantile_intervals": {f"{q:g}": interval_json(e) for q, e in verdict.quantiles.items()},
        **_kind(verdict),
    }


def _kind(verdict: Verdict) -> dict[str, Any]:
    """The kind of a drift and its channels; nothing where the error alone is watched."""
    if not verdict.kind:
        return {}
    channels = [channel_json(each) for each in verdict.channels]
    return {"drift_kind": verdict.kind, "channels": channels}


def _onset(onset: Onset | None) -> dict[str, Any] | None:
    if onset is None:
        return None
    return {
        "timestamp": isoformat(onset.timestamp),
        "rows": onset.rows,
        "offsets": _offsets(onset.next_offsets),
    }


def _offsets(offsets: Mapping[Partition, int]) -> list[dict[str, Any]]:
    return [
        {"topic": p.topic, "partition": p.number, "offset": offset}
        for p, offset in sorted(offsets.items())
    ]


def _address(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode("utf-8", "backslashreplace")[:256]


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
