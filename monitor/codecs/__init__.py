"""Payload formats, one a file: bytes to rows and back.

A codec is frozen and does no I/O. `decode` returns rows (n, *record_shape) of numbers, or
raises DecodeError; nothing that a producer can send makes it raise anything else, or take much
more memory than the payload. To add one: write its file and name it in `CODECS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

from monitor.codecs.image import ImageCodec
from monitor.codecs.json_list import JsonCodec
from monitor.codecs.npy import NpyCodec
from monitor.codecs.raw import RawCodec
from monitor.codecs.settings import CodecSettings


class Codec(Protocol):
    """A payload format."""

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows (n, *record_shape), n >= 1. Raises DecodeError with a reason."""

    def encode(self, row: NDArray[Any]) -> bytes:
        """The payload that carries one row, of `record_shape`."""


CODECS: dict[str, Callable[[CodecSettings], Codec]] = {
    "json": JsonCodec,
    "raw": RawCodec,
    "npy": NpyCodec,
    "image": ImageCodec,
}

__all__ = ["CODECS", "Codec", "CodecSettings"]
