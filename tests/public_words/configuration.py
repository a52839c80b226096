"""Every key of the configuration, with type, bounds and default: its JSON schema, laid flat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from monitor.config import PREFIX, Config

TEXTS = {"description", "title"}


def lines() -> Iterator[str]:
    schema = Config.model_json_schema()
    yield f"environment: {PREFIX}KEY__KEY"
    yield from sorted(_keys(schema, schema["$defs"], ""))


def _keys(schema: dict[str, Any], known: dict[str, Any], place: str) -> Iterator[str]:
    """A line for each key of a section, and those of the sections in it."""
    required = schema.get("required", ())
    for key, item in schema["properties"].items():
        name = f"{place}.{key}" if place else key
        rule = "required" if key in required else f"default {json.dumps(item.get('default'))}"
        sections = list(_sections(item, known))
        if sections:
            rule = "required section" if key in required else "section"
        yield f"{name}: {rule}{_bounds(item)}"
        for inner, suffix in sections:
            yield from _keys(inner, known, f"{name}{suffix}")


def _sections(item: Any, known: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The sections that a key may hold, each with what its keys' names continue with."""
    if isinstance(item, list):
        for part in item:
            yield from _sections(part, known)
    elif isinstance(item, dict):
        if "$ref" in item:
            yield _found(item, known)
        for word in ("anyOf", "oneOf", "items"):
            yield from _sections(item.get(word), known)


def _found(item: dict[str, Any], known: dict[str, Any]) -> tuple[dict[str, Any], str]:
    found = known[item["$ref"].rsplit("/", 1)[1]]
    kind = found["properties"].get("kind", {}).get("const")
    return found, f"[{kind}]" if kind else ""


def _bounds(item: dict[str, Any]) -> str:
    """Type and limits, without texts and names of classes."""
    kept = _plain({word: value for word, value in item.items() if word != "default"})
    return f" {json.dumps(kept, sort_keys=True)}" if kept else ""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = TEXTS | {"$ref", "discriminator"}
        return {word: _plain(item) for word, item in value.items() if word not in dropped}
    if isinstance(value, list):
        return [item for item in map(_plain, value) if item != {}]
    return value
