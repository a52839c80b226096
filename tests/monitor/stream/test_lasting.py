"""A client that gets no further is thrown away, more and more patiently."""

from __future__ import annotations

import pytest

from monitor.stream.sources.lasting import (
    LIMITS,
    LONGEST_SECONDS,
    NO_CONNECTION,
    NOTHING_COMES,
    Lasting,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("state", LIMITS)
def test_a_state_that_lasts_is_told_once_its_time_is_up(state: str) -> None:
    clock = Clock()
    lasting = Lasting(clock)
    assert not lasting.too_long(state)
    clock.now += LIMITS[state] - 1
    assert not lasting.too_long(state)
    clock.now += 2
    assert lasting.too_long(state)


def test_a_state_that_ends_in_time_begins_anew() -> None:
    clock = Clock()
    lasting = Lasting(clock)
    for _ in range(10):
        lasting.too_long(NO_CONNECTION)
        clock.now += LIMITS[NO_CONNECTION] - 1
        assert not lasting.too_long("")


def test_where_throwing_away_has_not_helped_more_time_is_given_until_records_come() -> None:
    clock = Clock()
    lasting = Lasting(clock)
    lasting.too_long(NOTHING_COMES)
    waits = []
    for _ in range(8):
        began = clock.now
        while not lasting.too_long(NOTHING_COMES):
            clock.now += 10
        waits.append(clock.now - began)
    assert waits[1] >= 1.9 * waits[0]
    assert waits[-1] <= LONGEST_SECONDS + 10
    lasting.progress()
    began = clock.now
    while not lasting.too_long(NOTHING_COMES):
        clock.now += 10
    assert clock.now - began <= LIMITS[NOTHING_COMES] + 10
