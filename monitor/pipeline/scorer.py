"""Scores rows: the one place where the daemon and the offline commands meet a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import threads
from models.bundle import Bundle
from models.channel_context import ChannelContext
from models.channels import Channels
from models.context import Context, places
from models.device import resolve
from models.engines import engine_for
from models.explaining import Explainer
from models.explanation import Explained
from models.precision import is_fast
from models.preparation import Preparation
from models.reconstruction import Reconstructions, reconstructed
from monitor.stream.records import Adjust, ChannelValues, Errors, Scores


class Scorer:
    """A bundle's model on a device, in the precision that the bundle was loaded for.

    device: auto, cpu or cuda. micro_batch: rows in one forward pass; None to choose, which may
    take a second of measuring. channels: those of the bundle to compute, or None. Several threads
    may call it, one at a time is served. Raises UserError for a device that is not there.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        micro_batch: int | None = None,
        channels: Channels | None = None,
    ) -> None:
        self.bundle = bundle
        self.channels = channels
        self._adjust = _adjust(bundle.context, None if channels is None else channels.context)
        self._device = resolve(device)
        self._model = bundle.model.to(self._device).eval()
        self._preparation = Preparation(bundle.input_spec, self._device)
        self._engine = engine_for(
            self._model,
            bundle.input_spec,
            bundle.error_metric,
            bundle.precision,
            micro_batch,
            None if channels is None else channels.views,
        )

    @property
    def about(self) -> dict[str, Any]:
        """How it scores, for people.

        threads: of the CPU. micro_batch: rows in one forward pass. slow: whether the device has
        no instructions for the precision.
        """
        return {
            "device": self._model.place,
            "precision": self.bundle.precision,
            "threads": threads.number(),
            "micro_batch": self._engine.micro_batch,
            "slow": not is_fast(self.bundle.precision, self._device),
        }

    def score(self, records: NDArray[Any]) -> Scores:
        """Score rows (B, *record_shape); raises ShapeError if they do not fit the model.

        An error may come out non-finite for values far outside the model's range: its p_value
        is then the smallest there is, and it is anomalous.
        """
        channels, reference = None, self.bundle.reference
        if self.channels is None:
            errors = self._engine.errors(records)
        else:
            errors, views = self._engine.with_views(records)
            channels = views[:, self.channels.kept]
        column = None if self._adjust is None else self.bundle.column
        return Scores(
            reconstruction_error=errors,
            p_values=reference.p_values,
            anomalous=reference.anomalous(errors),
            model_version=self.bundle.version,
            channels=channels,
            adjust=self._adjust,
            cells=None if column is None else column.cells(column.of(records)),
        )

    @property
    def knows_hours(self) -> bool:
        """Whether what it gives is judged by the hour of the records."""
        return self._adjust is not None and self.bundle.column is None

    def explainer(self, features: int) -> ScorerExplainer:
        """What says which `features` of a record, or which place, carry its error."""
        bundle = self.bundle
        made = Explainer(self._model, bundle.input_spec, bundle.error_metric, features)
        return ScorerExplainer(made, self._preparation)

    def reconstruct(self, records: NDArray[Any]) -> Reconstructions:
        """Reconstruct a few rows (B, *record_shape), all at once, in float32."""
        bundle, x = self.bundle, self._preparation.prepare(records)
        return reconstructed(self._model, x, bundle.input_spec, bundle.error_metric)


def _adjust(errors: Context | None, channels: ChannelContext | None) -> Adjust | None:
    """What brings errors and channels to a usual time, or to a usual value of the column.

    None where neither has a context.
    """
    if errors is None and channels is None:
        return None
    column = next((each.column for each in (errors, channels) if each is not None), None)

    def adjusted(
        found: Errors, values: ChannelValues, at: NDArray[np.int64]
    ) -> tuple[Errors, ChannelValues]:
        cells = places(at, None) if column is None else at
        if errors is not None:
            found = errors.in_cells(found, cells)
        if channels is not None and values is not None:
            values = channels.in_cells(values, cells)
        return found, values

    return adjusted


class ScorerExplainer:
    """Says what carries the error of rows, in float32, on the scorer's device."""

    def __init__(self, explainer: Explainer, preparation: Preparation) -> None:
        self._explainer, self._preparation = explainer, preparation

    def explain(self, records: NDArray[Any]) -> list[Explained]:
        """For each of a few rows (B, *record_shape), all at once. Raises ShapeError."""
        return self._explainer.explain(records, self._preparation.prepare(records))
