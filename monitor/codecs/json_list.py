"""JSON: a list of numbers (nested for images), or an object that holds one in a field."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

from numpy.typing import NDArray

from monitor.codecs.json_fast import FastReader
from monitor.codecs.many import Many
from monitor.codecs.rows import as_rows, collector_paused
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

SPARE_BRACKETS: Final = 2**18
"""Lists and objects that a payload may hold besides those of its rows."""


class _NonFiniteError(Exception):
    """NaN or Infinity, which Python's parser would otherwise accept."""


class JsonCodec:
    """One row as a list; a list of such lists carries many."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._path = settings.field.split(".") if settings.field else []
        self._fast = FastReader(self._shape, self._path)
        self._brackets_per_byte = _brackets_per_byte(settings.record_shape)

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        self._check_brackets(value)
        return as_rows(self._find(_parse(value)), self._shape)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The payloads that hold what they should, and are written as they should be."""
        return self._fast.read(values)

    def _check_brackets(self, value: bytes) -> None:
        """Refuse far more lists than rows need: four million fit a payload, and take a second."""
        found = value.count(b"[") + value.count(b"{")
        most = SPARE_BRACKETS + int(self._brackets_per_byte * len(value))
        if found > most:
            raise DecodeError("wrong_shape", f"{found} lists and objects, rows need at most {most}")

    def _find(self, document: Any) -> Any:
        for name in self._path:
            if not isinstance(document, dict) or name not in document:
                raise DecodeError("undecodable", f"no field {'.'.join(self._path)!r}")
            document = document[name]
        return document

    def encode(self, row: NDArray[Any]) -> bytes:
        """The list of one row, inside an object if a field is configured."""
        document: Any = row.tolist()
        for name in reversed(self._path):
            document = {name: document}
        return json.dumps(document, allow_nan=False).encode()


def _brackets_per_byte(shape: tuple[int, ...]) -> float:
    """Most lists in each byte of rows: a number takes two bytes with its comma, a list two more."""
    lists = sum(math.prod(shape[:depth]) for depth in range(len(shape)))
    return lists / (2 * (lists + math.prod(shape)))


def _parse(value: bytes) -> Any:
    try:
        with collector_paused():
            return json.loads(value, parse_constant=_refuse)
    except _NonFiniteError as error:
        raise DecodeError("non_finite", f"{error} is not a finite number") from None
    except (ValueError, RecursionError) as error:
        raise DecodeError("undecodable", f"not JSON: {error}"[:300]) from None


def _refuse(constant: str) -> float:
    raise _NonFiniteError(constant)
