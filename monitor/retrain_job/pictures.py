"""Both models side by side, as PNG: their errors, and what they make of the same records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import plots
from monitor.pipeline.scorer import Reconstructions, Scorer
from monitor.retrain_job.candidate import Candidate
from monitor.retrain_job.evaluation import Evaluation

TYPICAL: Final = 3
WORST: Final = 3
CANDIDATE: Final = "#f4a259"


def draw(
    candidate: Candidate,
    evaluations: tuple[Evaluation, Evaluation],
    rows: NDArray[Any],
    device: str,
) -> dict[str, bytes]:
    """The pictures of a report, by file name. evaluations: of the current model and the candidate;
    rows: the held-out records that both were evaluated on.
    """
    losses, validation_losses, best_epoch = candidate.losses
    chosen = shown(evaluations[1].recent.errors)
    copies = [Scorer(each.bundle, device).reconstruct(rows[chosen]) for each in evaluations]
    titles = [_title(evaluations, row) for row in chosen.tolist()]
    return {
        "loss.png": plots.loss_curve(losses, validation_losses, best_epoch),
        "errors.png": histograms(*evaluations),
        "reconstructions.png": reconstructions(copies[0], copies[1], titles),
    }


def shown(errors: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of typical records and of those with the largest errors, all different."""
    order = np.argsort(errors)
    middle = order[len(order) // 2 :][:TYPICAL]
    return np.array(list(dict.fromkeys([*middle, *order[-WORST:]])), dtype=np.int64)


def _title(evaluations: tuple[Evaluation, Evaluation], row: int) -> str:
    current, candidate = (float(each.recent.errors[row]) for each in evaluations)
    return f"current {current:.3g}, candidate {candidate:.3g}"


def histograms(current: Evaluation, candidate: Evaluation) -> bytes:
    """Errors of both models on the newest records, each with its threshold, on one scale."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    largest = np.finfo(np.float64).max
    edges = plots.log_bins(
        np.concatenate([e.recent.errors[e.recent.errors < largest] for e in (current, candidate)])
    )
    for axes, name, colour, each in (
        (upper, "current", plots.NORMAL, current),
        (lower, "candidate", CANDIDATE, candidate),
    ):
        errors = np.clip(each.recent.errors, edges[0], edges[-1])
        label = f"{each.recent.above:,} of {len(errors):,} above the threshold"
        axes.hist(errors, edges.tolist(), color=colour, label=label)
        plots.threshold_line(axes, each.bundle.reference)
        axes.set_title(f"{name} {each.bundle.version}", fontsize=9)
        axes.legend(fontsize=8)
    upper.set_xlabel("")
    return plots.png(figure)


def reconstructions(
    current: Reconstructions, candidate: Reconstructions, titles: list[str]
) -> bytes:
    """One row a record. Images: the record, what each model made of it, and each one's error.
    Vectors: the three on one axis.
    """
    count, image = len(titles), current.original.ndim == 4
    figure = Figure(figsize=(9 if image else 10, 2.1 * count))
    # Fixed margins: solving for a layout takes longer than drawing.
    gaps = (0.05, 0.2) if image else (0.2, 0.5)
    figure.subplots_adjust(0.06, 0.3 / count, 0.98, 1 - 0.3 / count, *gaps)
    grid = figure.subplots(count, 5 if image else 1, squeeze=False)
    for row, title in enumerate(titles):
        if image:
            _draw_images(grid[row].tolist(), current, candidate, row, title)
        else:
            _draw_vectors(grid[row][0], current, candidate, row, title)
    return plots.png(figure)


def _draw_images(
    axes: list[Axes], current: Reconstructions, candidate: Reconstructions, row: int, title: str
) -> None:
    original = current.original[row]
    low, high = float(original.min()), float(original.max())
    pictures = (original, current.reconstruction[row], candidate.reconstruction[row])
    for ax, picture in zip(axes, pictures, strict=False):
        ax.imshow(plots.displayable(picture, low, high), cmap="gray", vmin=0, vmax=1)
    maps = [each.element_error[row].mean(axis=0) for each in (current, candidate)]
    for ax, errors in zip(axes[3:], maps, strict=True):
        ax.imshow(errors, cmap="inferno", vmin=0, vmax=max(float(m.max()) for m in maps))
    headings = (f"record: {title}", "current", "candidate", "error, current", "error, candidate")
    for ax, heading in zip(axes, headings, strict=True):
        ax.set_axis_off()
        ax.set_title(heading, fontsize=7, parse_math=False)


def _draw_vectors(
    axes: Axes, current: Reconstructions, candidate: Reconstructions, row: int, title: str
) -> None:
    axes.plot(current.original[row], ".-", color="black", label="record", linewidth=0.8)
    for name, colour, each in (
        ("current", plots.NORMAL, current),
        ("candidate", CANDIDATE, candidate),
    ):
        axes.plot(each.reconstruction[row], ".--", color=colour, label=name, linewidth=0.8)
    axes.set_title(title, fontsize=8, parse_math=False)
    axes.legend(fontsize=7, loc="upper right")
