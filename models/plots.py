"""Figures as PNG bytes. Drawn on the Agg canvas itself: no window, no global state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.reference import Reference

NORMAL: Final = "#2a6f97"
ALARM: Final = "#c1121f"
SECOND: Final = "#f4a259"
"""Beside NORMAL, of two that are compared."""
_RESOLUTION: Final = 110


def loss_curve(
    losses: Sequence[float], validation_losses: Sequence[float], best_epoch: int
) -> bytes:
    """Training and validation loss per epoch, with the epoch whose weights were kept."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    epochs = np.arange(1, len(losses) + 1)
    axes.plot(epochs, losses, color=NORMAL, label="training")
    axes.plot(epochs, validation_losses, color=SECOND, label="validation")
    axes.axvline(best_epoch, color="grey", linestyle=":", label=f"kept: epoch {best_epoch}")
    if min(*losses, *validation_losses) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="loss", title="Loss")
    axes.legend(loc="upper right")
    return png(figure)


def error_histogram(reference: Reference) -> bytes:
    """Reconstruction errors of the calibration records, with the threshold."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    label = f"calibration ({reference.count:,} records)"
    axes.hist(reference.errors, log_bins(reference.errors).tolist(), color=NORMAL, label=label)
    threshold_line(axes, reference)
    axes.set_title("Reconstruction errors of normal records held out from training")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return png(figure)


def threshold_line(axes: Axes, reference: Reference) -> None:
    """Mark the threshold on an axis of reconstruction errors, and scale and name the axis."""
    label = f"threshold {reference.threshold:.4g} (quantile {reference.quantile:.4g})"
    axes.axvline(reference.threshold, color=ALARM, linestyle="--", label=label)
    if reference.threshold > 0:
        axes.set_xscale("log")
    axes.set(xlabel="reconstruction error", ylabel="records")


def log_bins(errors: NDArray[np.float64], bins: int = 60) -> NDArray[np.float64]:
    """Edges of log-spaced bins that hold every positive error, float64 (bins + 1,)."""
    positive = errors[errors > 0]
    if positive.size == 0:
        return np.linspace(0, 1, bins + 1)
    low, high = float(positive.min()), float(positive.max())
    return np.geomspace(low / 1.05, high * 1.05, bins + 1)


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_RESOLUTION)
    return buffer.getvalue()
