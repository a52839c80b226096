"""Segments that have a partition to themselves: silent once it is at its end and others go on."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.ends import Ends
from monitor.drift.segments.gaps import FEWEST, SHORTEST_TIME, Gaps
from monitor.drift.segments.segmented import Segments
from monitor.drift.segments.silence import RETURNED, SILENT
from monitor.stream.records import Partition
from tests.monitor.builders import VERSION
from tests.monitor.drift.segments_streams import BEGIN, BUDGET, names, segments, told

FOUR = tuple(Partition("in", number) for number in range(4))
LOOK = 5.0
"""Seconds between two looks."""


class Lines:
    """Four cameras, each in its own partition, that send once in a while of stream time."""

    def __init__(self, every: float = 1.0) -> None:
        self.segments = segments(at_most=5)
        self.now, self.rows = 1000.0, 0
        self.every = every
        self.stopped: float | None = None
        self._next = [0, 0, 0, 0]

    def send(self, seconds: float, cameras: tuple[int, ...]) -> None:
        """What these send in so many seconds."""
        moments = np.arange(0, seconds, self.every)
        number = np.tile(np.array(cameras), moments.size)
        times = np.repeat(moments, len(cameras))
        offsets = np.empty(number.size, dtype=np.int64)
        for camera in cameras:
            mine = number == camera
            offsets[mine] = self._next[camera] + np.arange(mine.sum())
            self._next[camera] += int(mine.sum())
        records = JudgedRecords(
            VERSION, FOUR, number, offsets, offsets + 1,
            BEGIN + (np.minimum(self.now + times, self.stopped or np.inf) * 1000).astype(np.int64),
            np.ones(number.size, dtype=np.int64), np.ones(number.size),
            segments=names(4), segment=number,
        )  # fmt: skip
        self.segments.watch(records, self.rows)
        self.rows += number.size
        self.now += seconds
        self.segments.rest()

    def look(self, at_end: tuple[int, ...] = (0, 1, 2, 3)) -> list[tuple[str, str]]:
        found = self.segments.at_end(self.now, [FOUR[n] for n in at_end], self.rows)
        return told(found)

    def go_on(self, seconds: float, cameras: tuple[int, ...], **look: tuple[int, ...]) -> list[str]:
        """Send and look by turns; the events, each with the seconds it took."""
        begun, events = self.now, []
        while self.now < begun + seconds:
            self.send(LOOK, cameras)
            events += [
                f"{name} {event} {self.now - begun:.0f}" for name, event in self.look(**look)
            ]
        return events


ALL, THREE = (0, 1, 2, 3), (0, 1, 2)


def test_a_camera_with_a_partition_of_its_own_that_stops_is_told_once_and_soon() -> None:
    lines = Lines()
    assert lines.go_on(900, ALL) == []
    (event,) = lines.go_on(600, THREE)
    assert event in {f"camera-3 silent {seconds}" for seconds in (35, 40, 45)}


def test_what_is_told_says_what_is_known() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    lines.send(60, THREE)
    (found,) = lines.segments.at_end(lines.now, FOUR, lines.rows)
    alert = found.change.alert
    assert (alert.event, found.position) == (SILENT, lines.rows)
    assert alert.next_offsets == {FOUR[3]: 900}
    assert alert.verdict.explanation == (
        "segment camera-3 is silent: nothing of it for 60 s while others go on, nor of anything"
        " else in its partition, and before never for more than 1 s"
    )
    assert alert.timestamp == BEGIN + int(1000 * (lines.now - 1))
    assert lines.segments.silent_since(3) == BEGIN + 1_899_000


def test_it_is_told_when_it_is_back_of_the_same_episode() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    lines.go_on(120, THREE)
    lines.segments.watch(_one(lines, 3), lines.rows)
    (back,) = [
        found
        for found in lines.segments.rest()
        if found.change.transition.event == RETURNED
    ]  # fmt: skip
    assert back.change.verdict.explanation.startswith("segment camera-3 is back, after a silence")
    assert "records" not in back.change.verdict.explanation


def _one(lines: Lines, camera: int) -> JudgedRecords:
    at = np.array([900])
    return JudgedRecords(
        VERSION, FOUR, np.array([camera]), at, at + 1,
        np.array([BEGIN + int(1000 * lines.now)]), np.array([1]), np.ones(1),
        segments=names(4), segment=np.array([camera]),
    )  # fmt: skip


@pytest.mark.parametrize(
    "look", [{"at_end": (0, 1, 2)}, {"at_end": ()}], ids=["it waits to be read", "nobody knows"]
)
def test_a_partition_that_is_not_known_to_be_at_its_end_makes_nobody_silent(
    look: dict[str, tuple[int, ...]],
) -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    assert lines.go_on(900, THREE, **look) == []
    # The time in which it was not at its end does not count.
    assert lines.look() == []


def test_nobody_is_silent_where_nothing_comes_at_all() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    for _ in range(200):
        lines.now += LOOK
        assert lines.look() == []


def test_nobody_is_silent_while_others_read_what_is_old() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    lines.stopped = lines.now  # all stopped then: of the others some is still to be read
    assert lines.go_on(900, THREE) == []
    lines.stopped = None
    assert len(lines.go_on(60, THREE)) == 1


def test_one_that_sends_seldom_may_be_quiet_for_longer() -> None:
    lines = Lines()
    for _ in range(200):  # the fourth sends once a minute
        assert lines.go_on(60, THREE) == []
        lines.send(1, ALL)
    (event,) = lines.go_on(3000, THREE)
    seconds = float(event.removeprefix("camera-3 silent "))
    # A mean of 61 s, and one false alarm in four million of its records.
    assert 3 * 61 < seconds < 20 * 61


def test_of_one_that_was_seen_for_a_short_time_nothing_is_told() -> None:
    lines = Lines()
    lines.go_on(FEWEST - 10, ALL)
    assert lines.go_on(900, THREE) == []


def test_a_pause_that_comes_again_is_told_twice_and_then_known() -> None:
    lines, events = Lines(), list[str]()
    for _ in range(5):
        events += lines.go_on(1200, ALL)
        events += lines.go_on(90, THREE)
    assert [event.rsplit(" ", 1)[0] for event in events] == ["camera-3 silent"] * 2


def test_silence_is_remembered_over_a_restart_and_told_once() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    lines.go_on(120, THREE)
    state = lines.segments.state()
    lines.segments = _restored(state)
    assert lines.go_on(300, THREE) == []
    assert lines.segments.silent_since(3) is not None


def test_how_long_it_was_quiet_is_not_known_after_a_restart() -> None:
    lines = Lines()
    lines.go_on(900, ALL)
    lines.go_on(20, THREE)
    lines.segments = _restored(lines.segments.state())
    (event,) = lines.go_on(300, THREE)
    assert event in {f"camera-3 silent {seconds}" for seconds in (35, 40, 45)}


def _restored(state: dict[str, object]) -> Segments:
    again = segments(at_most=5)
    again.restore(state)
    return again


def test_gaps_without_time_say_nothing_of_time() -> None:
    still = Gaps(BUDGET)
    for _ in range(1000):
        still.meet(1, 0)
    assert still.limit_alone == np.inf


@pytest.mark.parametrize("milliseconds", [10, 1000, 100_000])
def test_the_shortest_silence_is_long_for_what_was_seen(milliseconds: int) -> None:
    gaps = Gaps(BUDGET)
    gaps.pass_by(100_000, 100_000, 100_000 * milliseconds, milliseconds)
    least = max(3 * milliseconds, milliseconds * np.log(1e6), SHORTEST_TIME)
    assert gaps.limit_alone == pytest.approx(least)


def test_a_partition_is_quiet_from_the_first_look_after_its_last_record() -> None:
    ends = Ends()
    assert ends.look(0.0, [0, 1], [5, 5])[0] == (0.0, 0)
    assert ends.look(10.0, [0, 1], [5, 9]) == {0: (10.0, 4), 1: (0.0, 0)}
    assert ends.look(20.0, [1], [5, 9]) == {1: (10.0, 0)}
    assert ends.look(30.0, [0, 1], [5, 12])[0] == (0.0, 0)
