"""Preparation: records to the device, as the network sees them.

The CPU normalises with `InputSpec.prepare`. For a GPU that takes longer than its forward pass: so
records travel to it as they are, a byte a pixel instead of four, and are normalised there. Both
give the same values, bit for bit: float64 arithmetic, rounded to float32 at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.input_spec import NORMALISED_LIMIT, InputSpec

_TRAVEL: Final = {
    np.dtype(name): getattr(torch, name)
    for name in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
    )
}  # fmt: skip
"""Types that torch computes with everywhere. Others travel as float64: `InputSpec.prepare` begins
with the same conversion."""


class Preparation:
    """Brings the records of one spec to one device."""

    def __init__(self, spec: InputSpec, device: torch.device) -> None:
        self._spec, self._device = spec, device
        per_channel = (-1, *(1,) * (len(spec.shape) - 1))
        self._offset = torch.tensor(spec.offset, dtype=torch.float64).view(per_channel).to(device)
        self._scale = torch.tensor(spec.scale, dtype=torch.float64).view(per_channel).to(device)

    def prepare(self, records: NDArray[Any]) -> Tensor:
        """Float32 (B, *shape) on the device, normalised; ShapeError if they do not fit.

        records: (B, *record_shape) or (B, *shape), any real dtype.
        """
        if self._device.type == "cpu":
            with _quiet():
                return torch.from_numpy(self._spec.prepare(records))
        return self.normalise(self.send(self.copy(self._spec.in_network_shape(records))))

    def batches(self, records: NDArray[Any], size: int) -> Iterator[Tensor]:
        """What `prepare` returns, in parts of at most `size` rows; a GPU holds one at a time."""
        if self._device.type == "cpu":
            yield from torch.split(self.prepare(records), size)
            return
        rows = self._spec.in_network_shape(records)
        for start in range(0, max(1, len(rows)), size):
            yield self.normalise(self.send(self.copy(rows[start : start + size])))

    def copy(self, rows: NDArray[Any]) -> Tensor:
        """Rows (B, *shape) once more, where the device fetches them fastest."""
        # A GPU fetches from pinned memory by itself, and torch reuses such memory as soon as the
        # transfer has ended. Read-only arrays and foreign byte orders, which torch does not take,
        # are copied like any other.
        dtype = _TRAVEL.get(rows.dtype.newbyteorder("="), torch.float64)
        copied = torch.empty(rows.shape, dtype=dtype, pin_memory=self._device.type == "cuda")
        with _quiet():
            np.copyto(copied.numpy(), rows)
        return copied

    def send(self, rows: Tensor) -> Tensor:
        """Rows of `copy` on the device; does not wait for the transfer."""
        return rows.to(self._device, non_blocking=True)

    def normalise(self, rows: Tensor) -> Tensor:
        """Rows (B, *shape), on the device, as the network sees them: float32, same shape."""
        values = rows.to(torch.float64, copy=True)
        values.sub_(self._offset).div_(self._scale)
        return values.clamp_(-NORMALISED_LIMIT, NORMALISED_LIMIT).to(torch.float32)


def _quiet() -> np.errstate:
    """Values beyond every range become infinite, then clipped: numpy need not warn."""
    return np.errstate(over="ignore", invalid="ignore")
