"""Histograms as rectangles."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.pages.bars import CHANNEL_HEIGHT, CHANNEL_WIDTH, channel_bars

NUMBERS = st.floats(-1e9, 1e9).map(lambda x: float(f"{x:.6g}"))


def channel(edges: list[float], usual: list[float], now: list[float], **more: Any) -> Any:
    known = {"value": 0.0, "usual": 0.0, "usual_spread": 1.0, "spread": 1.0}
    return {**known, **more, "bins": {"edges": edges, "usual": usual, "now": now}}


def test_without_bins_there_is_nothing_to_draw():
    assert channel_bars({"value": 1.0}) is None
    assert channel_bars(channel([], [1.0], [1.0])) is None


def test_a_bin_is_as_wide_as_its_values_and_as_high_as_the_root_of_its_density():
    drawn = channel_bars(channel([-1.0, 1.0, 2.0], [0.1, 0.4, 0.4, 0.1], [0.0, 0.0, 1.0, 0.0]))
    assert drawn["low"], drawn["high"] == (-2.0, 3.0)
    (x, y, width, height), *others = drawn["now"]
    assert others == []
    assert (x, width) == pytest.approx((CHANNEL_WIDTH * 3 / 5, CHANNEL_WIDTH / 5))
    assert (y, height) == (0, CHANNEL_HEIGHT)
    assert drawn["usual"][1][3] == pytest.approx(CHANNEL_HEIGHT * 0.2**0.5, abs=0.1)


def test_values_beyond_all_calibration_are_drawn_where_they_are():
    drawn = channel_bars(channel([-1.0, 1.0], [0.1, 0.8, 0.1], [0, 0, 1], value=50.0, spread=5.0))
    assert drawn["high"] == 60.0
    (only,) = drawn["now"]
    assert only[0] + only[2] == pytest.approx(CHANNEL_WIDTH, abs=0.1)


def test_a_width_too_small_to_divide_by_is_none():
    drawn = channel_bars(channel([0.0], [0.5, 0.5], [0.5, 0.5], value=0.0, usual_spread=2e-313))
    assert [width for _, _, width, _ in drawn["usual"]] == [CHANNEL_WIDTH / 2] * 2


@given(
    st.lists(NUMBERS, min_size=1, max_size=30).map(sorted),
    st.data(), NUMBERS, st.floats(0, 1e9), st.floats(0, 1e9),
)  # fmt: skip
def test_whatever_the_values_are_all_bars_are_inside(edges, data, value, usual_spread, spread):
    shares = st.lists(st.floats(0, 1), min_size=len(edges) + 1, max_size=len(edges) + 1)
    usual, now = data.draw(shares), data.draw(shares)
    if not sum(usual):
        usual[0] = 1.0
    given_channel = channel(
        edges, usual, now, value=value, usual_spread=usual_spread, spread=spread
    )
    drawn = channel_bars(given_channel)
    for x, y, width, height in (*drawn["usual"], *drawn["now"]):
        assert -0.1 <= x <= x + width <= CHANNEL_WIDTH + 0.2
        assert -0.1 <= y <= y + height <= CHANNEL_HEIGHT + 0.2
        assert width > 0
