"""JSON: a list of numbers (nested for images), or an object that holds one in a field."""

from __future__ import annotations

import gc
import json
import math
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.rows import check_shape
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
        self._brackets_per_byte = _brackets_per_byte(settings.record_shape)

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        self._check_brackets(value)
        numbers = self._find(_parse(value))
        if not isinstance(numbers, list):
            raise DecodeError("undecodable", f"a list expected, got {_kind(numbers)}")
        shape = _claimed_shape(numbers)
        check_shape(shape, self._shape)
        try:
            array = np.array(_flat(numbers, shape), dtype=np.float64)
        except OverflowError:
            raise DecodeError("non_finite", "a number is beyond the range of float64") from None
        return array.reshape(-1, *self._shape)

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
    # What is parsed has no cycles, but the collector would go through a million lists for them,
    # again and again while they are made: five times as long as making them takes.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(value, parse_constant=_refuse)
    except _NonFiniteError as error:
        raise DecodeError("non_finite", f"{error} is not a finite number") from None
    except (ValueError, RecursionError) as error:
        raise DecodeError("undecodable", f"not JSON: {error}"[:300]) from None
    finally:
        if collecting:
            gc.enable()


def _refuse(constant: str) -> float:
    raise _NonFiniteError(constant)


def _claimed_shape(numbers: list[Any]) -> tuple[int, ...]:
    """Length of the first list at each depth, which the others there should have too.

    It is looked at before anything else: most of what cannot be rows need not be gone through.
    """
    lengths = []
    item: Any = numbers
    while isinstance(item, list):
        lengths.append(len(item))
        item = item[0] if item else None
    return tuple(lengths)


def _flat(numbers: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The numbers in one list; raises DecodeError unless they are numbers, nested as claimed."""
    level = numbers
    for size in shape[1:]:
        _check_kinds(level, {list})
        if set(map(len, level)) != {size}:
            raise DecodeError("wrong_shape", "lists of unequal length")
        level = list(chain.from_iterable(level))
    _check_kinds(level, {int, float})
    return level


def _check_kinds(level: list[Any], wanted: set[type]) -> None:
    """Raise DecodeError unless all items at a depth are of the wanted types.

    numpy would take true for 1, null for NaN and "2" for 2, and if asked to keep strings it
    would make as much room for each as the longest needs.
    """
    kinds = set(map(type, level))
    strange = kinds - {int, float, list}
    if strange:
        found = next(item for item in level if type(item) in strange)
        raise DecodeError("wrong_dtype", f"numbers expected, got {_kind(found)}")
    if not kinds <= wanted:
        raise DecodeError("wrong_shape", "numbers and lists side by side")


def _kind(value: object) -> str:
    kinds = {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
