"""Payloads of MessagePack that claim or cost much for their size."""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgpack

SIDE = 28
ROW: bytes = msgpack.packb([[7] * SIDE] * SIDE)


def _array(n: int) -> bytes:
    return b"\xdd" + struct.pack(">I", n)


def _map(n: int) -> bytes:
    return b"\xdf" + struct.pack(">I", n)


def _full(unit: bytes, header: Callable[[int], bytes] = _array) -> Callable[[int], bytes]:
    """As many units as fit, and a header that says so."""

    def made(size: int) -> bytes:
        n = max(1, (size - 5) // len(unit))
        return header(n) + unit * n

    return made


def _first_row_right(unit: bytes) -> Callable[[int], bytes]:
    """Rows whose first is right; where the others have numbers, these have units."""
    other = b"\xdc\0\x1c" + (b"\xdc\0\x1c" + unit * SIDE) * SIDE

    def made(size: int) -> bytes:
        n = max(1, (size - 5 - len(ROW)) // len(other))
        return _array(n + 1) + ROW + other * n

    return made


def _claims(header: bytes) -> Callable[[int], bytes]:
    """A thousand claims inside each other, and as much data as there is room for."""
    return lambda size: header * 1000 + b"\x01" * max(1, size - 1000 * len(header))


def _nested(size: int) -> bytes:
    """Arrays in arrays, each as long as all that is left of the payload."""
    depth, headers = 500, b""
    for _ in range(depth):
        headers += _array(max(1, (size - 5 * depth) // depth))
    return headers + b"\x90" * max(1, size - 5 * depth)


BOMBS: dict[str, Callable[[int], bytes]] = {
    "numbers": _full(b"\x01"),
    "floats": _full(b"\xcb\x3f\xf8" + bytes(6)),
    "numbers of eight bytes": _full(b"\xcf" + b"\xff" * 8),
    "a claim of 4 billion items": lambda size: _array(2**32 - 1) + b"\x01" * (size - 5),
    "a claim of 4 billion fields": lambda size: _map(2**32 - 1) + b"\xa0" * (size - 5),
    "a string of 4 GB": lambda size: b"\xdb\xff\xff\xff\xff" + b"a" * (size - 5),
    "an extension of 4 GB": lambda size: b"\xc9\xff\xff\xff\xff\x05" + b"a" * (size - 6),
    "claims of 8 million items in each other": _claims(_array(2**23)),
    "claims of 4 billion fields in each other": _claims(_map(2**32 - 1)),
    "claims of 16 items in each other": _claims(b"\x9f"),
    "claims that share what is there": _nested,
    "empty arrays": _full(b"\x90"),
    "arrays of one": _full(b"\x91\x01"),
    "arrays of unequal length": _full(b"\x92\x01\x02\x91\x01"),
    "empty maps": _full(b"\x80"),
    "maps of one": _full(b"\x81\xa1a\x01"),
    "extensions": _full(b"\xd4\x05x"),
    "times": _full(b"\xd6\xff\0\0\0\x01"),
    "strings": _full(b"\xa2ab"),
    "binary data": _full(b"\xc4\x02ab"),
    "nothing": _full(b"\xc0"),
    "arrays as deep as they are long": lambda size: b"\x91" * (size - 1) + b"\x01",
    "arrays 500 deep": _full(b"\x91" * 500 + b"\x01"),
    "maps as deep as they are long": lambda size: b"\x81\xa0" * (size // 2 - 1) + b"\x01",
    "fields without a name": _full(b"\xa0\x01", _map),
    "one string": lambda size: msgpack.packb("é" * (size // 2 - 3)),
    "one key": lambda size: b"\x81\xdb" + struct.pack(">I", size - 7) + b"a" * (size - 7) + b"\x01",
    "rows": _full(ROW),
    "rows of empty arrays": _first_row_right(b"\x90"),
    "rows of arrays of one": _first_row_right(b"\x91\x01"),
    "rows of empty maps": _first_row_right(b"\x80"),
    "rows of strings": _first_row_right(b"\xa3abc"),
    "rows of long arrays": _first_row_right(b"\xdc\x04\x00" + b"\x90" * 1024),
    "what cannot begin anything": lambda size: b"\xc1" * size,
    "a right row and more": lambda size: ROW + b"\x01" * (size - len(ROW)),
}
