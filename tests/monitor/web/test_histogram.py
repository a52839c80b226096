"""The histogram: all errors of both are in it, whatever their scale."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.distribution import ErrorDistribution
from models.reference import Reference
from monitor.web.histogram import BARS, compared
from monitor.web.pages.bars import HEIGHT, WIDTH, bars


def reference(scale: float = 1.0) -> Reference:
    return Reference.calibrate(scale * np.random.default_rng(0).lognormal(size=2000))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_shares_add_up_on_any_scale(scale: float) -> None:
    usual = reference(scale)
    now = ErrorDistribution.from_errors(3 * usual.errors / usual.unit)
    found = compared(usual, now)
    assert len(found["edges"]) == BARS + 1
    assert sum(found["reference"]) == pytest.approx(1)
    assert sum(found["window"]) == pytest.approx(1)
    assert found["edges"] == sorted(found["edges"])
    centre = [np.average(np.arange(BARS), weights=found[k]) for k in ("reference", "window")]
    assert centre[1] > centre[0] + 2


def test_an_empty_window_has_no_shares() -> None:
    found = compared(reference(), ErrorDistribution())
    assert found["window"] is None
    assert len(bars(found)["reference"]) == BARS  # type: ignore[index]


@pytest.mark.parametrize("errors", [np.zeros(100), np.full(100, 0.5), np.array([0.0, 1e300])])
def test_degenerate_errors_can_be_drawn(errors: np.ndarray) -> None:
    found = compared(Reference.calibrate(errors), ErrorDistribution.from_errors([0.0, 1.0]))
    json.dumps(found, allow_nan=False)
    drawn = bars(found)
    assert drawn is not None
    for x, y, height in (*drawn["reference"], *drawn["window"]):
        assert 0 <= x < WIDTH
        assert 0 <= y <= HEIGHT
        assert 0 <= height <= HEIGHT
