"""What people are told of a context: a few lines, a section of the model card, a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models import plots
from models.context import COLUMN, DAY_CELLS, Context
from models.context_axes import Places
from models.context_column import PREFIX
from models.reference import DEFAULT_TOLERANCE

PICTURE: Final = "plots/context.png"
CHANNELS_PICTURE: Final = "plots/channels-by-hour.png"
_SHOWN: Final = 4000
"""Errors in the picture, evenly spread."""
_HOURS: Final = {"hour": "the hour of the day (UTC)", "week": "the hour of the week (UTC)"}


def words(check: Mapping[str, Any], shown: Callable[[str], str] = str) -> str:
    """What the held-out check found, in a line or a few. shown: as of `channel_words`."""
    if not check["kind"]:
        return f"none: {check['why']}"
    text = (
        f"{_by(check, shown)}: errors swing by {check['swing']:.0%}, least at"
        f" {shown(check['least'])}, most at {shown(check['most'])}"
    )
    text += "; their spread swings, too" if check["spread"] else ""
    return f"{text}; {_verdict(check)}"


def _by(check: Mapping[str, Any], shown: Callable[[str], str]) -> str:
    if check["kind"] in _HOURS:
        return _HOURS[check["kind"]]
    return f"the column {shown(check['asked'].removeprefix(PREFIX))}"


def _verdict(check: Mapping[str, Any]) -> str:
    held = f"{check['explained']:.1%} of the deviation of the log error, held out"
    if not any(check.get(name, {}).get("helps") for name in (*_HOURS, COLUMN)):
        return f"kept as asked, though the held-out check finds no help in it ({held})"
    known = f"the swing is known to within {check['known_to']:.1%}"
    if check["known_to"] > DEFAULT_TOLERANCE:
        known += ": set drift.tolerance to that, or give more calibration records"
    return f"it explains {held}; {known}"


def channel_words(check: Mapping[str, Any], shown: Callable[[str], str]) -> str:
    """Which channels are judged by the hour, in a line; "" where nobody looked.

    shown: their names as they are written there.
    """
    found = check.get("channels")
    if found is None:
        return ""
    rest = ""
    if found["left_out"]:
        first = ", ".join(shown(name) for name in found["first_left_out"])
        also = found["left_out"] - len(found["first_left_out"])
        rest = (
            "; not watched, since they swing by more than a level and a spread, or it is hardly"
            f" known how: {first}" + f" and {also} more" * (also > 0)
        )
    by = "the column" if check["asked"].startswith(PREFIX) else "the hour (UTC)"
    if not found["swing"]:
        return f"none of {found['watched']} channels is judged by {by.removesuffix(' (UTC)')}{rest}"
    named = [
        f"{shown(each['channel'])} (by {_swing(each)}, least at {shown(each['least'])}, most at"
        f" {shown(each['most'])})"
        for each in found["most"]
    ]
    more = found["swing"] - len(named)
    also = f" and {more} more" if more else ""
    return (
        f"{found['swing']} of {found['watched']} channels are judged by {by}:"
        f" {', '.join(named)}{also}{rest}"
    )


def _swing(each: Mapping[str, Any]) -> str:
    """Of the level, or if that is constant of the spread."""
    if each["swing"]:
        return f"{each['swing']:.2g} standard deviations"
    return f"{each['spread']:.0%} in its spread"


def section(check: Mapping[str, Any], shown: Callable[[str], str]) -> str:
    """The section of the model card, Markdown. shown: as of `channel_words`."""
    of_channels = channel_words(check, shown)
    picture = f"\n![errors by their context]({PICTURE})\n" if check["kind"] else ""
    if check.get("channels") and check["channels"]["swing"]:
        picture += f"\n![channels by their context]({CHANNELS_PICTURE})\n"
    return f"""## Context

Of the error: {words(check, shown)}.

{f"Of channels: {of_channels}." if of_channels else "Channels are judged as they are."}

It was asked for as {shown(check["asked"])}, and checked on {_stretches(check)} that it was not
fitted to. The threshold of single records does not know of it.
{picture}"""


def _stretches(check: Mapping[str, Any]) -> str:
    units = [f"{check[name]} {name}" for name in ("days", "runs") if check.get(name)]
    return " and ".join(units) if units else "no stretch of time"


def picture(
    context: Context, errors: NDArray[np.float64], at: NDArray[np.int64] | NDArray[np.float64]
) -> bytes:
    """PNG of calibration errors in their context, and of what is usual there.

    at: of each, see `context.places`.
    """
    rows = np.linspace(0, errors.size - 1, min(_SHOWN, errors.size)).astype(np.int64)
    size = DAY_CELLS if context.kind == "hour" else context.level.size
    places = Places.of(at[rows], size, context.column)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(places.records, errors[rows], ".", color=plots.NORMAL, alpha=0.3, markersize=3)
    shown = slice(0, places.cells.size)
    level, spread = context.level[shown], context.usual_spread / context.stretch[shown]
    for offset, style, label in ((0, "-", "median"), (1, ":", "8 of 10"), (-1, ":", None)):
        curve = np.exp(context.middle + level + offset * spread)
        axes.plot(places.cells, curve, color=plots.ALARM, label=label, **places.line(style))
    if errors.min() > 0:
        axes.set_yscale("log")
    axes.set_ylabel("reconstruction error")
    axes.set_xlabel(places.label, parse_math=False)
    places.put_on(axes)
    by = "the hour" if context.column is None else "the column"
    axes.set_title(f"Held-out errors by {by}, and what is usual")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return plots.png(figure)
