"""The score of every row as a message, in JSON or Avro: outputs.scores.

docs/events.md tells the fields; docs/schemas/ has a schema for each form. The key is that of the
record, so that scores can be joined with what they are of.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, Literal

from monitor.errors import ConfigError
from monitor.pipeline.outcome import Outcome
from monitor.stream.events import ADDRESS, SCORE, Event
from monitor.stream.json_values import isoformat

ScoreFormat = Literal["json", "avro"]
Encode = Callable[[dict[str, Any]], bytes]
SCHEMA_VERSION: Final = 1
AVRO: Final[dict[str, Any]] = {
    "type": "record",
    "name": "Score",
    "namespace": "aead_monitor",
    "doc": "What the model says of one row of a record.",
    "fields": [
        {"name": "schema_version", "type": "int"},
        {"name": "topic", "type": "string"},
        {"name": "partition", "type": "int"},
        {"name": "offset", "type": "long"},
        {"name": "row", "type": "int"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "reconstruction_error", "type": "double"},
        {"name": "p_value", "type": "double"},
        {"name": "anomalous", "type": "boolean"},
        {"name": "model_version", "type": "string"},
    ],
}
"""The schema of a message in Avro, which is not in the message: docs/schemas/score.avsc."""


def score_events(outcome: Outcome, encode: Encode) -> Iterator[Event]:
    """A message for each row that was scored, in the order of the records."""
    records, scores = outcome.consumed, outcome.scores
    errors, p_values = scores.reconstruction_error.tolist(), scores.p_value.tolist()
    flags, at = scores.anomalous.tolist(), 0
    offsets, timestamps = records.offsets.tolist(), records.timestamps.tolist()
    of = records.partition.tolist()
    for i, rows in enumerate(outcome.rows.tolist()):
        partition = records.partitions[of[i]]
        for row in range(rows):
            body = {
                "schema_version": SCHEMA_VERSION,
                "topic": partition.topic,
                "partition": partition.number,
                "offset": offsets[i],
                "row": row,
                "timestamp": timestamps[i],
                "reconstruction_error": errors[at],
                "p_value": p_values[at],
                "anomalous": flags[at],
                "model_version": scores.model_version,
            }
            address = f"{partition.topic}/{partition.number}/{offsets[i]}/{row}"
            headers = ((ADDRESS, address.encode()),)
            yield Event(SCORE, records.keys[i], encode(body), headers)
            at += 1


def encoder(form: ScoreFormat) -> Encode:
    """What makes a message's bytes. Raises ConfigError if the package for it is not there."""
    return _json if form == "json" else _avro()


def _json(body: dict[str, Any]) -> bytes:
    identity = "{topic}/{partition}/{offset}/{row}".format(**body)
    body = {**body, "kind": SCORE, "id": identity, "timestamp": isoformat(body["timestamp"])}
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


@cache
def _avro() -> Encode:
    try:
        from fastavro import parse_schema, schemaless_writer
    except ImportError:
        raise ConfigError(
            "outputs.scores_format: avro needs fastavro: pip install 'aead-monitor[avro]'"
        ) from None
    schema = parse_schema(AVRO)

    def encode(body: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        schemaless_writer(out, schema, body)
        return out.getvalue()

    return encode
