"""The metrics of the model in use, and of its replacement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.pipeline.first_rows import KINDS
from monitor.pipeline.loaded_model import LoadedModel

FAILURES: Final = ("resolve", "fetch", "damaged", "unfit", "probe", "error")
"""Why a new model was not taken.

resolve: where the new model is said could not be read. fetch: it could not be fetched. damaged:
its bundle is not whole. unfit: it does not fit the configuration. probe: it failed on rows made
from its own input spec. error: something that we did not foresee; the log holds the traceback.
"""
_LEVELS = (0.5, 0.9, 0.99, 0.999)
_STOP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class ModelMetrics:
    """Version, threshold and reference; swaps. gauge, counter: make one in the registry."""

    def __init__(
        self,
        gauge: Callable[..., Gauge],
        counter: Callable[..., Counter],
        registry: CollectorRegistry,
    ) -> None:
        self._shown: set[tuple[str, str]] = set()
        self.threshold = gauge("threshold", "Error above which a row is anomalous.")
        self.expected = gauge(
            "anomaly_expected_ratio",
            "Share of rows that the threshold lets be anomalous on normal data.",
        )
        self.reference_quantile = gauge(
            "reference_quantile",
            "Quantile of the reconstruction error of held-out normal data.",
            ("level",),
        )
        self.info = gauge("model_info", "The model in use; always 1.", ("version", "architecture"))
        self.trained = gauge(
            "model_trained_timestamp_seconds", "When the model in use was trained."
        )
        self.swaps = counter("model_swaps", "Times that a new model took the place of another.")
        self.failures = counter(
            "model_swap_failures", "Times that a new model was not taken, by reason.",
            reason=FAILURES,
        )  # fmt: skip
        self.swapped = gauge(
            "model_swap_timestamp_seconds", "When the model in use took its place; 0 at the start."
        )
        self.first_rows = gauge(
            "first_rows_unusual",
            "Whether the first rows were unlike all that the model knows, by kind.",
            ("kind",),
        )
        self.show_first_rows(None)
        self.stopped = Histogram(
            "aead_monitor_model_swap_seconds",
            "How long reading stopped for a new model.",
            buckets=_STOP_SECONDS,
            registry=registry,
        )

    def show(self, model: LoadedModel) -> None:
        """Set what is known of the model in use."""
        self.threshold.set(model.threshold)
        # Without the rounding, 1 - 0.999 would be shown as 0.0010000000000000009.
        self.expected.set(round(1 - model.reference.quantile, 12))
        for q in _LEVELS:
            value = float(model.reference.quantiles([q])[0])
            self.reference_quantile.labels(f"{q:g}").set(value)
        labels = (model.version, model.architecture)
        self.info.labels(*labels).set(1)
        for other in self._shown - {labels}:
            self.info.remove(*other)
        self._shown = {labels}
        self.trained.set(model.trained)

    def show_first_rows(self, found: str | None) -> None:
        """Set what is wrong with the first rows, one of KINDS, if anything is."""
        for kind in KINDS:
            self.first_rows.labels(kind).set(kind == found)

    def swapped_after(self, seconds: float) -> None:
        """A new model has taken its place; reading stopped for so long."""
        self.swaps.inc()
        self.swapped.set_to_current_time()
        self.stopped.observe(seconds)
