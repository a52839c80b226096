"""The shape of JSON values: a line for each place, with the types that are found there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_TYPES = {
    bool: "true/false",
    int: "whole number",
    float: "number",
    str: "text",
    bytes: "bytes",
    type(None): "null",
}


def shape(*values: Any) -> list[str]:
    """Lines such as `verdict.onset.offsets[].topic: text`, of all the values together."""
    found: dict[str, set[str]] = {}
    for value in values:
        for place, kind in _places(value, ""):
            found.setdefault(place, set()).add(kind)
    return [f"{place}: {' or '.join(sorted(found[place]))}" for place in sorted(found)]


def _places(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _places(item, f"{place}[]")
        if not value:
            yield place, "empty list"
    else:
        yield place, _TYPES.get(type(value)) or f"{type(value).__name__} {value.dtype}"


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Lines under a title, and a blank one after them."""
    return [title, *(f"  {line}" for line in lines), ""]
