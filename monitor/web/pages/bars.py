"""Histograms as rectangles, drawn without a script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

WIDTH: Final = 640
HEIGHT: Final = 150
"""Of the histogram of errors, in its own units."""
CHANNEL_WIDTH: Final = 160
CHANNEL_HEIGHT: Final = 36
"""Of a channel's, in its own units."""
_NARROWEST: Final = 1 / 80
"""Of the width, that a bar has at least: what is always the same value has no width of its own."""
_THINNEST: Final = 1e-200
"""The width of all below which there is none: shares by it would be infinite."""
_REACH: Final = 2.0
"""Spreads beyond the mean, which an outer bin is drawn to."""

Rectangle = tuple[float, float, float, float]
"""x, y, width and height."""


def bars(histogram: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The histogram as rectangles of WIDTH x HEIGHT; None if there is none."""
    if not histogram:
        return None
    now, usual = histogram["window"] or (), histogram["reference"]
    tallest = max(*now, *usual)
    step = WIDTH / len(usual)
    edges = histogram["edges"]
    span = math.log(edges[-1] / edges[0])

    def rectangles(shares: Sequence[float]) -> list[tuple[float, float, float]]:
        heights = [round(HEIGHT * math.sqrt(share / tallest), 1) for share in shares]
        return [(round(i * step, 1), round(HEIGHT - h, 1), h) for i, h in enumerate(heights)]

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "step": round(step, 1),
        "reference": rectangles(usual),
        "window": rectangles(now),
        "threshold": round(
            WIDTH * math.log(max(histogram["threshold"], edges[0]) / edges[0]) / span, 1
        ),
        "limit": histogram["threshold"],
        "low": edges[0],
        "high": edges[-1],
    }


def channel_bars(channel: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A channel's values before and since, as rectangles; None if they are not known.

    The height is the square root of the density, the axis is that of the values. The outer bins,
    which have no end, are a usual spread wide, or as wide as the values now reach.
    """
    bins = channel.get("bins")
    if not bins or not bins["edges"]:
        return None
    edges = _ends(channel, bins["edges"])
    span = edges[-1] - edges[0]
    least = span * _NARROWEST
    densities = {
        which: [
            share / max(b - a, least)
            for share, (a, b) in zip(bins[which], pairwise(edges), strict=True)
        ]
        for which in ("usual", "now")
    }
    tallest = max(max(each) for each in densities.values())

    def rectangles(which: str) -> list[Rectangle]:
        drawn = []
        for density, (a, b) in zip(densities[which], pairwise(edges), strict=True):
            if density > 0:
                width = CHANNEL_WIDTH * max(b - a, least) / span
                x = min(CHANNEL_WIDTH * (a - edges[0]) / span, CHANNEL_WIDTH - width)
                height = CHANNEL_HEIGHT * math.sqrt(density / tallest)
                drawn.append(
                    (
                        round(x, 1),
                        round(CHANNEL_HEIGHT - height, 1),
                        round(width, 1),
                        round(height, 1),
                    )
                )
        return drawn

    return {
        "width": CHANNEL_WIDTH,
        "height": CHANNEL_HEIGHT,
        "usual": rectangles("usual"),
        "now": rectangles("now"),
        "low": edges[0],
        "high": edges[-1],
    }


def _ends(channel: Mapping[str, Any], inner: Sequence[float]) -> list[float]:
    """The edges of all bins. inner: without the first and the last."""
    spread = channel["usual_spread"]
    now = spread * channel["spread"]
    low = min(inner[0] - spread, channel["value"] - _REACH * now)
    high = max(inner[-1] + spread, channel["value"] + _REACH * now)
    if not low < inner[0] or not inner[-1] < high or high - low < _THINNEST:  # nothing has a width
        room = max(abs(low), abs(high), 1.0)
        low, high = inner[0] - room, inner[-1] + room
    return [low, *inner, high]
