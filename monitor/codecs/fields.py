"""One field of a payload, beside its rows: what says which segment a record is of.

Payloads are read once more for it, and only those that their codec has taken: so limits of size and
nesting have been kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack
from simdjson import Parser

from monitor.codecs.framing import without_frame
from monitor.codecs.wrapped import unwrapped
from monitor.errors import DecodeError

_ABSENT: Final = object()

Reads = Callable[[bytes], Any]
"""What is in a payload. May raise anything that a library raises for it."""


def _json(value: bytes) -> Any:
    return json.loads(without_frame(value))


def _msgpack(value: bytes) -> Any:
    return msgpack.unpackb(value, strict_map_key=False)


READS: Final[Mapping[str, Reads]] = {"json": _json, "json-schema": _json, "msgpack": _msgpack}
"""What reads the payloads of each codec, by the codec's name, whose fields have names."""


class FieldReader:
    """Reads a field of payloads.

    codec: a name in READS. path: of the field from the outermost object on, with dots. kinds: how
    payloads are wrapped, outermost first. max_bytes: of what is inside, at each step.
    """

    def __init__(self, codec: str, path: str, kinds: Sequence[str], max_bytes: int) -> None:
        self._reads, self._fast = READS[codec], READS[codec] is _json
        self._name, self._path = path, path.split(".")
        self._kinds, self._max_bytes = tuple(kinds), max_bytes

    def read(self, values: Sequence[bytes | None]) -> list[bytes | None]:
        """The field's text in each payload, None where it has none, or several."""
        parser = Parser() if self._fast else None
        return [None if value is None else self._text(parser, value) for value in values]

    def _text(self, parser: Any, value: bytes) -> bytes | None:
        try:
            value = unwrapped(value, self._kinds, self._max_bytes)
            if parser is not None:
                text = self._fast_text(parser, without_frame(value))
                if text is not None:
                    return text
            return self._of(self._reads(value))
        except (DecodeError, ValueError, TypeError, RuntimeError, RecursionError):
            return self._of_lines(value)

    def _fast_text(self, parser: Any, value: bytes) -> bytes | None:
        """Of an object that has the field once, as a text or a whole number; None if in doubt."""
        try:
            document = parser.parse(value)
            for name in [self._name] if self._name in document else self._path:
                if list(document).count(name) != 1:
                    return None
                document = document[name]
        except (ValueError, TypeError, KeyError, RuntimeError):
            return None
        return _text_of(document) if type(document) in (str, int) else None

    def _of_lines(self, value: bytes) -> bytes | None:
        """Of several documents, one a line, that all say the same."""
        if not self._fast or b"\n" not in value:
            return None
        try:
            lines = [json.loads(line) for line in value.split(b"\n") if line.strip()]
        except (ValueError, RecursionError):
            return None
        return self._of(lines)

    def _of(self, document: Any) -> bytes | None:
        """Of an object, or of a list of objects that all say the same."""
        if isinstance(document, list):
            found = {self._of(each) for each in document if isinstance(each, dict)}
            return found.pop() if len(found) == 1 else None
        value = document
        if isinstance(document, dict) and self._name in document:
            return _text_of(document[self._name])
        for name in self._path:
            value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
        return _text_of(value)


def _text_of(value: Any) -> bytes | None:
    """A text, number or truth as text; None for anything else."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int | float):
        return str(value).encode()
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None
