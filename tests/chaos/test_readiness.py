"""What the watch over ready and lag calls wrong, and what it does not."""

from __future__ import annotations

import pytest

from tests.chaos.readiness import GAP_SECONDS, Seen, Watch

ALLOWED = 25.0
READY = Seen(ready=True, next_offset=100, lag=50)


def looked(seconds: list[float], who: list[str], seen: Seen, end: int = 150) -> list[str]:
    watch = Watch(ALLOWED)
    for now, name in zip(seconds, who, strict=True):
        watch.sample(now, {3: end}, {name: {3: seen}})
    return watch.faults


def every_second(count: int) -> list[float]:
    return [float(second) for second in range(count)]


@pytest.mark.parametrize(
    "seen", [READY, Seen(ready=False, next_offset=100, lag=0)], ids=["ready", "lag 0"]
)
def test_who_says_so_for_longer_than_it_may_is_told(seen: Seen) -> None:
    assert not looked(every_second(26), ["first"] * 26, seen)
    (told,) = looked(every_second(27), ["first"] * 27, seen)
    assert "first says" in told
    assert "partition 3 for 26 s, stands at 100" in told


def test_a_daemon_that_was_started_anew_says_it_for_the_first_time() -> None:
    assert not looked(every_second(40), ["old"] * 20 + ["new"] * 20, READY)


def test_what_was_said_while_nobody_looked_is_not_known() -> None:
    gap = [float(second) for second in (0, 5, 10, 10 + GAP_SECONDS + 1, 30, 40)]
    assert not looked(gap, ["first"] * 6, READY)
    assert looked([0.0, 8.0, 16.0, 24.0, 32.0], ["first"] * 5, READY)


def test_nothing_is_wrong_where_nothing_waits_or_it_says_so() -> None:
    assert not looked(every_second(60), ["first"] * 60, READY, end=100)
    honest = Seen(ready=False, next_offset=100, lag=50)
    assert not looked(every_second(60), ["first"] * 60, honest)


def test_who_goes_on_is_not_wrong() -> None:
    watch = Watch(ALLOWED)
    for second in range(60):
        watch.sample(second, {3: 1000}, {"first": {3: Seen(True, 10 * second, 0)}})
    assert not watch.faults
