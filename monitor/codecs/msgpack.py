"""MessagePack: maps by the names of the features, or arrays of numbers (nested for images).

Either may be in a field of a map.

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

from monitor.codecs.by_name import ByName, object_of
from monitor.codecs.many import Many
from monitor.codecs.msgpack_fast import WIDTHS, Alike
from monitor.codecs.rows import as_rows, check_shape, collector_paused
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_PARTS: Final = 2**18
"""Most arrays and maps of a payload that is read by name."""
_TIMES: Final = (b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")
"""How a time begins, of which the parser makes an object of its own."""
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
        self._many = settings.rows == "many"
        self._field = settings.field
        self._names = settings.field.split(".") if settings.field else []
        self._path = [_spellings(name) for name in self._names]
        self._max_rows = settings.max_rows
        self._said = settings.say
        self._named = ByName(settings) if settings.features.names else None
        self._maps, self._arrays = list[Alike](), list[Alike]()
        if self._named is not None and self._named.numbers_only:
            self._maps = [Alike(self._shape, width, self.encode) for width in WIDTHS]
        if self._named is None or self._named.numbers_only:
            self._arrays = [Alike(self._shape, width, self._encoded_array) for width in WIDTHS]

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows as float64."""
        try:
            _check_whole(value)
            array = self._find(value)
            if self._named is not None and not (self._named.numbers_only and _holds_numbers(array)):
                return self._by_name(self._named, array)
            self._say_lists()
            shape = _claimed_shape(array)
            check_shape(shape, self._shape, self._many)
            if len(shape) > len(self._shape) and shape[0] > self._max_rows:
                raise DecodeError("too_many_rows", f"{shape[0]} rows, more than {self._max_rows}")
            return as_rows(_unpacked(array, shape), self._shape, self._many)
        except (ValueError, msgpack.UnpackException) as error:
            raise DecodeError("undecodable", f"not MessagePack: {error}"[:300]) from None

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The rows of floats that are written as `encode` writes them, of one width."""
        for alike in (*self._maps, *self._arrays):
            many = alike.read(values)
            if many.counts.any():
                if alike in self._arrays:
                    self._say_lists()
                return many
        return Many.none(len(values))

    def _by_name(self, named: ByName, value: bytes) -> NDArray[Any]:
        """Rows of a map, of an array of maps, or of values in order."""
        found = _document(value)
        several = isinstance(found, list) and bool(found) and isinstance(found[0], dict | list)
        rows = named.rows(found if several else [found])
        if not isinstance(found[0] if several else found, dict):
            self._say_lists()
        return rows

    def _say_lists(self) -> None:
        if self._named is not None and self._named.remark():
            self._said(self._named.remark())

    def _find(self, value: bytes) -> bytes:
        """The part that should be the array, of a payload that is whole."""
        for spellings in self._path:
            found = _field(value, spellings)
            if found is None:
                raise DecodeError("undecodable", f"no field {self._field!r}")
            value = found
        return value

    def encode(self, row: NDArray[Any]) -> bytes:
        """The map or array of one row, inside a map if a field is configured.

        Floats of up to 32 bits take five bytes, others nine. Raises ValueError if one is not
        finite.
        """
        if self._named is None:
            return self._encoded_array(row)
        return self._packed(self._named.document(row), row)

    def _encoded_array(self, row: NDArray[Any]) -> bytes:
        if row.dtype.kind == "f" and not np.isfinite(row).all():
            raise ValueError("numbers must be finite")
        return self._packed(row.tolist(), row)

    def _packed(self, document: Any, row: NDArray[Any]) -> bytes:
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


def _holds_numbers(value: bytes) -> bool:
    """Whether it is an array of anything but maps, so that it may be rows of numbers."""
    reader = _reader(value)
    try:
        items = reader.read_array_header()
        return not items or not _is_map(value[reader.tell() : reader.tell() + 1])
    except ValueError:
        return False


def _is_map(first: bytes) -> bool:
    return b"\x80" <= first <= b"\x8f" or first in (b"\xde", b"\xdf")


def _document(value: bytes) -> Any:
    """What a payload that is whole holds; raises DecodeError for far more parts than rows need."""
    left = iter(range(MAX_PARTS))

    def counted(items: Any) -> Any:
        if next(left, None) is None:
            raise DecodeError("wrong_shape", f"more than {MAX_PARTS} arrays and maps")
        return items

    if sum(map(value.count, _TIMES)) > MAX_PARTS:
        raise DecodeError("wrong_shape", f"more than {MAX_PARTS} times")
    with collector_paused():
        return msgpack.unpackb(
            value,
            list_hook=counted,
            object_pairs_hook=lambda pairs: counted(object_of(pairs)),
            ext_hook=lambda code, data: counted(msgpack.ExtType(code, data)),
        )


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
