"""Curves as shapes on a page, for where no script can draw them: in a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

WIDTH: Final = 960
HEIGHT: Final = 260
LEFT: Final = 64
"""Room for the labels of the errors."""
_TICKS: Final = 6


def _moment(time: float, span: float) -> str:
    form = "%m-%d %H:%M" if span > 86400 else "%H:%M" if span > 1800 else "%H:%M:%S"
    return datetime.fromtimestamp(time, UTC).strftime(form)


def curves(
    document: Mapping[str, Any],
    lines: Mapping[str, float | None],
    label: Callable[[float, float], str] = _moment,
) -> Mapping[str, Any] | None:
    """A span of the timeline, as `Timeline.document` has it, on a log axis; None without errors.

    lines: errors that are drawn across, by name. label: of a place on the axis of times, in a
    span so long.
    """
    times, seconds = document["times"], document["seconds"]
    across = {name: value for name, value in lines.items() if value and value > 0}
    errors = [v for curve in document["quantiles"].values() for v in curve if v and v > 0]
    if not errors:
        return None
    low, high = (math.log(f((*errors, *across.values()))) for f in (min, max))
    margin = max(0.05 * (high - low), 0.05)
    low, high = low - margin, high + margin
    begin, end = times[0], times[-1] + seconds

    def x(time: float) -> float:
        return float(round(LEFT + (WIDTH - LEFT) * (time - begin) / (end - begin), 1))

    def y(error: float) -> float:
        return float(round(HEIGHT * (high - math.log(error)) / (high - low), 1))

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "paths": [
            {"name": name, "d": _path(times, values, x, y)}
            for name, values in document["quantiles"].items()
        ],
        "across": [{"name": name, "y": y(value)} for name, value in across.items()],
        "bands": [
            {"state": state, "x": x(first), "width": round(x(last + seconds) - x(first), 1)}
            for state, first, last in _runs(times, document["states"])
        ],
        "marks": [
            {"x": x(mark["time"]), "text": mark["text"]}
            for mark in document["marks"]
            if begin <= mark["time"] <= end
        ],
        "errors": [{"y": y(v), "value": v} for v in _decades(math.exp(low), math.exp(high))],
        "times": [
            {"x": x(t), "text": label(t, end - begin)}
            for t in (begin + (end - begin) * i / _TICKS for i in range(1, _TICKS))
        ],
    }


def _path(times: Sequence[float], values: Sequence[float | None], x: Any, y: Any) -> str:
    """Lines from point to point, broken where nothing is known."""
    steps, pen = [], "M"
    for time, value in zip(times, values, strict=True):
        if value is None or value <= 0:
            pen = "M"
            continue
        steps.append(f"{pen}{x(time)} {y(value)}")
        pen = "L"
    return "".join(steps)


def _runs(times: Sequence[int], states: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Stretches that are shaded, and the first and last of their points."""
    for state, run in groupby(zip(states, times, strict=True), key=lambda each: each[0]):
        points = [time for _, time in run]
        if state in ("learning", "pending", "firing"):
            yield state, points[0], points[-1]


def _decades(low: float, high: float) -> list[float]:
    """A few round numbers between two, each 1, 2 or 5 times a power of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1,)):
        found = [d * 10.0**p for p in powers for d in digits if low <= d * 10.0**p <= high]
        if len(found) <= 8:
            return found
    return found[:: math.ceil(len(found) / 8)]
