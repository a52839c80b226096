"""Headers without a value, in messages that a producer of kafka-python sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def sendable(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """The headers as a producer's `send` takes them; they arrive as they are.

    Kafka's headers may be null, and kafka-python reads and writes such (3.0.12). But its `send`
    looks at the second of each pair and refuses what is no bytes, and for a number that nobody
    reads it counts the bytes of all values, if there are any headers.
    """
    made = list(headers)
    if all(value is not None for _, value in made):
        return made
    return _Headers(_Header(header) for header in made)


class _Headers(list[tuple[str, bytes | None]]):
    """A list that is empty for those alone who ask whether it is."""

    def __bool__(self) -> bool:
        return False


class _Header(tuple[Any, ...]):
    """A pair whose value is no bytes only for those who unpack it."""

    __slots__ = ()

    def __getitem__(self, place: Any) -> Any:
        value = super().__getitem__(place)
        return b"" if value is None else value
