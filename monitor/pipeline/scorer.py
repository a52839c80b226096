"""Scores rows: the one place where the daemon and the offline commands meet a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.device import resolve
from models.preparation import Preparation
from models.reconstruction import (
    BATCH,
    Reconstructions,
    errors_of_batches,
    finite,
    reconstructed,
)
from monitor.stream.records import Scores


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
        ranked = finite(errors)
        return Scores(
            reconstruction_error=errors,
            p_value=reference.p_values(ranked),
            anomalous=reference.anomalous(ranked),
            model_version=self.bundle.version,
        )

    def reconstruct(self, records: NDArray[Any]) -> Reconstructions:
        """Reconstruct a few rows (B, *record_shape), all at once."""
        bundle, x = self.bundle, self._preparation.prepare(records)
        return reconstructed(self._model, x, bundle.input_spec, bundle.error_metric)

    def _errors(self, records: NDArray[Any]) -> NDArray[np.float64]:
        batches = self._preparation.batches(records, BATCH)
        return errors_of_batches(self._model, batches, self.bundle.error_metric)
