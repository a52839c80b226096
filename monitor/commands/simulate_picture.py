"""The picture of `simulate --change`: how soon each change is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike, NDArray

from models import plots
from monitor.commands.simulate_report import Result, delay, duration, share_found, short
from monitor.drift.channels.findings import ERROR, INPUT
from monitor.drift.simulation import AFTER
from monitor.pipeline.replay import Outcome

_TIMES: Final = (
    0.01, 0.1, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18000, 36000, 86400, 172800,
    432000, 864000, 2592000, 8640000, 31536000,
)  # fmt: skip
"""Seconds at which the time is written."""
_TICKS: Final = 12
_COLOURS: Final = {ERROR: plots.NORMAL, INPUT: plots.SECOND}


def draw(result: Result) -> bytes:
    """PNG of every repeat's delay, a line for each change, with what was not found at the right."""
    outcomes, rate = result.found.outcomes, result.replay.rate
    figure = Figure(figsize=(10, 2.2 + 0.45 * len(outcomes)), layout="constrained")
    axes = figure.add_subplot()
    for row, outcome in enumerate(reversed(outcomes)):
        _draw_line(axes, row, outcome)
    known = np.concatenate([each.delays[np.isfinite(each.delays)] for each in outcomes])
    left = float(known.min()) / 2 if known.size else 10.0
    axes.set_xscale("log")
    axes.set(xlim=(left, 4 * AFTER), ylim=(-0.6, len(outcomes) - 0.4))
    axes.axvspan(AFTER, 4 * AFTER, color="0.93", zorder=0)
    axes.set_yticks(range(len(outcomes)), [_label(each) for each in reversed(outcomes)])
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    _scale(axes, left, rate)
    guard = result.replay.settings.guard_seconds * rate
    if left < guard < AFTER:
        axes.axvline(guard, color="grey", linestyle=":", zorder=0)
    quiet = result.quiet
    figure.suptitle(
        f"How soon each change is found ({result.repeats} repeats)\nwithout change:"
        f" {quiet.alarms} false alarms in {quiet.records:,} records",
        fontsize=11,
    )
    _legend(
        figure, f"guard, {duration(result.replay.settings.guard_seconds)}: nothing is told before"
    )
    return plots.png(figure)


def _scale(axes: Axes, left: float, rate: float) -> None:
    """Ticks in records below, in time above, as far as it was looked for."""
    rounds = [float(f"{digit}e{power}") for power in range(-6, 12) for digit in (1, 2, 5)]
    records = [each for each in rounds if left <= each <= AFTER]
    records = records[:: _step(records)]
    axes.set_xticks(records, [f"{each:,.0f}" for each in records])
    axes.set_xlabel("records from the change to the alarm")
    above = axes.secondary_xaxis("top", functions=(_times(1 / rate), _times(rate)))
    times = [each for each in _TIMES if left <= each * rate <= AFTER]
    times = times[:: _step(times)]
    above.set_xticks(times, [duration(each) for each in times])
    above.set_xlabel(f"time, at {rate:g} records a second")
    for axis in (axes.xaxis, above.xaxis):
        axis.set_minor_locator(NullLocator())


def _step(ticks: list[float]) -> int:
    """Between those of so many ticks for which there is room."""
    return 1 + len(ticks) // _TICKS


def _label(outcome: Outcome) -> str:
    middle = delay(outcome, 0.5)
    said = f"median {middle:,.0f}" if math.isfinite(middle) else "no median"
    return f"{short(outcome.change)}\nfound {share_found(outcome):.0%}, {said}"


def _draw_line(axes: Axes, row: int, outcome: Outcome) -> None:
    for kind, colour in _COLOURS.items():
        delays = [each.records for each in outcome.found if each.kind == kind]
        axes.plot(delays, _at(row, len(delays)), "o", color=colour, alpha=0.6)
    lost = len(outcome.repeats) - len(outcome.found)
    # Beside each other, so that one sees how many they are.
    places = np.geomspace(1.3 * AFTER, 3.2 * AFTER, max(len(outcome.repeats), 2))[:lost]
    axes.plot(places, _at(row, lost), "x", color=plots.ALARM)
    middle = delay(outcome, 0.5)
    if math.isfinite(middle):
        axes.plot(middle, row, "|", color="black", markersize=20, markeredgewidth=2)


def _at(row: int, count: int) -> NDArray[np.float64]:
    return np.full(count, float(row))


def _legend(figure: Figure, guard: str) -> None:
    marks = [
        Line2D([], [], marker="o", linestyle="", color=_COLOURS[ERROR],
               label="found: the model no longer fits (error drift)"),
        Line2D([], [], marker="o", linestyle="", color=_COLOURS[INPUT],
               label="found: the inputs moved (input drift)"),
        Line2D([], [], marker="|", linestyle="", color="black", markersize=12, label="median"),
        Line2D([], [], linestyle=":", color="grey", label=guard),
        Line2D([], [], marker="x", linestyle="", color=plots.ALARM,
               label=f"not found in {AFTER:,} records"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _times(factor: float) -> Callable[[ArrayLike], ArrayLike]:
    return lambda values: factor * np.asarray(values)
