"""Series in a picture: the channels with the largest errors over time, and what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.bundle_metadata import without_controls
from models.input_spec import InputSpec
from models.plots import ALARM, NORMAL, SECOND
from models.reconstruction import Reconstructions
from models.sheet import GAP, HEADING, Sheet, room_above, shortened

CHANNELS: Final = 3
"""Channels shown of each series."""
_WIDTH: Final = 4.2
_HEIGHT: Final = 0.55


def series(
    spec: InputSpec, made: Mapping[str, Reconstructions], titles: Sequence[str], heading: str
) -> Figure:
    """Series (n, C, T), n >= 1: a line for what came, and one for what each model expected."""
    names = [shortened(without_controls(name)) for name in _names(spec)]
    shown = min(CHANNELS, len(names))
    across = 1 if len(titles) == 1 else 2
    over, left = room_above(titles), 0.35 + 0.06 * max(map(len, names))
    step_x, step_y = left + _WIDTH + 0.2, over + shown * (_HEIGHT + GAP) + 0.3
    top = HEADING if heading else GAP
    rows = math.ceil(len(titles) / across)
    sheet = Sheet(across * step_x, top + rows * step_y, heading)
    for i, title in enumerate(titles):
        row, place = divmod(i, across)
        cells = [
            sheet.axes(
                left + place * step_x,
                top + row * step_y + over + line * (_HEIGHT + GAP), _WIDTH, _HEIGHT,
            )
            for line in range(shown)
        ]  # fmt: skip
        _draw(cells, names, {name: each.record(i) for name, each in made.items()})
        cells[0].set_title(shortened(title), fontsize=8, loc="left", parse_math=False)
        if i == 0:
            cells[0].legend(
                fontsize=6, ncols=1 + len(made), frameon=False,
                loc="lower right", bbox_to_anchor=(1.0, 0.95),
            )  # fmt: skip
        cells[-1].set_xlabel("step", fontsize=7, labelpad=1)
    return sheet.figure


def _names(spec: InputSpec) -> Sequence[str]:
    return spec.columns or [f"channel {i}" for i in range(spec.shape[0])]


def _draw(cells: Sequence[Axes], names: Sequence[str], made: Mapping[str, Reconstructions]) -> None:
    """One series: made holds what each model made of it, (1, C, T)."""
    first = next(iter(made.values()))
    errors = np.max([each.element_error[0].mean(axis=1) for each in made.values()], axis=0)  # (C,)
    largest = np.argsort(-errors, kind="stable")[: len(cells)].tolist()
    for cell, channel in zip(cells, largest, strict=True):
        cell.plot(first.original[0, channel], color=ALARM, linewidth=1, label="came")
        for (name, each), colour in zip(made.items(), (NORMAL, SECOND), strict=False):
            said = f"{name}: expected" if name else "expected"
            cell.plot(each.reconstruction[0, channel], color=colour, linewidth=1, label=said)
        cell.set_ylabel(
            names[channel], fontsize=7, rotation=0, ha="right", va="center", parse_math=False
        )
        cell.tick_params(labelsize=6, labelbottom=cell is cells[-1])
        cell.margins(x=0)
        cell.yaxis.set_major_locator(MaxNLocator(2))
        cell.yaxis.set_major_formatter(lambda value, place: f"{value:.4g}")
        cell.spines[["top", "right"]].set_visible(False)
