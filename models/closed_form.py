"""What is fitted in closed form, in float64: principal directions, and linear predictions."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

_RIDGE: Final = 1e-9
_BLOCK: Final = 1000
"""Records at a time, in float64."""


class Principal(NamedTuple):
    """Mean (D,) of rows, and their variance (D,) along directions (D, D), a column each.

    Columns stand in the order of the variance, the least first.
    """

    mean: Tensor
    variance: Tensor
    directions: Tensor


def principal(rows: Tensor) -> Principal:
    """The principal directions of rows (n, D), n at least 1."""
    rows = rows.double()
    mean = rows.mean(0)
    centred = rows - mean
    variance, directions = torch.linalg.eigh(centred.T @ centred / len(rows))
    return Principal(mean, variance.clamp(min=0), directions)


def predicting(codes: Tensor, wanted: Tensor) -> Tensor:
    """Offset and gains (1 + k, d) that give wanted (n, d) best from codes (n, k): least squares."""
    own, both = torch.tensor(0.0), torch.tensor(0.0)
    for code, each in zip(torch.split(codes, _BLOCK), torch.split(wanted, _BLOCK), strict=True):
        code = torch.cat([torch.ones_like(code[:, :1]), code], 1).double()  # (b, 1 + k)
        own = own + code.T @ code
        both = both + code.T @ each.double()
    ridge = _RIDGE * torch.eye(len(own), dtype=own.dtype, device=own.device)
    found: Tensor = torch.linalg.solve(own + ridge, both)
    return found
