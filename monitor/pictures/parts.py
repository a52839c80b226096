"""A picture's file, cut down to what its pixels need, in a bounded number of parts.

Pillow steps through the parts of a file in Python, and unpacks metadata that nobody asked for.
Eight megabytes of tiny parts or of well packed ones would hold the daemon up for seconds.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from monitor.errors import DecodeError

MAX_CHUNKS: Final = 2**14
"""Of a PNG. Writers put 8 kB and more into each."""
MAX_SEGMENTS: Final = 256
"""Of a JPEG, before its pixels. Cameras write a dozen, large profiles a hundred."""
MAX_SCANS: Final = 100
"""Of a progressive JPEG; each goes over all pixels. Ten are usual."""

PNG: Final = b"\x89PNG\r\n\x1a\n"
IEND: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
"""The last chunk of a PNG."""
_CHUNK: Final = struct.Struct(">I4s")
_CHUNK_BYTES: Final = 12
"""Length, name and checksum of a chunk."""
_WANTED: Final = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
"""Optional chunks that say what the pixels are: transparency, and the frames of an animation."""
JPEG: Final = b"\xff\xd8\xff"
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
START_OF_SCAN: Final = b"\xff\xda"
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xDA)})
_EXIF: Final = b"Exif\0\0"


def essential(value: bytes) -> bytes:
    """A file of the same pixels, for Pillow to judge; any other kind as it is.

    Raises DecodeError, undecodable, for more parts than pictures have.
    """
    if value.startswith(PNG):
        return _png(value)
    return _jpeg(value) if value.startswith(JPEG) else value


def _png(value: bytes) -> bytes:
    """Signature, wanted chunks, and whatever follows them that is no chunk."""
    parts, at, chunks = [PNG], len(PNG), 0
    while at + _CHUNK_BYTES <= len(value):
        length, name = _CHUNK.unpack_from(value, at)
        end = at + _CHUNK_BYTES + length
        if end > len(value):
            break
        chunks += 1
        _at_most(MAX_CHUNKS, chunks, "chunks")
        if is_wanted(name):
            _check_order(name, len(parts) == 1)
            parts.append(value[at:end])
        at = end if name != b"IEND" else len(value)
    return b"".join([*parts, value[at:]])


def is_wanted(name: bytes) -> bool:
    """Whether a chunk has to do with the pixels."""
    optional = name.isalpha() and name[:1].islower()
    return not optional or name in _WANTED


def _check_order(name: bytes, first: bool) -> None:
    """Pillow takes a later header's word for the depth, which we read from the first."""
    if (name == b"IHDR") != first:
        raise DecodeError("undecodable", "a damaged picture: IHDR must come first, and once")


def _jpeg(value: bytes) -> bytes:
    """Segments up to the first scan without padding, Exif and Photoshop's; then all the rest."""
    parts, at = [value[:2]], 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(value, at)
        if found is None:
            return b"".join(parts)
        begin = found.start()
        if found[0] == START_OF_SCAN:
            _at_most(MAX_SCANS, value.count(START_OF_SCAN, begin), "scans")
            return b"".join([*parts, value[begin:]])
        at = _end_of_segment(value, begin)
        if not _is_metadata(value[begin : begin + 10]):
            parts.append(value[begin:at])
    raise DecodeError("undecodable", f"more than {MAX_SEGMENTS} segments before the pixels")


def _end_of_segment(value: bytes, begin: int) -> int:
    start = begin + 2
    if value[begin + 1] in _WITHOUT_LENGTH:
        return start
    return start + max(2, int.from_bytes(value[start : start + 2], "big"))


def _is_metadata(segment: bytes) -> bool:
    return segment[1] == 0xED or (segment[1] == 0xE1 and segment[4:] == _EXIF)


def _at_most(limit: int, found: int, what: str) -> None:
    if found > limit:
        raise DecodeError("undecodable", f"more than {limit} {what}, more than pictures have")
