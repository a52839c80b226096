"""Normalisation: (record - offset) / scale in float32, into memory that is used again.

Float32 would lose the digits of a small spread on a large offset, a pressure of 1e5 that moves by
1e-3. So the offset is subtracted in two parts, its float32 and what that leaves over: the first
difference is exact where it is small (Sterbenz, Floating-point computation, 1974, theorem 4.3.1),
and the result is within 2 units in the last place of the exact one. That holds for records that
float32 carries. Wider ones (float64, int32, int64) on an offset of more than FAR spreads are
computed in float64 and rounded at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NORMALISED_LIMIT: Final = 1e9
"""Normalised values are clipped here: far enough to tell nothing more, near enough that squared
errors of a float32 network stay finite."""
FAR: Final = 8.0
"""Offsets, in units of the scale, up to which rounding a record to float32 first costs no more
than rounding the normalised value."""
BLOCK: Final = 1 << 16
"""Elements at a time: what is written stays in the processor's cache until it is used."""
_ORDINARY: Final = (1e-30, 1e30)
"""Scales with which float32 neither overflows nor loses digits."""
_NEGLIGIBLE: Final = 1e-8
"""Of the scale: a rest of the offset that no float32 of the result can show."""
_SMALL_WHOLE: Final = 1 << 16
_EXACT: Final = frozenset(
    np.dtype(name) for name in ("bool", "uint8", "int8", "uint16", "int16", "float16", "float32")
)
"""Types whose every value is a float32."""
_ROUNDED: Final = frozenset(np.dtype(name) for name in ("int32", "uint32", "int64", "float64"))
"""Types that numpy and a GPU round to float32 alike. Others are brought to float64 first."""


class Arithmetic:
    """How records of one spec are normalised: the same on every device.

    offset, scale: one of each a channel (of a vector, a feature). high, low: float32 parts of
    the offset, divisor: float32 of the scale; None where they would change nothing.
    """

    def __init__(self, offset: Sequence[float], scale: Sequence[float]) -> None:
        self.offset = np.array(offset, dtype=np.float64)
        self.scale = np.array(scale, dtype=np.float64)
        self._near = bool((np.abs(self.offset) <= FAR * self.scale).all())
        self._ordinary = bool(
            ((self.scale >= _ORDINARY[0]) & (self.scale <= _ORDINARY[1])).all()
            and (np.abs(self.offset) <= _ORDINARY[1]).all()
        )
        largest = (_SMALL_WHOLE + np.abs(self.offset)) / self.scale
        self._bounded = bool((largest < NORMALISED_LIMIT).all())

    def in_float32(self, dtype: np.dtype[Any]) -> bool:
        """Whether float32 computes it as well as float64 would, for records of this type."""
        native = dtype.newbyteorder("=")
        return self._ordinary and (native in _EXACT or (self._near and native in _ROUNDED))

    def clips(self, dtype: np.dtype[Any]) -> bool:
        """Whether records of this type may lie beyond NORMALISED_LIMIT."""
        return dtype.kind == "f" or dtype.itemsize > 2 or not self._bounded

    @cached_property
    def high(self) -> NDArray[np.float32] | None:
        """The offset, rounded."""
        rounded = self.offset.astype(np.float32)
        return rounded if rounded.any() else None

    @cached_property
    def low(self) -> NDArray[np.float32] | None:
        """What the rounding left over."""
        rest = self.offset - self.offset.astype(np.float32)
        seen = (np.abs(rest) > _NEGLIGIBLE * self.scale).any()
        return rest.astype(np.float32) if seen else None

    @cached_property
    def divisor(self) -> NDArray[np.float32] | None:
        """The scale, rounded."""
        return self.scale.astype(np.float32) if (self.scale != 1).any() else None


class Normalisation:
    """Normalises on the CPU. Its memory is used again: not for several threads at a time.

    shape: (d,) or (C, H, W), as the network sees a record. channels_last: images are written as
    (H, W, C), which convolutions on the CPU are fastest with.
    """

    def __init__(
        self, shape: tuple[int, ...], arithmetic: Arithmetic, channels_last: bool = False
    ) -> None:
        self._shape, self._arithmetic = shape, arithmetic
        self._last = channels_last and len(shape) == 3
        self._elements = math.prod(shape)
        self._block = max(1, BLOCK // self._elements)  # rows

    def into(self, out: NDArray[np.float32], rows: NDArray[Any], clip: bool = True) -> None:
        """Write rows (B, *shape), normalised, to `out`: (B, elements), contiguous.

        clip: values beyond NORMALISED_LIMIT to it, which takes as long as all the rest; nan stays.
        """
        write = self._float32 if self._arithmetic.in_float32(rows.dtype) else self._float64
        clip = clip and self._arithmetic.clips(rows.dtype)
        shaped = np.moveaxis(rows, 1, -1) if self._last else rows  # (B, H, W, C) or (B, *shape)
        # Values beyond every range become infinite, then clipped: numpy need not warn.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(rows), self._block):
                part = out[start : start + self._block]
                write(part, shaped[start : start + self._block])
                if clip:
                    np.maximum(part, -NORMALISED_LIMIT, out=part)
                    np.minimum(part, NORMALISED_LIMIT, out=part)

    def _float32(self, out: NDArray[np.float32], shaped: NDArray[Any]) -> None:
        high, low, divisor = self._parts
        count = len(out)
        values = out
        if shaped.dtype == np.float32 and shaped.flags.c_contiguous:
            values = shaped.reshape(out.shape)  # the first operation copies
        else:
            np.copyto(out.reshape(shaped.shape), shaped, casting="unsafe")
        for part in (high, low):
            if part is not None:
                values = np.subtract(values, part[:count], out=out)
        if divisor is not None:
            values = np.divide(values, divisor[:count], out=out)
        if values is not out:
            np.copyto(out, values)

    def _float64(self, out: NDArray[np.float32], shaped: NDArray[Any]) -> None:
        offset, scale, memory = self._wide
        count = len(out)
        values = memory[:count]
        np.copyto(values.reshape(shaped.shape), shaped, casting="unsafe")
        np.subtract(values, offset[:count], out=values)
        np.divide(values, scale[:count], out=values)
        np.copyto(out, values, casting="same_kind")

    @cached_property
    def _parts(self) -> tuple[NDArray[np.float32] | None, ...]:
        parts = (self._arithmetic.high, self._arithmetic.low, self._arithmetic.divisor)
        return tuple(None if part is None else self._spread(part) for part in parts)

    @cached_property
    def _wide(self) -> tuple[NDArray[np.float64], ...]:
        """Offset, scale, and memory for a block in float64."""
        wide = (self._spread(self._arithmetic.offset), self._spread(self._arithmetic.scale))
        return (*wide, np.empty((self._block, self._elements)))

    def _spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """The channels' values, one for each element of a block: (block, elements)."""
        # Numpy goes through a whole block at once where both sides have its shape; a loop of
        # its own for each short row costs more than the arithmetic.
        each = np.broadcast_to(values.reshape(-1, *(1,) * (len(self._shape) - 1)), self._shape)
        each = np.moveaxis(each, 0, -1) if self._last else each
        return np.tile(each.reshape(-1), (self._block, 1))
