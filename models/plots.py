"""Figures as PNG bytes. Drawn on the Agg canvas itself: no window, no global state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from models.reference import Reference

NORMAL: Final = "#2a6f97"
ALARM: Final = "#c1121f"
_RESOLUTION: Final = 110


def loss_curve(
    losses: Sequence[float], validation_losses: Sequence[float], best_epoch: int
) -> bytes:
    """Training and validation loss per epoch, with the epoch whose weights were kept."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    epochs = np.arange(1, len(losses) + 1)
    axes.plot(epochs, losses, color=NORMAL, label="training")
    axes.plot(epochs, validation_losses, color="#f4a259", label="validation")
    axes.axvline(best_epoch, color="grey", linestyle=":", label=f"kept: epoch {best_epoch}")
    if min(*losses, *validation_losses) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="loss", title="Loss")
    axes.legend()
    return png(figure)


def error_histogram(reference: Reference) -> bytes:
    """Reconstruction errors of the calibration records, with the threshold."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    label = f"calibration ({reference.count:,} records)"
    axes.hist(reference.errors, log_bins(reference.errors).tolist(), color=NORMAL, label=label)
    threshold_line(axes, reference)
    axes.set_title("Reconstruction errors of normal records held out from training")
    axes.legend()
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


def reconstructions(
    originals: NDArray[np.float32],
    reconstructed: NDArray[np.float32],
    element_errors: NDArray[np.float32],
    titles: Sequence[str],
    features: Sequence[str] = (),
) -> bytes:
    """One row a record: original | reconstruction | error map for images, (n, C, H, W); values
    and the features with the largest errors for vectors, (n, d).
    """
    rows, image = len(originals), originals.ndim == 4
    figure = Figure(figsize=(6.6 if image else 10, 2.2 * rows))
    # Fixed margins: solving for a layout takes longer than drawing.
    gaps = (0.05, 0.15) if image else (0.45, 0.5)
    figure.subplots_adjust(0.06, 0.25 / rows, 0.98, 1 - 0.25 / rows, *gaps)
    grid = figure.subplots(rows, 3 if image else 2, squeeze=False)
    brightest = float(element_errors.mean(axis=1).max())  # one scale for all error maps
    for axes, original, copy, errors, title in zip(
        grid, originals, reconstructed, element_errors, titles, strict=True
    ):
        if image:
            _draw_images(axes, original, copy, errors, title)
            axes[2].get_images()[0].set_clim(0, brightest)
        else:
            _draw_vectors(axes, original, copy, errors, title, features)
    return png(figure)


def _draw_images(
    axes: NDArray[Any],
    original: NDArray[np.float32],
    copy: NDArray[np.float32],
    errors: NDArray[np.float32],
    title: str,
) -> None:
    low, high = float(original.min()), float(original.max())
    for ax, picture in zip(axes, (original, copy), strict=False):
        ax.imshow(displayable(picture, low, high), cmap="gray", vmin=0, vmax=1)
    axes[2].imshow(errors.mean(axis=0), cmap="inferno")
    headings = (", ".join(filter(None, ("original", title))), "reconstruction", "error")
    for ax, heading in zip(axes, headings, strict=True):
        ax.set_axis_off()
        ax.set_title(heading, fontsize=8, parse_math=False)


def displayable(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """(C, H, W) as (H, W) or (H, W, 3) in [0, 1]; channels other than three are averaged."""
    scaled = np.clip((image - low) / ((high - low) or 1.0), 0, 1)
    if scaled.shape[0] >= 3:
        return np.moveaxis(scaled[:3], 0, -1)
    return np.asarray(scaled.mean(axis=0), dtype=np.float32)


def _draw_vectors(
    axes: NDArray[Any],
    original: NDArray[np.float32],
    copy: NDArray[np.float32],
    errors: NDArray[np.float32],
    title: str,
    features: Sequence[str],
) -> None:
    values, bars = axes
    values.plot(original, ".-", color=NORMAL, label="original", linewidth=0.8)
    values.plot(copy, ".--", color=ALARM, label="reconstruction", linewidth=0.8)
    values.set_title(title, fontsize=8, parse_math=False)
    values.set_xlabel("feature", fontsize=8)
    values.xaxis.set_major_locator(MaxNLocator(integer=True))
    values.legend(fontsize=7, loc="upper right")
    largest = np.argsort(errors)[::-1][:8][::-1]
    names = [features[i][:24] if features else f"feature {i}" for i in largest]
    bars.barh(range(len(largest)), errors[largest], color=ALARM)
    bars.set_yticks(range(len(largest)), names, fontsize=7, parse_math=False)
    bars.set_title("largest errors", fontsize=8)


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_RESOLUTION)
    return buffer.getvalue()
