"""What the pictures of one model, or of one folder, become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

DEEP: Final = "I;16"
"""Pillow's mode for 16 bits of grey."""
MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode for 8 bits a channel, by the number of channels."""


@dataclass(frozen=True, slots=True)
class Form:
    """What all pictures become. mode: L, RGB, RGBA, or I;16 for 16 bits of grey. resized: pictures
    of other sizes are brought to this one."""

    width: int
    height: int
    mode: str
    resized: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one picture's pixels: (H, W) or (H, W, C)."""
        channels = {"RGB": (3,), "RGBA": (4,)}.get(self.mode, ())
        return (self.height, self.width, *channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its pixels."""
        return np.dtype(np.uint16 if self.mode == DEEP else np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.width, self.height)


def resized_to(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height that `train --resize` brought pictures to, by a bundle's metadata, or None.

    What is not as `train` writes it is taken for nothing.
    """
    found: Any = metadata
    for name in ("data", "read", "roles", "resize"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, list | tuple) and len(found) == 2 and all(type(n) is int for n in found):
        return (found[0], found[1])
    return None
