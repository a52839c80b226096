"""Bounds for a BMP file."""

from __future__ import annotations

import struct
from typing import Final

from monitor.errors import DecodeError

MAX_PACKED_BYTES: Final = 2**20
"""Of a file whose pixels are packed (run lengths): Pillow unpacks it in Python, run by run."""
_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Lengths that the second header has, by version."""
_SECOND: Final = 14
_WITH_COMPRESSION: Final = 40
_COMPRESSION: Final = 30
_RUN_LENGTHS: Final = frozenset({1, 2})


def is_bmp(value: bytes) -> bool:
    """Whether it begins as a BMP file does."""
    return value.startswith(b"BM") and _second_header(value) in _HEADERS


def check(value: bytes) -> None:
    """Raise DecodeError, undecodable, for a packed file that would take seconds."""
    if _second_header(value) < _WITH_COMPRESSION or len(value) <= MAX_PACKED_BYTES:
        return
    if _number(value, _COMPRESSION) in _RUN_LENGTHS:
        raise DecodeError(
            "undecodable",
            f"a packed BMP (run lengths) of {len(value)} bytes, more than {MAX_PACKED_BYTES}."
            " Send it unpacked, or as PNG",
        )


def _second_header(value: bytes) -> int:
    """Its length."""
    return _number(value, _SECOND)


def _number(value: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", value, at)[0]) if at + 4 <= len(value) else 0
