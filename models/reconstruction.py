"""What a model makes of records, and the error: how far a reconstruction is from its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import Autoencoder
from models.error_metrics import element_errors, record_errors
from models.input_spec import InputSpec
from models.solved import Scoring, Solved

SURPRISAL: Final = Solved.metric
"""The error that a `Solved` model has: -log of how probable one as large is, in nats."""
BATCH: Final = 512
"""Records in one forward pass: bounds the memory of the device, whatever there is to score."""


@dataclass(frozen=True, slots=True, eq=False)
class Reconstructions:
    """What a model made of B records, for pictures.

    original, reconstruction: float32 (B, *shape) in the units of the data. element_error:
    float32 (B, *shape), normalised, >= 0; its mean over a record is the reconstruction error.
    """

    original: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    element_error: NDArray[np.float32]

    def record(self, i: int) -> Self:
        """Of one record alone, (1, *shape)."""
        one = slice(i, i + 1)
        return type(self)(self.original[one], self.reconstruction[one], self.element_error[one])


@torch.inference_mode()
def reconstructed(model: Autoencoder, x: Tensor, spec: InputSpec, metric: str) -> Reconstructions:
    """Reconstruct a few records, all at once. x: (B, *shape), normalised, on the model's device."""
    reconstruction, elements = mapped(model, x, metric)
    return Reconstructions(
        original=spec.restore(x.cpu().numpy()),
        reconstruction=spec.restore(reconstruction.cpu().numpy()),
        element_error=elements.cpu().numpy(),
    )


def mapped(model: Autoencoder, x: Tensor, metric: str) -> tuple[Tensor, Tensor]:
    """Reconstructions, and how elements share the errors, (B, *shape) both, normalised.

    x: (B, *shape), normalised, on the model's device.
    """
    reconstruction = model(x)
    if isinstance(model, Scoring):
        return reconstruction, model.element_errors(x)
    return reconstruction, element_errors(x, reconstruction, metric)


def metric_of(model: Autoencoder, metric: str) -> str:
    """What the errors of a model are: the metric that it was trained with, or its own."""
    return model.metric if isinstance(model, Scoring) else metric


@torch.inference_mode()
def errors_of(
    model: Autoencoder, x: Tensor, metric: str, batch_size: int = BATCH
) -> NDArray[np.float64]:
    """Errors of many records, float64 (n,), computed in batches with the model as in service."""
    model.eval()
    device = next(model.parameters()).device
    # One batch at a time: all of them need not fit on the device together.
    batches = (batch.to(device) for batch in torch.split(x, batch_size))
    return np.concatenate([model_errors(model, batch, metric) for batch in batches])


@torch.inference_mode()
def reconstruction_errors(model: Autoencoder, x: Tensor) -> NDArray[np.float64]:
    """Mean squared distance of each record from its reconstruction, whatever the model's error.

    x: (n, *shape), normalised, anywhere. Returns float64 (n,).
    """
    device = next(model.parameters()).device
    batches = (batch.to(device) for batch in torch.split(x, BATCH))
    return np.concatenate([record_errors(batch, model(batch), "mse") for batch in batches])


def model_errors(model: Autoencoder, x: Tensor, metric: str) -> NDArray[np.float64]:
    """Error of each record, float64 (B,), >= 0, all at once. x: (B, *shape), normalised."""
    if isinstance(model, Scoring):
        errors: NDArray[np.float64] = model.errors(x).double().cpu().numpy()
        return errors
    return record_errors(x, model(x), metric)


def finite(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors of which those that are not finite are the largest number: they rank above others."""
    return np.where(np.isfinite(errors), errors, np.finfo(np.float64).max)
