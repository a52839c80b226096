"""What a bundle says of itself, checked: it is shown to people, and its date is reckoned with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

_CONTROL: Final = "Cc"
"""Unicode's category of what moves cursors, rings and begins colours."""


def checked(metadata: Any) -> dict[str, Any]:
    """The metadata as JSON values.

    Raises ValueError if `created` is no time in ISO 8601, or text or names in it hold control
    characters.
    """
    if not isinstance(metadata, Mapping):
        raise ValueError("metadata must be a section with keys of its own")
    _timestamp(metadata.get("created"))
    for text in texts(metadata):
        check_text("metadata", text)
    return dict(metadata)


def check_text(what: str, text: str) -> str:
    """The text. Raises ValueError if it holds control characters."""
    if any(unicodedata.category(character) == _CONTROL for character in text):
        raise ValueError(f"{what} holds control characters: {text!a:.80}")
    return text


def without_controls(text: str) -> str:
    """The text with a blank for each control character."""
    return "".join(" " if unicodedata.category(c) == _CONTROL else c for c in text)


def values_without_controls(value: Any) -> Any:
    """JSON values, with `without_controls` of every name and text in them."""
    if isinstance(value, str):
        return without_controls(value)
    if isinstance(value, Mapping):
        return {without_controls(str(k)): values_without_controls(v) for k, v in value.items()}
    return [values_without_controls(each) for each in value] if isinstance(value, list) else value


def texts(value: Any) -> Iterator[str]:
    """All names and texts in JSON values."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            left += item


def _timestamp(created: Any) -> float:
    try:
        return datetime.fromisoformat(created).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "metadata.created must be a time such as 2026-01-31T12:00:00+00:00,"
            f" got {created!a:.80}"
        ) from None
