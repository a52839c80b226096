"""Payload formats, one a file: bytes to rows and back.

A codec is frozen and does no I/O. `decode` returns rows (n, *record_shape) of numbers, or
raises DecodeError; nothing that a producer can send makes it raise anything else, or take much
more memory than the payload. To add one: write its file and name it in `CODECS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from models.deferred import deferred
from monitor.codecs.settings import CodecSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Codec(Protocol):
    """A payload format."""

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows (n, *record_shape), n >= 1. Raises DecodeError with a reason."""

    def encode(self, row: NDArray[Any]) -> bytes:
        """The payload that carries one row, of `record_shape`. Raises ValueError if it cannot."""


CODECS: Final[dict[str, Callable[[CodecSettings], Codec]]] = {
    "json": deferred("monitor.codecs.json_list:JsonCodec"),
    "raw": deferred("monitor.codecs.raw:RawCodec"),
    "npy": deferred("monitor.codecs.npy:NpyCodec"),
    "image": deferred("monitor.codecs.image:ImageCodec"),
    "arrow": deferred("monitor.codecs.arrow:ArrowCodec"),
    "json-schema": deferred("monitor.codecs.json_schema:JsonSchemaCodec"),
    "avro": deferred("monitor.codecs.avro:AvroCodec"),
    "protobuf": deferred("monitor.codecs.protobuf:ProtobufCodec"),
    "msgpack": deferred("monitor.codecs.msgpack:MsgpackCodec"),
}
"""What builds each codec, by name. The configuration and `produce` offer these names. A codec
raises ValueError for settings that it cannot work with."""

__all__ = ["CODECS", "Codec", "CodecSettings"]
