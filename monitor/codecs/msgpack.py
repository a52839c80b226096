"""MessagePack: an array of numbers (nested for images), or a map that holds one in a field.

Lengths in MessagePack are claims: five bytes can promise four billion items, and a parser that
believes them makes room first. So the payload is gone through once without making anything of
it, which proves that all that it claims is there; only then are the rows made, and no more lists
than they have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from monitor.codecs.many import Many
from monitor.codecs.msgpack_fast import WIDTHS, Alike
from monitor.codecs.rows import as_rows, check_shape, collector_paused
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_FIELDS: Final = 2**16
"""Most fields of a map on the way to the array."""
_LENGTH_BYTES: Final = {b"\xd9": 1, b"\xda": 2, b"\xdb": 4}
"""How many bytes hold the length of a string, by its first byte."""


class MsgpackCodec:
    """One row as an array; an array of such arrays carries many.

    Numbers are integers and floats. Strings, binary data and extension types are none.
    """

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._field = settings.field
        self._names = settings.field.split(".") if settings.field else []
        self._path = [_spellings(name) for name in self._names]
        self._max_rows = settings.max_rows
        self._alike = [Alike(self._shape, width, self.encode) for width in WIDTHS]

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        try:
            _check_whole(value)
            array = self._find(value)
            shape = _claimed_shape(array)
            check_shape(shape, self._shape)
            if len(shape) > len(self._shape) and shape[0] > self._max_rows:
                raise DecodeError("too_many_rows", f"{shape[0]} rows, more than {self._max_rows}")
            return as_rows(_unpacked(array, shape), self._shape)
        except (ValueError, msgpack.UnpackException) as error:
            raise DecodeError("undecodable", f"not MessagePack: {error}"[:300]) from None

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The rows of floats that are written as `encode` writes them, of one width."""
        for alike in self._alike:
            many = alike.read(values)
            if many.counts.any():
                return many
        return Many.none(len(values))

    def _find(self, value: bytes) -> bytes:
        """The part that should be the array, of a payload that is whole."""
        for spellings in self._path:
            found = _field(value, spellings)
            if found is None:
                raise DecodeError("undecodable", f"no field {self._field!r}")
            value = found
        return value

    def encode(self, row: NDArray[Any]) -> bytes:
        """The array of one row, inside a map if a field is configured.

        Floats of up to 32 bits take five bytes, others nine. Raises ValueError if one is not
        finite.
        """
        if row.dtype.kind == "f" and not np.isfinite(row).all():
            raise ValueError("numbers must be finite")
        document: Any = row.tolist()
        for name in reversed(self._names):
            document = {name: document}
        packed: bytes = msgpack.packb(document, use_single_float=row.dtype.itemsize <= 4)
        return packed


def _reader(value: bytes) -> Any:
    """Goes through a payload step by step; what it holds is a copy."""
    reader = msgpack.Unpacker(max_buffer_size=len(value))
    reader.feed(value)
    return reader


def _check_whole(value: bytes) -> None:
    """Raise ValueError, OutOfData or DecodeError unless all that is claimed is there, and no more.

    Nothing is made of it: 8 MB take 50 ms.
    """
    reader = _reader(value)
    reader.skip()
    rest = len(value) - reader.tell()
    if rest:
        raise DecodeError("undecodable", f"{rest} bytes after the end of the document")


def _spellings(name: str) -> frozenset[bytes]:
    """The ways to write a string: its length may take more bytes than it needs."""
    text = name.encode()
    found = {bytes([0xA0 | len(text)]) + text} if len(text) < 32 else set()
    for first, size in _LENGTH_BYTES.items():
        if len(text) < 1 << 8 * size:
            found.add(first + len(text).to_bytes(size, "big") + text)
    return frozenset(found)


def _field(value: bytes, spellings: frozenset[bytes]) -> bytes | None:
    """What a map holds under a key, the last one of its name; None if there is none."""
    reader, found = _reader(value), None
    try:
        fields = reader.read_map_header()
    except ValueError:
        return None
    if fields > MAX_FIELDS:
        raise DecodeError("undecodable", f"a map of {fields} fields, more than {MAX_FIELDS}")
    for _ in range(fields):
        begin = reader.tell()
        reader.skip()
        middle = reader.tell()
        reader.skip()
        if value[begin:middle] in spellings:
            found = value[middle : reader.tell()]
    return found


def _claimed_shape(value: bytes) -> tuple[int, ...]:
    """Length of the first array at each depth; raises DecodeError if there is none."""
    reader, lengths = _reader(value), list[int]()
    try:
        while 0 not in lengths:
            lengths.append(reader.read_array_header())
    except ValueError:  # no array: it should be a number
        if not lengths:
            raise DecodeError("undecodable", "an array expected, got something else") from None
    return tuple(lengths)


def _unpacked(value: bytes, shape: tuple[int, ...]) -> Any:
    """Lists of Python's numbers; raises DecodeError if there are more lists than the shape has."""
    left = iter(range(sum(math.prod(shape[:depth]) for depth in range(len(shape)))))

    def counted(items: list[Any]) -> list[Any]:
        if next(left, None) is None:
            raise DecodeError("wrong_shape", f"more arrays than shape {shape} has"[:300])
        return items

    with collector_paused():
        return msgpack.unpackb(
            value, list_hook=counted, object_hook=_refuse_map, ext_hook=_refuse_extension
        )


def _refuse_map(_: dict[Any, Any]) -> None:
    raise DecodeError("wrong_dtype", "numbers expected, got a map")


def _refuse_extension(code: int, _: bytes) -> None:
    raise DecodeError("wrong_dtype", f"numbers expected, got extension type {code}")
