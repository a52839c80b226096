"""Curves as shapes: within their frame, broken where nothing is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monitor.web.pages.curves import HEIGHT, LEFT, WIDTH, curves


def document(values: list[float | None], states: list[str] | None = None) -> dict[str, Any]:
    return {
        "seconds": 10,
        "times": [1000 + 10 * i for i in range(len(values))],
        "states": states or ["ok"] * len(values),
        "quantiles": {"0.5": values},
        "marks": [{"time": 1005, "text": "started"}, {"time": 1, "text": "long ago"}],
    }


def test_without_errors_there_are_none() -> None:
    assert curves(document([]), {}) is None
    assert curves(document([None, 0.0]), {"threshold": 1.0}) is None


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_all_lies_within_the_frame(scale: float) -> None:
    drawn = curves(document([scale, 3 * scale, 2 * scale]), {"threshold": 10 * scale})
    assert drawn is not None
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", drawn["paths"][0]["d"])
    assert len(points) == 3
    for x, y in points:
        assert LEFT <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    heights = [float(y) for _, y in points]
    assert heights[0] > heights[2] > heights[1]
    assert 0 <= drawn["across"][0]["y"] < min(heights)
    assert 1 <= len(drawn["errors"]) <= 9
    assert [mark["text"] for mark in drawn["marks"]] == ["started"]


def test_a_gap_breaks_the_line() -> None:
    drawn = curves(document([1.0, None, 2.0, 3.0]), {"threshold": None})
    assert drawn is not None
    assert re.sub(r"[\d. ]+", "", drawn["paths"][0]["d"]) == "MML"
    assert drawn["across"] == []


def test_stretches_of_a_state_are_one_band() -> None:
    states = ["ok", "firing", "firing", "ok", "pending"]
    drawn = curves(document([1.0] * 5, states), {})
    assert drawn is not None
    step = (WIDTH - LEFT) / 5
    bands = [(b["state"], b["x"], b["width"]) for b in drawn["bands"]]
    assert bands[0] == (
        "firing",
        pytest.approx(LEFT + step, abs=0.2),
        pytest.approx(2 * step, abs=0.2),
    )
    assert bands[1][0] == "pending"


def test_wide_ranges_have_few_labels() -> None:
    drawn = curves(document([1e-12, 1e12]), {})
    assert drawn is not None
    assert len(drawn["errors"]) <= 9
