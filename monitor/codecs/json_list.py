"""JSON: a list of numbers (nested for images), or an object that holds one in a field."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.rows import check_shape
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError


class _NonFiniteError(Exception):
    """NaN or Infinity, which Python's parser would otherwise accept."""


class JsonCodec:
    """One row as a list; a list of such lists carries many."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._path = settings.field.split(".") if settings.field else []

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        numbers = self._find(_parse(value))
        if not isinstance(numbers, list):
            raise DecodeError("undecodable", f"a list expected, got {_kind(numbers)}")
        _check_numbers(numbers)
        try:
            array = np.array(numbers, dtype=np.float64)
        except OverflowError:
            raise DecodeError("non_finite", "a number is beyond the range of float64") from None
        except ValueError:
            raise DecodeError("wrong_shape", "lists of unequal length, or too deep") from None
        check_shape(array.shape, self._shape)
        return array.reshape(-1, *self._shape)

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


def _parse(value: bytes) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse)
    except _NonFiniteError as error:
        raise DecodeError("non_finite", f"{error} is not a finite number") from None
    except (ValueError, RecursionError) as error:
        raise DecodeError("undecodable", f"not JSON: {error}"[:300]) from None


def _refuse(constant: str) -> float:
    raise _NonFiniteError(constant)


def _check_numbers(numbers: list[Any]) -> None:
    """Raise DecodeError unless the nested lists hold nothing but numbers, all at one depth.

    numpy would take true for 1, null for NaN and "2" for 2, and if asked to keep strings it
    would make as much room for each as the longest needs.
    """
    level = numbers
    kinds = set(map(type, level))
    while kinds == {list}:
        level = list(chain.from_iterable(level))
        kinds = set(map(type, level))
    strange = kinds - {int, float, list}
    if strange:
        found = next(item for item in level if type(item) in strange)
        raise DecodeError("wrong_dtype", f"numbers expected, got {_kind(found)}")
    if list in kinds:
        raise DecodeError("wrong_shape", "numbers and lists side by side")


def _kind(value: object) -> str:
    kinds = {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
