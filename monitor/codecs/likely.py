"""What a payload that a codec cannot read most likely is, and which setting reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from monitor.errors import DecodeError
from monitor.pictures.bmp import is_bmp
from monitor.pictures.parts import JPEG, PNG
from monitor.pictures.tiff import is_tiff
from monitor.pictures.webp import is_webp

_LOOKED_AT: Final = 256
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\r\n]{16,}={0,2}\s*")
_JSON: Final = re.compile(rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[\]{\"\d-])")
_NUMBERS: Final = re.compile(rb"\s*[-+]?[\d.]+([eE][-+]?\d+)?([,;\t ]\s*[-+]?[\d.]+)+")
_MOST_SCHEMA_ID: Final = 1 << 24
"""Ids of schemas are given one after the other: a larger one is rather a number of the payload."""

UNREADABLE: Final = frozenset({"undecodable", "wrong_shape", "wrong_dtype", "non_finite"})
"""Reasons for which the format may be another one."""


class Sign(NamedTuple):
    """How a format is told, what it is called, and which codec reads it, or how.

    codecs: those that read it; they need no hint.
    """

    seen: Callable[[bytes], bool]
    text: str
    codecs: frozenset[str]


def _starts(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda value: value.startswith(magic)


def _framed(value: bytes) -> bool:
    """Whether it begins as Schema Registry frames it: 0x00, and the id of a schema."""
    return (
        len(value) > 5
        and value[0] == 0
        and 0 < int.from_bytes(value[1:5], "big") < (_MOST_SCHEMA_ID)
    )


def _framed_json(value: bytes) -> bool:
    return _framed(value) and _JSON.match(value, 5) is not None


def _matches(pattern: re.Pattern[bytes]) -> Callable[[bytes], bool]:
    return lambda value: pattern.match(value) is not None


def _is_base64(value: bytes) -> bool:
    return _BASE64.fullmatch(value) is not None


def _of(*codecs: str) -> frozenset[str]:
    return frozenset(codecs)


SIGNS: Final[tuple[Sign, ...]] = (
    Sign(_starts(b"\x1f\x8b"), "This is gzip: set codec.wrap: gzip", _of()),
    Sign(_starts(b"\x28\xb5\x2f\xfd"), "This is zstd: set codec.wrap: zstd", _of()),
    Sign(_starts(PNG), "This is a PNG picture: set codec.name: image", _of("image")),
    Sign(_starts(JPEG), "This is a JPEG picture: set codec.name: image", _of("image")),
    Sign(is_webp, "This is a WebP picture: set codec.name: image", _of("image")),
    Sign(is_tiff, "This is a TIFF picture: set codec.name: image", _of("image")),
    Sign(is_bmp, "This is a BMP picture: set codec.name: image", _of("image")),
    Sign(_starts(b"\x93NUMPY"), "This is a .npy file: set codec.name: npy", _of("npy")),
    Sign(_starts(b"\x80\x04\x95", b"\x80\x05\x95"), "This is a Python pickle, which is never"
         " read: let the producer send raw, npy or json", _of()),
    Sign(_starts(b"Obj\x01"), "This is an Avro file with its schema, which no codec reads: let the"
         " producer send single records", _of()),
    Sign(_starts(b"PAR1"), "This is a Parquet file, which no codec reads: let the producer send"
         " arrow", _of()),
    Sign(_starts(b"\xff\xff\xff\xff"), "This looks like Arrow: set codec.name: arrow",
         _of("arrow", "raw")),
    Sign(_matches(_JSON), "This is JSON text: set codec.name: json", _of("json")),
    Sign(_is_base64, "This looks like base64 text: set codec.wrap: base64", _of()),
    Sign(_matches(_NUMBERS), "This is text of numbers with separators, which no codec reads: let"
         " the producer send json", _of("json")),
    Sign(_framed_json, "This is JSON with Schema Registry framing: set codec.name: json",
         _of("json", "json-schema")),
    Sign(_framed, "This looks like Schema Registry framing: set codec.name: avro or"
         " protobuf", _of("avro", "protobuf", "json-schema")),
)  # fmt: skip
"""The first that fits counts."""


def likely(value: bytes, codec: str, reason: str) -> str:
    """A sentence for people, or nothing. codec: the one that could not read it, by name."""
    if reason not in UNREADABLE:
        return ""
    for sign in SIGNS:
        if sign.seen(value if len(value) <= _LOOKED_AT else value[:_LOOKED_AT]):
            return "" if codec in sign.codecs else sign.text
    return ""


def explained(error: DecodeError, value: bytes, codec: str) -> DecodeError:
    """The error of a codec with the likely cause, unless it names one itself."""
    hint = "" if "codec." in str(error) else likely(value, codec, error.reason)
    return DecodeError(error.reason, f"{str(error)[:200]}. {hint}") if hint else error
