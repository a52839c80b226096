"""The reconstruction error: how far a reconstruction is from its record."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import Autoencoder

ERROR_METRICS: Final = ("mse", "mae")
"""Mean squared and mean absolute error over the elements of a record, in normalised units."""


def element_errors(x: Tensor, reconstruction: Tensor, metric: str) -> Tensor:
    """Squared ("mse") or absolute ("mae") error of each element, same shape, >= 0."""
    difference = reconstruction - x
    if metric == "mse":
        return difference.square()
    if metric == "mae":
        return difference.abs()
    raise ValueError(f"error metric must be one of {', '.join(ERROR_METRICS)}, got {metric!r}")


def record_errors(x: Tensor, reconstruction: Tensor, metric: str) -> NDArray[np.float64]:
    """Mean error of each record, float64 (B,), >= 0. Summed in float64.

    x, reconstruction: (B, *shape), normalised.
    """
    elements = element_errors(x, reconstruction, metric).flatten(1)  # (B, elements)
    means: NDArray[np.float64] = elements.mean(1, dtype=torch.float64).cpu().numpy()
    return means


@torch.inference_mode()
def errors_of(
    model: Autoencoder, x: Tensor, metric: str, batch_size: int = 512
) -> NDArray[np.float64]:
    """Errors of many records, float64 (n,), computed in batches with the model as in service."""
    model.eval()
    device = next(model.parameters()).device
    # One batch at a time: all of them need not fit on the device together.
    batches = (batch.to(device) for batch in torch.split(x, batch_size))
    errors = [record_errors(batch, model(batch), metric) for batch in batches]
    return np.concatenate(errors) if errors else np.empty(0)
