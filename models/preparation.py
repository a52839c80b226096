"""Preparation: records to a device, as the network sees them.

The CPU normalises with `Normalisation`. For a GPU that takes longer than its forward pass: so
records travel to it as they are, a byte a pixel instead of four, and are normalised there, with
the same operations in the same order: both give the same values, bit for bit.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.input_spec import InputSpec
from models.normalisation import NORMALISED_LIMIT

_TRAVEL: Final = {
    np.dtype(name): getattr(torch, name)
    for name in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
    )
}  # fmt: skip
"""Types that torch computes with everywhere. Others travel as float64."""


class Preparation:
    """Brings the records of one spec to one device."""

    def __init__(self, spec: InputSpec, device: torch.device) -> None:
        self._spec, self._device = spec, device
        self._arithmetic = spec.arithmetic
        self._float32 = tuple(
            None if part is None else self._per_channel(part)
            for part in (self._arithmetic.high, self._arithmetic.low, self._arithmetic.divisor)
        )
        self._float64 = (
            self._per_channel(self._arithmetic.offset),
            None,
            self._per_channel(self._arithmetic.scale),
        )

    def _per_channel(self, values: NDArray[Any]) -> Tensor:
        # Tensors also where one number would do: by a number, CUDA multiplies with its reciprocal.
        dimensions = len(self._spec.shape) - 1
        return torch.tensor(values).view(-1, *(1,) * dimensions).to(self._device)

    def prepare(self, records: NDArray[Any]) -> Tensor:
        """Float32 (B, *shape) on the device, normalised; ShapeError if they do not fit.

        records: (B, *record_shape) or (B, *shape), any real dtype.
        """
        if self._device.type == "cpu":
            return torch.from_numpy(self._spec.prepare(records))
        rows = self._spec.in_network_shape(records)
        return self.normalise(self.send(self.copy(rows)), rows.dtype)

    def staging(self, rows: int, dtype: np.dtype[Any]) -> Tensor:
        """Memory (rows, *shape) for records of this type, where the device fetches it fastest."""
        # A GPU fetches from pinned memory by itself, while the processor does something else.
        travels = _TRAVEL.get(dtype.newbyteorder("="), torch.float64)
        pinned = self._device.type == "cuda"
        return torch.empty((rows, *self._spec.shape), dtype=travels, pin_memory=pinned)

    def copy(self, rows: NDArray[Any]) -> Tensor:
        """Rows (B, *shape) once more, in memory for the journey."""
        staged = self.staging(len(rows), rows.dtype)
        stage(staged, rows)
        return staged

    def send(self, rows: Tensor) -> Tensor:
        """Rows of `copy` on the device; does not wait for the transfer."""
        return rows.to(self._device, non_blocking=True)

    def normalise(self, rows: Tensor, dtype: np.dtype[Any], out: Tensor | None = None) -> Tensor:
        """Rows (B, *shape), on the device, as the network sees them: float32, same shape.

        dtype: of the records before the journey. out: where to write them, or None.
        """
        single = self._arithmetic.in_float32(dtype)
        high, low, divisor = self._float32 if single else self._float64
        if single and out is not None:
            values = out.copy_(rows)
        else:
            values = rows.to(torch.float32 if single else torch.float64, copy=True)
        for part in (high, low):
            if part is not None:
                values.sub_(part)
        if divisor is not None:
            values.div_(divisor)
        if self._arithmetic.clips(dtype):
            values.clamp_(-NORMALISED_LIMIT, NORMALISED_LIMIT)
        if single:
            return values
        return values.to(torch.float32) if out is None else out.copy_(values)


def stage(staged: Tensor, rows: NDArray[Any]) -> None:
    """Write rows (B, *shape), of any layout, byte order and type, to memory for the journey."""
    # Read-only arrays and foreign byte orders, which torch does not take, are copied like others.
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(staged.numpy(), rows, casting="unsafe")
