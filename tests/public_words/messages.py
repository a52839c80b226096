"""What is published: keys and types of the messages as they are, and their published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from monitor.errors import REASONS
from tests.public_words.shape import section, shape

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
TEXTS = {"description", "title"}


def lines(events: Iterable[Any], requests: Iterable[dict[str, Any]]) -> Iterator[str]:
    """events: as they are published. requests: for a new model, as JSON values."""
    kinds: dict[str, list[Any]] = {}
    for event in events:
        kinds.setdefault(event.kind, []).append(event)
    for kind, found in sorted(kinds.items()):
        headers = {name for event in found for name, _ in event.headers}
        yield from section(f"{kind}: headers", sorted(headers))
        if headers == set():
            yield from section(f"{kind}: value", shape(*(json.loads(e.value) for e in found)))
    yield from section("request: value", shape(*requests))
    yield from section("reasons of dead letters", REASONS)
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = without_texts(json.loads(path.read_text(encoding="utf-8")))
        yield from section(path.name, shape_of_schema(schema))


def without_texts(value: Any) -> Any:
    """A schema without what is for people. A property may be called like a text."""
    if isinstance(value, list):
        return [without_texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_texts(item)
        for key, item in value.items()
        if key not in TEXTS or not isinstance(item, str)
    }


def shape_of_schema(value: Any, place: str = "") -> list[str]:
    """Each value of a schema on a line of its own."""
    if isinstance(value, dict):
        return [
            line
            for key, item in sorted(value.items())
            for line in shape_of_schema(item, f"{place}.{key}" if place else key)
        ]
    return [f"{place} = {json.dumps(value)}"]
