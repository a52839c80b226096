"""A picture of single records and what the model made of them: where each error comes from.

Images: original | reconstruction | error map. Vectors: the features with the largest errors,
with the value that came and the one that the model expected. Drawn on the Agg canvas itself: no
window, no global state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray

from models.plots import ALARM, png
from monitor.pipeline.scorer import Reconstructions, Scorer

FEATURES: Final = 8
"""Features shown of each vector."""
_LONGEST_NAME: Final = 34


def draw(scorer: Scorer, records: NDArray[Any], titles: Sequence[str], heading: str = "") -> bytes:
    """PNG of a few records (n, *record_shape), n >= 1, in the given order, a title for each."""
    made = scorer.reconstruct(records)
    if scorer.bundle.input_spec.is_image:
        return _images(scorer, made, titles, heading)
    return _vectors(made, titles, scorer.bundle.input_spec.features, heading)


def _images(scorer: Scorer, made: Reconstructions, titles: Sequence[str], heading: str) -> bytes:
    across = 1 if len(titles) < 3 else 2 if len(titles) < 9 else 3
    rows = math.ceil(len(titles) / across)
    # Three pictures a record, and a gap before the next record of the row.
    widths = ([1.0, 1.0, 1.0, 0.12] * across)[:-1]
    height, width = made.original.shape[2:]
    row_inches = 0.45 + 1.15 * min(max(height / width, 0.4), 2.5)
    figure = Figure((1.2 * sum(widths) + 0.3, row_inches * rows + 0.5), layout="constrained")
    figure.suptitle(heading, fontsize=10, parse_math=False)
    grid = GridSpec(rows, len(widths), figure, width_ratios=widths)
    originals, copies = _unit_range(scorer, made.original), _unit_range(scorer, made.reconstruction)
    for i, title in enumerate(titles):
        row, place = divmod(i, across)
        cells = [figure.add_subplot(grid[row, 4 * place + column]) for column in range(3)]
        _draw_images(cells, (originals[i], copies[i]), made.element_error[i], _shortened(title))
        if row == 0:
            _name(cells)
    return png(figure)


def _unit_range(scorer: Scorer, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """(B, C, H, W) with the usual range of each channel brought to [0, 1], and clipped there."""
    spec = scorer.bundle.input_spec
    lowest, span = (np.reshape(each, (-1, 1, 1)) for each in (spec.offset, spec.scale))
    return np.asarray(np.clip((pictures - lowest) / span, 0, 1))


def _name(cells: Sequence[Axes]) -> None:
    for cell, name in zip(cells, ("original", "reconstruction", "error"), strict=True):
        below = (0.5, -0.03)
        cell.annotate(name, below, xycoords="axes fraction", ha="center", va="top", fontsize=7)


def _draw_images(
    cells: Sequence[Axes],
    pictures: tuple[NDArray[Any], NDArray[Any]],
    error: NDArray[np.float32],
    title: str,
) -> None:
    """pictures: (C, H, W) in [0, 1]. error: (C, H, W)."""
    for cell, picture in zip(cells, pictures, strict=False):
        cell.imshow(_displayable(picture), cmap="gray", vmin=0, vmax=1)
    # Each map has its own scale: it says where the error is, the title says how large.
    cells[2].imshow(error.mean(axis=0), cmap="inferno", vmin=0)
    for cell in cells:
        cell.set_axis_off()
    cells[0].set_title(title, fontsize=7, loc="left", parse_math=False)


def _displayable(picture: NDArray[Any]) -> NDArray[Any]:
    """(C, H, W) as (H, W) or (H, W, 3); two channels are averaged, a fourth is left out."""
    if len(picture) >= 3:
        return np.moveaxis(picture[:3], 0, -1)
    return np.asarray(picture.mean(axis=0))


def _vectors(
    made: Reconstructions, titles: Sequence[str], features: Sequence[str], heading: str
) -> bytes:
    names = features or [f"feature {i}" for i in range(made.original.shape[1])]
    shown = min(FEATURES, len(names))
    across = 1 if len(titles) == 1 else 2
    rows = math.ceil(len(titles) / across)
    figure = Figure((6.2 * across, (0.19 * shown + 0.55) * rows + 0.6), layout="constrained")
    figure.suptitle(heading, fontsize=10, parse_math=False)
    cells = figure.subplots(rows, across, squeeze=False).ravel()
    for i, (cell, title) in enumerate(zip(cells, titles, strict=False)):
        largest = np.argsort(-made.element_error[i], kind="stable")[:shown]
        labels = [
            f" {made.original[i, j]:.4g}, expected {made.reconstruction[i, j]:.4g}" for j in largest
        ]
        share = 100 * made.element_error[i, largest] / (made.element_error[i].sum() or 1)
        _draw_bars(cell, share, [names[j] for j in largest], labels, _shortened(title))
    for cell in cells[len(titles) :]:
        cell.set_axis_off()
    for cell in cells[max(0, len(titles) - across) : len(titles)]:
        cell.set_xlabel("share of the record's error, %", fontsize=7)
    return png(figure)


def _draw_bars(
    cell: Axes,
    share: NDArray[Any],
    names: Sequence[str],
    labels: Sequence[str],
    title: str,
) -> None:
    places = np.arange(len(share))
    cell.barh(places, share, color=ALARM, height=0.7)
    cell.set_yticks(places, [_shortened(name) for name in names], fontsize=7, parse_math=False)
    for place, width, label in zip(places.tolist(), share.tolist(), labels, strict=True):
        inside = width > 60
        cell.text(
            width, place, label + " " * inside, fontsize=6.5, va="center_baseline",
            ha="right" if inside else "left", color="white" if inside else "black",
        )  # fmt: skip
    cell.invert_yaxis()
    cell.set_xlim(0, 100)
    cell.tick_params(axis="x", labelsize=7)
    cell.spines[["top", "right"]].set_visible(False)
    cell.set_title(title, fontsize=8, loc="left", parse_math=False)


def _shortened(name: str) -> str:
    """Long lines lose their middle: both ends of a file's name tell records apart."""
    lines = []
    for line in name.split("\n"):
        excess = len(line) - _LONGEST_NAME
        half = _LONGEST_NAME // 2
        lines.append(line if excess <= 0 else f"{line[:half]}…{line[-half + 1 :]}")
    return "\n".join(lines)
