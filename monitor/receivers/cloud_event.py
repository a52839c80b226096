"""A retraining request as a CloudEvent (cloudevents.io, version 1.0)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from cloudevents.core.v1.event import CloudEvent

TYPE: Final = "io.aead-monitor.retrain.requested"
SCHEMA: Final = "urn:aead-monitor:retrain-request:1"
"""Names docs/schemas/retrain-request.json of schema_version 1."""


def cloud_event(document: dict[str, Any], source: str | None = None) -> CloudEvent:
    """The event. source: default `aead-monitor/MODEL`; together with the id it is unique."""
    attributes = {
        "id": document["id"],
        "source": source or f"aead-monitor/{quote(document['model'], safe='')}",
        "type": TYPE,
        "subject": document["model_version"],
        "time": _time(document["timestamp"]),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }
    return CloudEvent(attributes, document)


def _time(text: str) -> datetime:
    """When it happened; now, if the records' timestamps are wild."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
