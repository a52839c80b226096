"""Compares values that may differ in the last digits of their floats, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

RELATIVE, ABSOLUTE = 1e-9, 1e-12


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
