"""Messages as readers get them."""

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import fastavro
import jsonschema
import pytest

from monitor.pipeline.events import alert_event, anomaly_event, dead_letter_event, events_of
from monitor.pipeline.score_events import AVRO, encoder
from monitor.stream.columns import Columns
from monitor.stream.events import SCORE, Event
from monitor.stream.json_values import isoformat
from monitor.stream.records import Anomaly, DeadLetter, Gap, Record
from tests.monitor.builders import VERSION, normal_errors, pipeline, records

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"


def schema(kind: str) -> dict:
    loaded = json.loads((SCHEMAS / f"{kind}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


def original(**changes: object) -> Record:
    values = {
        "topic": "in", "partition": 2, "offset": 7, "timestamp": 1_700_000_000_123,
        "key": b"k\xff", "value": b"\x00payload", "headers": (("trace", b"1"),),
    } | changes  # fmt: skip
    return Record(**values)


def test_an_anomaly_follows_its_schema_and_names_its_record() -> None:
    event = anomaly_event(Anomaly(original(), 3, 0.5, 0.001), VERSION, 0.4)
    body = json.loads(event.value)
    jsonschema.validate(body, schema("anomaly"))
    assert event.key == b"in/2/7/3"
    assert body["record_key"] == "k\\xff"
    assert body["timestamp"] == "2023-11-14T22:13:20.123+00:00"


def test_alerts_follow_their_schema() -> None:
    subject = pipeline()
    outcomes = [
        subject.step(Columns.of(records(normal_errors(12_288, seed, scale), start=12_288 * seed)))
        for seed, scale in enumerate((1.0, 3.0, 1.0))
    ]
    changes = [change for outcome in outcomes for change in outcome.changes]
    alerts = [change.alert for change in changes if change.alert is not None]
    assert [alert.event for alert in alerts] == ["firing", "resolved"]
    for alert in alerts:
        event = alert_event(alert)
        jsonschema.validate(json.loads(event.value), schema("alert"))
        linked = json.loads(alert_event(alert, "https://tools.example.com/watch/").value)
        jsonschema.validate(linked, schema("alert"))
        assert linked.pop("url") == f"https://tools.example.com/watch/episodes/{alert.episode}"
        assert linked == json.loads(event.value)
        assert event.key == f"{alert.episode}/{alert.event}".encode()


def test_an_unknown_effect_size_is_null_and_never_nan() -> None:
    subject = pipeline()
    subject.step(Columns.of(records([1.0])))
    assert math.isfinite(subject.judge.verdict.statistic)
    change = pipeline().step(Columns.of(records(normal_errors(4096, scale=3.0)))).changes[-1]
    assert b"NaN" not in alert_event(change.alert).value


def test_a_dead_letter_keeps_the_original_bytes_and_says_where_and_why() -> None:
    event = dead_letter_event(DeadLetter(original(), "undecodable", "not a list"))
    assert event.value == b"\x00payload"
    assert event.key == b"k\xff"
    assert dict(event.headers) == {
        "aead.address": b"in/2/7",
        "aead.topic": b"in",
        "aead.partition": b"2",
        "aead.offset": b"7",
        "aead.timestamp": b"2023-11-14T22:13:20.123+00:00",
        "aead.reason": b"undecodable",
        "aead.error": b"not a list",
        "aead.key": b"k\xff",
        "original.trace": b"1",
    }


def test_a_dead_letter_is_keyed_by_its_address_if_asked_to_be() -> None:
    letter = DeadLetter(original(), "undecodable", "not a list")
    by_address = dead_letter_event(letter, "address")
    assert by_address.key == b"in/2/7"
    assert by_address.headers == dead_letter_event(letter).headers[1:]
    outcome = pipeline().step(Columns.of([replace(original(), value=None)]))
    (event,) = events_of(outcome, VERSION, 1.0, "address")
    assert event.key == b"in/2/7"


def test_a_key_and_headers_that_are_not_there_stay_away() -> None:
    record = replace(original(), key=None, headers=(("a", None), ("b", b""), ("a", b"1")))
    event = dead_letter_event(DeadLetter(record, "undecodable", ""))
    assert event.key is None
    own = [pair for pair in event.headers if pair[0].startswith("original.")]
    assert own == [("original.a", None), ("original.b", b""), ("original.a", b"1")]


def test_a_letter_with_neither_key_nor_value_is_keyed_by_its_address() -> None:
    gap = Record("in", 2, 7, -1, None, None, (), Gap(9, "expired", "gone"))
    assert dead_letter_event(DeadLetter(gap, "expired", "gone")).key == b"in/2/7"
    assert dead_letter_event(DeadLetter(original(key=None, value=None), "tombstone", "")).key == (
        b"in/2/7"
    )
    assert dead_letter_event(DeadLetter(original(key=b"", value=None), "tombstone", "")).key == b""


def test_a_tombstone_stays_a_tombstone() -> None:
    assert dead_letter_event(DeadLetter(original(value=None), "tombstone", "")).value is None


@pytest.mark.parametrize("timestamp", [-1, 0, 2**63 - 1, -(2**63)])
def test_wild_timestamps_do_no_harm(timestamp: int) -> None:
    assert isoformat(timestamp)


def test_the_same_outcome_makes_the_same_events() -> None:
    first = list(events_of(pipeline().step(Columns.of(records([1.0, 1e6]))), VERSION, 1.0))
    again = list(events_of(pipeline().step(Columns.of(records([1.0, 1e6]))), VERSION, 1.0))
    assert first == again
    assert [event.kind for event in first] == ["anomaly"]


def scored(form: str) -> list[Event]:
    outcome = pipeline().step(Columns.of(records([1.0, 1e6, 0.5])))
    return [e for e in events_of(outcome, VERSION, 1.0, scores=encoder(form)) if e.kind == SCORE]


def test_every_score_follows_its_schema_and_has_the_key_of_its_record() -> None:
    sent = records([1.0, 1e6, 0.5])
    events = scored("json")
    bodies = [json.loads(event.value) for event in events]
    for event, body, record in zip(events, bodies, sent, strict=True):
        jsonschema.validate(body, schema("score"))
        assert event.key == record.key
        assert event.identity == body["id"].encode()
        assert (body["partition"], body["offset"]) == (record.partition, record.offset)
    assert [body["anomalous"] for body in bodies] == [False, True, False]


def test_scores_in_avro_say_the_same() -> None:
    schema_file = json.loads((SCHEMAS / "score.avsc").read_text())
    assert schema_file == AVRO
    parsed = fastavro.parse_schema(schema_file)
    for event, other in zip(scored("avro"), scored("json"), strict=True):
        read = fastavro.schemaless_reader(io.BytesIO(event.value), parsed)
        body = json.loads(other.value)
        assert isoformat(int(read.pop("timestamp").timestamp() * 1000)) == body.pop("timestamp")
        assert {**read, "kind": "score", "id": body["id"]} == body


def test_no_score_is_published_unless_asked_for() -> None:
    outcome = pipeline().step(Columns.of(records([1.0, 0.5])))
    assert list(events_of(outcome, VERSION, 1.0)) == []
