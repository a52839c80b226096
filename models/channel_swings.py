"""A picture of the channels that are judged by the hour: what came, and what is usual then."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import plots
from models.channels import Channels
from models.context import CELLS, DAY_CELLS, cells_of

SHOWN: Final = 4
"""Channels in the picture, those that swing most."""
_DOTS: Final = 2000
"""Records in the picture, evenly spread."""
_NAME: Final = 40
"""Characters of a channel's name."""


def channel_swings(
    channels: Channels, values: NDArray[np.float64], moments: NDArray[np.int64]
) -> bytes:
    """PNG. channels: with a context. values: (n, C), as they came. moments: of the records."""
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
    period = 24.0 if len(context.gain) == DAY_CELLS else 168.0
    hours = cells_of(moments[rows]) * 168 / CELLS % period
    at = np.arange(len(context.gain)) * 168 / CELLS
    figure = Figure(figsize=(7, 1 + 2 * len(first)), layout="constrained")
    grid = figure.subplots(len(first), 1, sharex=True, squeeze=False)[:, 0]
    for axes, place in zip(grid, first, strict=True):
        channel = int(context.kept[place])
        offset, scale = channels.units[channel]
        shown = offset + scale * values[rows, channel]
        axes.plot(hours, shown, ".", color=plots.NORMAL, alpha=0.3, markersize=3)
        for side, style, label in ((0, "-", "usual"), (1, ":", "a standard deviation away"),
                                   (-1, ":", None)):  # fmt: skip
            curve = offset + scale * (level[:, place] + side * far[:, place])
            axes.plot(at, curve, style, color=plots.ALARM, label=label)
        name = channels.each[channel].name
        name = "".join(c if c.isprintable() else "?" for c in name)[:_NAME]
        axes.set_title(name, fontsize=10, loc="left", parse_math=False)
        axes.set(xlim=(0, period), xticks=np.arange(0, period + 1, period / 8))
    grid[-1].set_xlabel("hour (UTC)")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return plots.png(figure)
