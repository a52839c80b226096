"""Both models side by side, as PNG: their errors, and what they make of the same records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import montage, plots
from monitor.pipeline.scorer import Scorer
from monitor.retrain_job.candidate import Candidate
from monitor.retrain_job.evaluation import Evaluation

TYPICAL: Final = 3
WORST: Final = 3


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
    made = {
        name: Scorer(each.bundle, device).reconstruct(rows[chosen])
        for name, each in zip(("current", "candidate"), evaluations, strict=True)
        if each.bundle.model.reconstructs
    }
    spec = evaluations[1].bundle.input_spec  # the candidate knows what is usual today
    titles = [_title(evaluations, row) for row in chosen.tolist()]
    return {
        "loss.png": plots.loss_curve(losses, validation_losses, best_epoch),
        "errors.png": histograms(*evaluations),
        "reconstructions.png": montage.draw(spec, made, titles),
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
        (lower, "candidate", plots.SECOND, candidate),
    ):
        errors = np.clip(each.recent.errors, edges[0], edges[-1])
        label = f"{each.recent.above:,} of {len(errors):,} above the threshold"
        axes.hist(errors, edges.tolist(), color=colour, label=label)
        plots.threshold_line(axes, each.bundle.reference)
        axes.set_title(f"{name} {each.bundle.version}", fontsize=9)
        axes.legend(loc="upper left", fontsize=8)
    upper.set_xlabel("")
    return plots.png(figure)
