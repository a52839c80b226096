"""A picture of the channels that are judged by the hour or by a column: what came, and what is
usual there."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import plots
from models.channels import Channels
from models.context_axes import Places, printable

SHOWN: Final = 4
"""Channels in the picture, those that swing most."""
_DOTS: Final = 2000
"""Records in the picture, evenly spread."""


def channel_swings(
    channels: Channels,
    values: NDArray[np.float64],
    at: NDArray[np.int64] | NDArray[np.float64],
) -> bytes:
    """PNG. channels: with a context. values: (n, C), as they came. at: of the records, see
    `context.places`."""
    context = channels.context
    if context is None:
        raise ValueError("these channels have no context")
    usual = np.median(channels.values[context.kept], axis=1)
    spread = channels.values[context.kept].std(axis=1)
    level = (usual - context.shift) / context.gain  # (cells, A): where v' is the usual one
    far = spread / context.gain
    swing = np.ptp(level, axis=0) / spread + np.ptp(np.log(context.gain), axis=0)
    first = np.argsort(-swing, kind="stable")[:SHOWN].tolist()
    rows = np.linspace(0, len(values) - 1, min(_DOTS, len(values))).astype(np.int64)
    places = Places.of(at[rows], len(context.gain), context.column)
    cells = places.cells.size
    figure = Figure(figsize=(7, 1 + 2 * len(first)), layout="constrained")
    grid = figure.subplots(len(first), 1, sharex=True, squeeze=False)[:, 0]
    for axes, place in zip(grid, first, strict=True):
        channel = int(context.kept[place])
        offset, scale = channels.units[channel]
        shown = offset + scale * values[rows, channel]
        axes.plot(places.records, shown, ".", color=plots.NORMAL, alpha=0.3, markersize=3)
        for side, style, label in ((0, "-", "usual"), (1, ":", "a standard deviation away"),
                                   (-1, ":", None)):  # fmt: skip
            curve = offset + scale * (level[:cells, place] + side * far[:cells, place])
            axes.plot(places.cells, curve, color=plots.ALARM, label=label, **places.line(style))
        name = printable(channels.each[channel].name)
        axes.set_title(name, fontsize=10, loc="left", parse_math=False)
        places.put_on(axes)
    grid[-1].set_xlabel(places.label, parse_math=False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return plots.png(figure)
