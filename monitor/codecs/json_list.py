"""JSON: objects by the names of the features, or lists of numbers (nested for images).

Either may be in a field of an object. Several rows are a list of them, or one a line. A payload
may begin as Schema Registry frames it; what schema it names does not matter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.by_name import ByName, check_once, object_of
from monitor.codecs.framing import without_frame
from monitor.codecs.json_fast import FastReader
from monitor.codecs.many import Many
from monitor.codecs.rows import as_rows, collector_paused
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

_FIRST: Final = itemgetter(0)
DEEPEST: Final = 400
"""Python's parser would refuse later or sooner, by how deep the program is itself."""
SPARE_BRACKETS: Final = 2**18
"""Lists and objects that a payload may hold besides those of its rows."""
_KEYS: Final = 8
"""Keys of an object that a message names."""


class _NonFiniteError(Exception):
    """NaN or Infinity, which Python's parser would otherwise accept."""


class JsonCodec:
    """One row as an object or a list; a list of such carries many."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._many = settings.rows == "many"
        self._max_rows = settings.max_rows
        self._path = settings.field.split(".") if settings.field else []
        self._named = ByName(settings) if settings.features.names else None
        self._said = settings.say
        self._fast = FastReader(self._shape, self._path, settings.features, self._named, self._many)
        self._brackets_per_byte = _brackets_per_byte(settings.record_shape)

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        value = without_frame(value)
        self._check_brackets(value)
        return self._rows(*self._parsed(value))

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The payloads that hold what they should, and are written as they should be."""
        if 0 in map(_FIRST, values):
            values = [without_frame(value) for value in values]
        return self._read_many(values)

    def _read_many(self, values: Sequence[bytes]) -> Many:
        """The same of payloads without frames."""
        many, lists = self._fast.read(values)
        if lists:
            self._say_lists()
        return many

    def _say_lists(self) -> None:
        if self._named is not None and self._named.remark():
            self._said(self._named.remark())

    def _check_brackets(self, value: bytes) -> None:
        """Refuse far more lists than rows need: four million fit a payload, and take a second."""
        objects = value.count(b"{")
        found = value.count(b"[") + objects
        most = SPARE_BRACKETS + int(self._brackets_per_byte * len(value))
        if found > most or objects > SPARE_BRACKETS:
            raise DecodeError("wrong_shape", f"{found} lists and objects, rows need at most {most}")

    def _parsed(self, value: bytes) -> tuple[Any, bool]:
        """What is at the path: of the document, or a list of what is there in each of several.

        And whether it is certainly several.
        """
        try:
            document = _loaded(value, lenient=self._named is not None)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data" and b"\n" in value:
                return [self._find(each) for each in self._lines(value)], True
            raise DecodeError("undecodable", f"not JSON: {error}"[:300]) from None
        except ValueError as error:
            raise DecodeError("undecodable", f"not JSON: {error}"[:300]) from None
        if self._path and isinstance(document, list):
            return [self._find(each) for each in document], True
        return self._find(document), False

    def _lines(self, value: bytes) -> list[Any]:
        """The documents of a payload with one a line."""
        if value.count(b"\n") > 2 * self._max_rows:
            raise DecodeError("too_many_rows", f"more lines than {self._max_rows} rows have")
        documents = []
        for number, line in enumerate(value.split(b"\n"), 1):
            try:
                if line.strip():
                    documents.append(_loaded(line, lenient=self._named is not None))
            except ValueError as error:
                text = f"line {number} is not JSON: {error}"
                raise DecodeError("undecodable", text[:300]) from None
        return documents

    def _find(self, document: Any) -> Any:
        for name in self._path:
            if not isinstance(document, dict) or name not in document:
                raise DecodeError("undecodable", f"no field {'.'.join(self._path)!r}")
            check_once(document)
            document = document[name]
        return document

    def _rows(self, found: Any, several: bool) -> NDArray[Any]:
        if self._named is None:
            return as_rows(self._not_an_object(found), self._shape, self._many or several)
        if isinstance(found, dict):
            return self._named.rows([found])
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return self._named.rows(found)
        if self._named.numbers_only:
            rows = as_rows(found, self._shape, self._many)
        else:
            lists = isinstance(found, list) and found and isinstance(found[0], list)
            rows = self._named.rows(found if lists else [found])
        self._say_lists()
        return rows

    def _not_an_object(self, found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        keys = ", ".join(ascii(key)[:40] for key in list(found)[:_KEYS])
        raise DecodeError(
            "undecodable",
            "a list expected, got an object: the model's features have no names. Set codec.field to"
            f" the path of the list; the keys are {keys or 'none'}"[:220],
        )

    def encode(self, row: NDArray[Any]) -> bytes:
        """One row as an object by name or as a list, inside an object if a field is configured."""
        document: Any = row.tolist() if self._named is None else self._named.document(row)
        for name in reversed(self._path):
            document = {name: document}
        return json.dumps(document, allow_nan=False).encode()


def _brackets_per_byte(shape: tuple[int, ...]) -> float:
    """Lists in each byte of rows: a number takes two bytes with its comma, a list two more."""
    lists = sum(math.prod(shape[:depth]) for depth in range(len(shape)))
    return lists / (2 * (lists + math.prod(shape)))


def _loaded(value: bytes, *, lenient: bool) -> Any:
    """The document. lenient: NaN and Infinity are floats, which whoever looks at them judges."""
    if _depth(value) > DEEPEST:
        raise DecodeError("undecodable", "not JSON: nested too deeply")
    try:
        with collector_paused():
            return json.loads(
                value, parse_constant=float if lenient else _refuse, object_pairs_hook=object_of
            )
    except RecursionError:
        raise DecodeError("undecodable", "not JSON: nested too deeply") from None
    except _NonFiniteError as error:
        raise DecodeError("non_finite", f"{error} is not a finite number") from None


def _depth(value: bytes) -> int:
    """How deep lists and objects may be nested, at most: brackets in texts count, too."""
    if value.count(b"[") + value.count(b"{") <= DEEPEST:
        return 0
    found = np.frombuffer(value, np.uint8)
    steps = np.zeros(found.size, dtype=np.int8)
    steps[(found == ord("[")) | (found == ord("{"))] = 1
    steps[(found == ord("]")) | (found == ord("}"))] = -1
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _refuse(constant: str) -> float:
    raise _NonFiniteError(constant)
