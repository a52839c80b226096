"""Compares values that may differ in the last digits of their floats, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

RELATIVE, ABSOLUTE = 1e-9, 1e-12
SIZE_OF_BET, SIZE_MEASURED = "about 1.6 times smaller", "about 2.3 times smaller"
"""How large a drift was said to be: as the bet that found it, before, and as it was measured."""


def differences(then: Any, now: Any, place: str = "") -> Iterator[str]:
    """A line for each place at which the two differ. Types, keys, lengths and order count."""
    if type(then) is not type(now):
        yield f"{place}: {type(then).__name__} became {type(now).__name__}"
    elif isinstance(then, dict):
        yield from _in_dicts(then, now, place)
    elif isinstance(then, list):
        if len(then) != len(now):
            yield f"{place}: {len(then)} items became {len(now)}"
        for index, pair in enumerate(zip(then, now, strict=False)):
            yield from differences(*pair, f"{place}[{index}]")
    elif isinstance(then, np.ndarray):
        if not _same_array(then, now):
            yield f"{place}: another array"
    elif isinstance(then, float):
        if not math.isclose(then, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            yield f"{place}: {then!r} became {now!r}"
    elif then != now:
        yield f"{place}: {then!r} became {now!r}"


def unexplained(then: Any, now: Any) -> list[str]:
    """The differences that a clock for each partition does not explain.

    It remembers more, and tells stream time in whole milliseconds, partition by partition: that
    may differ by a hundredth. When a request was made has got a third value.
    """
    return [line for line in differences(then, now) if not _explained(line)]


def _explained(line: str) -> bool:
    place, _, what = line.partition(": ")
    if what == "new" or (place.startswith(".chronicle.made[") and what == "2 items became 3"):
        return True
    if place.startswith(".judge.clock.recent_"):
        return True  # measured at other moments
    if place in (".judge.finding.words", ".verdict.explanation"):
        return True  # an episode keeps the words it was told with
    if place.endswith((".episodes[1].explanation", ".requests[1].reason")):
        before, _, after = what.partition(" became ")
        return after.replace(SIZE_MEASURED, SIZE_OF_BET) == before
    if not place.endswith(("seconds", ".window.now", "][1]")):
        return False
    before, _, after = what.partition(" became ")
    return math.isclose(float(before), float(after), rel_tol=0.01)


def _in_dicts(then: dict[str, Any], now: dict[str, Any], place: str) -> Iterator[str]:
    for key in sorted(then.keys() | now.keys()):
        if key in then and key in now:
            yield from differences(then[key], now[key], f"{place}.{key}")
        else:
            yield f"{place}.{key}: {'gone' if key in then else 'new'}"


def _same_array(then: Any, now: Any) -> bool:
    if then.dtype != now.dtype or then.shape != now.shape:
        return False
    if then.dtype.kind != "f":
        return bool((then == now).all())
    return bool(np.allclose(then, now, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
