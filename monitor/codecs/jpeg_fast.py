"""JPEG pictures by libjpeg-turbo itself, without Pillow around it.

Both give the same pixels. Only files are taken that have the plain segments in which encoders
write what the pixels need; what cameras and editors add is left to Pillow.
"""

from __future__ import annotations

from typing import Any, Final

import simplejpeg
from numpy.typing import NDArray

from monitor.pictures.parts import JPEG, MAX_SCANS, START_OF_SCAN

_SPACES: Final = {"L": ("Gray", "GRAY"), "RGB": ("YCbCr", "RGB")}
"""What a file is in, and what it becomes, by Pillow's name of the mode."""
_LENGTHS: Final = {0xE0: 16, 0xEE: 14}
"""Of the segments in which JFIF and Adobe say who they are, when there is nothing else."""
_PLAIN: Final = frozenset({0xC0, 0xC2, 0xC4, 0xDB, 0xDD, *_LENGTHS})
"""Frame (all at once, or progressive), tables, restarts."""
_FRAME: Final = frozenset({0xC0, 0xC2})
MOST_SEGMENTS: Final = 32


class JpegReader:
    """Reads JPEG files of this size and mode. mode: L or RGB; of others it takes none."""

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        self._size = size
        self._space, self._wanted = _SPACES.get(mode, ("", ""))

    def read(self, value: bytes, into: NDArray[Any]) -> bool:
        """Write the pixels into uint8 (height, width, channels); False if in doubt."""
        if not self._space or not _is_plain(value):
            return False
        try:
            height, width, space, _ = simplejpeg.decode_jpeg_header(value)
            if (width, height, space) != (*self._size, self._space):
                return False
            simplejpeg.decode_jpeg(value, self._wanted, buffer=into)
        except ValueError:
            return False
        return True


def _is_plain(value: bytes) -> bool:
    """Whether all segments before the pixels are plain, with one frame among them."""
    at, frames = 2, 0
    for _ in range(MOST_SEGMENTS):
        marker = value[at : at + 2]
        if marker == START_OF_SCAN:
            scans = value.count(START_OF_SCAN, at)
            return value.startswith(JPEG) and frames == 1 and scans <= MAX_SCANS
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] not in _PLAIN:
            return False
        length = int.from_bytes(value[at + 2 : at + 4], "big")
        if length < 2 or _LENGTHS.get(marker[1], length) != length:
            return False
        frames += marker[1] in _FRAME
        at += 2 + length
    return False
