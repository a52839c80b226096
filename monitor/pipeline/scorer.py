"""Scores rows with a model: the one place where the daemon and the offline commands meet torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import Bundle
from models.device import resolve
from models.preparation import Preparation
from models.reconstruction import element_errors, record_errors
from monitor.stream.records import Scores

MICRO_BATCH = 512
"""Rows in one forward pass: bounds the memory of the device, whatever the batch."""


@dataclass(frozen=True, slots=True)
class Reconstructions:
    """What the model made of B rows, for pictures.

    original, reconstruction: float32 (B, *shape) in the units of the data. element_error:
    float32 (B, *shape), normalised, >= 0; its mean over a row is the reconstruction error.
    """

    original: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    element_error: NDArray[np.float32]


class Scorer:
    """A bundle's model on a device.

    device: auto, cpu or cuda. Raises UserError for a device that is not there.
    """

    def __init__(self, bundle: Bundle, device: str = "auto") -> None:
        self.bundle = bundle
        self._device = resolve(device)
        self._model = bundle.model.to(self._device).eval()
        self._preparation = Preparation(bundle.input_spec, self._device)

    def score(self, records: NDArray[Any]) -> Scores:
        """Score rows (B, *record_shape); raises ShapeError if they do not fit the model.

        An error may come out non-finite for values far outside the model's range: its p_value
        is then the smallest there is, and it is anomalous.
        """
        errors = self._errors(records)
        reference = self.bundle.reference
        ranked = np.where(np.isfinite(errors), errors, np.finfo(np.float64).max)
        return Scores(
            reconstruction_error=errors,
            p_value=reference.p_values(ranked),
            anomalous=reference.anomalous(ranked),
            model_version=self.bundle.version,
        )

    @torch.inference_mode()
    def reconstruct(self, records: NDArray[Any]) -> Reconstructions:
        """Reconstruct a few rows (B, *record_shape), all at once."""
        x = self._preparation.prepare(records)
        reconstruction = self._model(x)
        restore = self.bundle.input_spec.restore
        return Reconstructions(
            original=restore(x.cpu().numpy()),
            reconstruction=restore(reconstruction.cpu().numpy()),
            element_error=element_errors(x, reconstruction, self.bundle.error_metric).cpu().numpy(),
        )

    @torch.inference_mode()
    def _errors(self, records: NDArray[Any]) -> NDArray[np.float64]:
        batches = self._preparation.batches(records, MICRO_BATCH)
        metric = self.bundle.error_metric
        return np.concatenate([record_errors(x, self._model(x), metric) for x in batches])
