"""The picture of a backtest: the errors over the records, alarms and true changes."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from models import plots
from monitor.backtest.alarms import FOREVER, Alarm, Told, alarms_of
from monitor.backtest.report import Report

LEVELS: Final = {0.5: plots.NORMAL, 0.99: plots.SECOND}
"""Quantiles of the errors, and their colours."""
_WORDS: Final = {0.5: "median error", 0.99: "99% quantile of the error"}
_TRUE: Final = "#2d6a4f"
_NAMED: Final = 12
"""True changes whose names are written, at most."""
_ROOM: Final = 160
"""Characters of all their names."""


def draw(report: Report) -> bytes:
    """PNG: quantiles of the errors over those of the calibration, against the records."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    axes = figure.add_subplot()
    result = report.result
    _errors(axes, report)
    found = alarms_of((*result.noted, *result.judged.of_segments))
    alarms = [a for a in found if not a.turned]
    for alarm in alarms:
        if not alarm.segment:
            _alarm(axes, alarm, result.records)
    _segments(axes, [a.raised for a in alarms if a.segment])
    _true_changes(axes, report)
    tolerance = report.backtest.config.drift.tolerance
    axes.axhspan(1 / (1 + tolerance), 1 + tolerance, color="0.9", zorder=0)
    axes.set_xlim(0, max(result.records, 1))
    axes.set(
        xlabel="records",
        ylabel="error, times the calibration's",
    )
    axes.set_title(_title(report, len(alarms)), pad=_pad(report))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _legend(figure, report, alarms)
    return plots.png(figure)


def _errors(axes: Axes, report: Report) -> None:
    reference, course = report.backtest.bundle.reference, report.result.course
    usual = reference.quantiles(list(LEVELS))
    drawn: list[NDArray[np.float64]] = []
    for (level, colour), normal in zip(LEVELS.items(), usual, strict=True):
        starts, values = course.quantiles(level)
        # A reference without errors has no ratio.
        ratios = np.where(values > 0, values, np.nan) / (normal if normal > 0 else np.nan)
        middle = starts + course.records / 2
        axes.plot(middle, ratios, color=colour, linewidth=1.2, zorder=3)
        drawn.append(ratios[np.isfinite(ratios)])
    _scale(axes, np.concatenate(drawn))


def _scale(axes: Axes, ratios: NDArray[np.float64]) -> None:
    """A log axis with plain numbers, around 1 and all that is drawn."""
    axes.set_yscale("log")
    low, high = (ratios.min(), ratios.max()) if ratios.size else (1.0, 1.0)
    axes.set_ylim(min(0.5, low / 1.2), max(2.0, high * 1.2))
    decades = np.log10(max(high, 2.0) / min(low, 0.5))
    steps = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color="0.93")
    axes.set_axisbelow(True)


def _alarm(axes: Axes, alarm: Alarm, records: int) -> None:
    end = records if alarm.resolved == FOREVER else alarm.resolved
    axes.axvspan(alarm.raised, end, color=plots.ALARM, alpha=0.12, linewidth=0, zorder=1)
    axes.axvline(alarm.raised, color=plots.ALARM, linewidth=1, zorder=2)


def _segments(axes: Axes, raised: list[int]) -> None:
    """Marks at the foot of the axes where segments were alarmed. raised: records by then."""
    axes.plot(
        raised, [0.0] * len(raised), "^", color=plots.ALARM, markersize=7, clip_on=False, zorder=5,
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip


def _true_changes(axes: Axes, report: Report) -> None:
    found = report.result.comparison
    told = [each for each in (found.told if found else ()) if each.begin is not None]
    for each in told:
        axes.axvline(each.begin or 0, color=_TRUE, linestyle="--", linewidth=1.3, zorder=4)
        if each.end is not None and each.end < report.result.records:
            axes.axvline(each.end, color=_TRUE, linestyle=":", linewidth=1.3, zorder=4)
    if len(told) <= _NAMED:
        for i, each in enumerate(told):
            _name(axes, each, i % 2, _ROOM // len(told), report.result.records)


def _name(axes: Axes, told: Told, row: int, most: int, records: int) -> None:
    """Write the name of a true change above the axes, in one of two rows.

    most: characters.
    """
    begin, name = told.begin or 0, told.change.name
    axes.annotate(
        name if len(name) <= most else f"{name[: most - 1]}…",
        (begin, 1), xycoords=("data", "axes fraction"), xytext=(0, 3 + 11 * row),
        textcoords="offset points", color=_TRUE, fontsize=8, va="bottom",
        ha="right" if begin > records / 2 else "left", parse_math=False,
    )  # fmt: skip


def _pad(report: Report) -> int:
    """Points between axes and title, which leave room for names."""
    found = report.result.comparison
    told = len(found.told) if found else 0
    return 6 if not 0 < told <= _NAMED else 30 if told > 1 else 19


def _title(report: Report, alarms: int) -> str:
    result = report.result
    counted = f"{alarms:,} alarm{'' if alarms == 1 else 's'} in {result.records:,} records"
    if result.comparison is None:
        return counted
    found, told = result.comparison.count("found"), len(result.comparison.told)
    return f"{counted}; {found} of {told} true changes found, {len(result.comparison.false)} false"


def _legend(figure: Figure, report: Report, alarms: list[Alarm]) -> None:
    pieces = report.result.course.records
    marks: list[Line2D | Patch] = [
        Line2D([], [], color=colour, label=f"{_WORDS[level]}, {pieces:,} records a point")
        for level, colour in LEVELS.items()
    ]
    marks.append(Patch(color="0.9", label="tolerance"))
    if any(not each.segment for each in alarms):
        marks.append(Patch(color=plots.ALARM, alpha=0.3, label="alarm, until resolved"))
    if any(each.segment for each in alarms):
        marks.append(
            Line2D([], [], color=plots.ALARM, linestyle="", marker="^", label="alarm of a segment")
        )
    if report.result.comparison is not None:
        marks.append(Line2D([], [], color=_TRUE, linestyle="--", label="true change begins"))
        if any(each.change.end for each in report.result.comparison.told):
            marks.append(Line2D([], [], color=_TRUE, linestyle=":", label="and ends"))
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
