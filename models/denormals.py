"""Denormal numbers: those so close to zero that processors compute with them many times slower.

A float32 below 1.2e-38 has fewer digits, and each product of one may take a hundred cycles. Added
to anything else they change nothing: so weights have zeros in their place.
"""

from __future__ import annotations

import torch
from torch import Tensor


def without_denormals(values: Tensor) -> Tensor:
    """The same values, zero where they are denormal. Other types than floats stay as they are."""
    if not values.is_floating_point() or values.is_meta:
        return values
    return torch.where(values.abs() < torch.finfo(values.dtype).tiny, 0, values)
