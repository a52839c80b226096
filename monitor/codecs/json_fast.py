"""JSON without an object for each number: what is certainly right, and nothing else.

simdjson is strict: what it takes, `json.loads` takes too, and both round correctly. It gives the
numbers of an array as bytes of float64. What it refuses, and whatever else is in doubt here, is
for `json.loads`, whose word counts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np
from simdjson import Array, Object, Parser

from models.schema import Schema
from monitor.codecs.by_name import NUMBERS, ByName
from monitor.codecs.many import Many
from monitor.codecs.rows import like_picture

SHALLOW_BYTES: Final = 1024
MOST_OTHER_BRACKETS: Final = 256
"""Lists and objects in a payload besides those of the rows. What has more of them is left to the
slow reader, which alone says what is nested too deeply."""
_LONGEST: Final = 2**24 - 2
"""simdjson counts the items of an array no further than this, and one more."""
_NUMBER_BYTES: Final = 8
_DOUBT: Final = (b"", 0)


class FastReader:
    """Reads rows of a shape. path: names of the fields that lead to them, outermost first.

    features: the model's; named: what makes rows of objects by their names, if they have any. many:
    three or four rows are no picture with channels.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        path: list[str],
        features: Schema | None = None,
        named: ByName | None = None,
        many: bool = False,
    ) -> None:
        self._many = many
        self._shape = shape
        self._path = path
        self._flat = shape[0] if len(shape) == 1 and shape[0] <= _LONGEST else None
        self._row_bytes = _NUMBER_BYTES * math.prod(shape)
        self._named = named
        self._lists = named is None or named.numbers_only
        names = features.names if features else ()
        self._values = (
            itemgetter(*names) if named and named.numbers_only and len(names) > 1 else None
        )
        self._pack = struct.Struct(f"={len(names)}d").pack

    def read(self, values: Sequence[bytes]) -> tuple[Many, bool]:
        """Rows as float64, and whether any came as lists.

        The parser's memory, 14 bytes a byte of the longest, is not kept.
        """
        if any("\0" in name for name in self._path):
            return Many.none(len(values)), False  # simdjson would look for what is before it
        parser = Parser()
        found = [self._read(parser, value) for value in values]
        numbers, rows, lists = zip(*found, strict=True) if found else ((), (), ())
        together = bytearray().join(numbers)
        table = np.frombuffer(together, np.float64).reshape(-1, *self._shape)
        return Many(table, np.array(rows, dtype=np.int64)), any(lists)

    def _read(self, parser: Parser, value: bytes) -> tuple[bytes, int, bool]:
        """The numbers of one payload, how many rows, and whether a list; none and 0 if in doubt."""
        try:
            document = parser.parse(value)
            place = self._found(document) if self._path else document
            if type(place) is Array and self._lists:
                numbers, rows = self._numbers(place, value)
                return numbers, rows, rows > 0
            if type(place) is Object and self._named is not None:
                return *self._object(place, value), False
        except (ValueError, TypeError, RuntimeError):
            pass  # no JSON for simdjson; something else than numbers; nested too deeply
        return *_DOUBT, False

    def _object(self, place: Any, value: bytes) -> tuple[bytes, int]:
        """The row of one object."""
        assert self._named is not None  # noqa: S101
        if _number(value, b"[") + _number(value, b"{") > MOST_OTHER_BRACKETS:
            return _DOUBT
        record = place.as_dict()
        if len(record) != len(place):
            return _DOUBT  # a key is there twice
        self._named.heed_extra(record)
        if self._values is not None and not self._named.refuses_extra:
            try:
                row = self._values(record)
            except KeyError:
                row = (None,)
            if set(map(type, row)) <= NUMBERS:
                return self._pack(*row), 1
        other = self._named.flat_row(record)
        return _DOUBT if other is None else (self._pack(*other), 1)

    def _found(self, document: Any) -> Any:
        for name in self._path:
            # Of two fields of one name simdjson gives the first, and Python the last.
            if type(document) is not Object or list(document).count(name) != 1:
                return None
            document = document[name]
        return document

    def _numbers(self, array: Any, value: bytes) -> tuple[bytes, int]:
        """Raises TypeError if there is anything but numbers and lists."""
        numbers: bytes = array.as_buffer(of_type="d")
        shallow = not self._path or len(value) < SHALLOW_BYTES
        if len(array) == self._flat and shallow and not _two_lists(value):
            return numbers, 1
        rows, rest = divmod(memoryview(numbers).nbytes, self._row_bytes)
        if rest or not rows or rows * self._row_bytes > _NUMBER_BYTES * _LONGEST:
            return _DOUBT
        if not self._many and like_picture(rows, self._shape):
            return _DOUBT
        found = _number(value, b"[")
        others = found + _number(value, b"{") - rows * _lists(self._shape)
        if others > MOST_OTHER_BRACKETS and self._path:
            return _DOUBT
        shapes = [(rows, *self._shape), self._shape][: 2 if rows == 1 else 1]
        nested = any(_is_nested(array, shape, search=found > _lists(shape)) for shape in shapes)
        return (numbers, rows) if nested else _DOUBT


def _two_lists(value: bytes) -> bool:
    """Whether there are two lists or more, or something that looks like one."""
    return value.find(b"[", value.find(b"[") + 1) >= 0


def _lists(shape: tuple[int, ...]) -> int:
    """How many lists make up an array."""
    return sum(math.prod(shape[:depth]) for depth in range(len(shape)))


def _number(value: bytes, byte: bytes) -> int:
    """How often a byte is there; `bytes.count` takes a nanosecond a byte."""
    if len(value) < SHALLOW_BYTES:
        return value.count(byte)
    return int(np.count_nonzero(np.frombuffer(value, np.uint8) == byte[0]))


def _is_nested(array: Any, shape: tuple[int, ...], *, search: bool) -> bool:
    """Whether an array of numbers and lists is nested in this way.

    search: look at each number. It may be a list if there are more of them than the shape has.
    """
    if len(array) != shape[0]:
        return False
    if len(shape) > 1:
        inner = shape[1:]
        return all(type(x) is Array and _is_nested(x, inner, search=search) for x in array)
    return not search or list not in set(map(type, array.as_list()))
