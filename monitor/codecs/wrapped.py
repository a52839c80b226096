"""Payloads that were compressed or written as text: base64, gzip, zstd, one in another.

What is unwrapped may be as large as a payload may be, `codec.max_record_bytes`, at each step, and
no byte more is made: a bomb is refused once that is full.
"""

from __future__ import annotations

import binascii
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from monitor.codecs import Codec
from monitor.codecs.headers import HeedsHeader, header_of
from monitor.codecs.likely import explained
from monitor.codecs.many import DecodesMany, Many
from monitor.errors import DecodeError

MAX_WINDOW: Final = 1 << 23
"""Bytes that zstd may look back: what its format asks every reader to allow."""
_FED: Final = 128
"""Bytes that zstd gets at once."""
_GZIP: Final = 31
"""zlib's name for its own format with the header of gzip, and nothing else."""

Unwrap = Callable[[bytes, int], bytes]
"""What is in a payload, or more than so many bytes of it. Raises ValueError."""


class Wrapped:
    """A codec for payloads that are wrapped. kinds: outermost first. name: of the codec inside."""

    def __init__(self, codec: Codec, kinds: Sequence[str], max_bytes: int, name: str = "") -> None:
        self._codec = codec
        self._kinds = tuple(kinds)
        self._max_bytes = max_bytes
        self._name = name
        self.header = header_of(codec)

    def decode(self, value: bytes) -> NDArray[Any]:
        """The rows of what is inside."""
        inner = self._unwrapped(value)
        try:
            return self._codec.decode(inner)
        except DecodeError as error:
            raise explained(error, inner, self._name) from None

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """Of the payloads that can be unwrapped."""
        if not isinstance(self._codec, DecodesMany):
            return Many.none(len(values))
        inner, positions = [], []
        for i, value in enumerate(values):
            try:
                inner.append(self._unwrapped(value))
                positions.append(i)
            except DecodeError:
                continue  # `decode` says why
        if not inner:
            return Many.none(len(values))
        rows, found = self._codec.decode_many(inner)
        counts = np.zeros(len(values), dtype=np.int64)
        counts[positions] = found
        return Many(rows, counts)

    def encode(self, row: NDArray[Any]) -> bytes:
        """The payload of one row, wrapped."""
        value = self._codec.encode(row)
        for kind in reversed(self._kinds):
            value = _WRAP[kind](value)
        return value

    def as_told(self, text: bytes) -> Codec:
        """The same for another codec inside."""
        assert isinstance(self._codec, HeedsHeader)  # noqa: S101  # it has a header
        inner = self._codec.as_told(text)
        return Wrapped(inner, self._kinds, self._max_bytes, self._name)

    def told(self) -> bytes:
        """What the header says of what is inside."""
        assert isinstance(self._codec, HeedsHeader)  # noqa: S101  # it has a header
        return self._codec.told()

    def _unwrapped(self, value: bytes) -> bytes:
        return unwrapped(value, self._kinds, self._max_bytes)


def unwrapped(value: bytes, kinds: Sequence[str], max_bytes: int) -> bytes:
    """What is inside a payload; raises DecodeError. kinds, max_bytes: as of `Wrapped`."""
    for kind in kinds:
        try:
            value = UNWRAP[kind](value, max_bytes)
        except ValueError as error:
            text = f"not {kind}, which codec.wrap says: {error}"
            raise DecodeError("undecodable", text[:300]) from None
        if len(value) > max_bytes:
            raise DecodeError("oversized", f"{kind}: more than {max_bytes} bytes inside")
        if not value:
            raise DecodeError("empty", f"{kind}: no bytes inside")
    return value


def _base64(value: bytes, most: int) -> bytes:
    del most  # it is a quarter shorter than the payload
    return binascii.a2b_base64(value.strip(), strict_mode=True)


def _gzip(value: bytes, most: int) -> bytes:
    """One member; others behind it are refused, as what they may hold is not bounded."""
    reader = zlib.decompressobj(_GZIP)
    try:
        found = reader.decompress(value, most + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(found) > most:
        return found
    if not reader.eof:
        raise ValueError("it ends too soon")
    if reader.unused_data:
        raise ValueError("bytes after its end")
    return found


def _zstd(value: bytes, most: int) -> bytes:
    """One frame. A little of the payload at a time: each block of 4 bytes may become 128 kB."""
    reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    parts, made = list[bytes](), 0
    try:
        for start in range(0, len(value), _FED):
            parts.append(reader.decompress(value[start : start + _FED]))
            made += len(parts[-1])
            if made > most:
                return b"".join(parts)
            if reader.eof:
                if reader.unused_data or start + _FED < len(value):
                    raise ValueError("bytes after its end")
                return b"".join(parts)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    raise ValueError("it ends too soon")


UNWRAP: Final[Mapping[str, Unwrap]] = MappingProxyType(
    {"base64": _base64, "gzip": _gzip, "zstd": _zstd}
)
_WRAP: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "base64": lambda value: binascii.b2a_base64(value, newline=False),
        "gzip": lambda value: gzip.compress(value, mtime=0),
        "zstd": lambda value: zstandard.ZstdCompressor().compress(value),
    }
)
