"""Events on their way: what has arrived stays, the rest is sent again, and nothing for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.errors import SinkError, SinkSlowError
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks.deliveries import (
    DELIVERY_SECONDS,
    SLICE_SECONDS,
    Deliveries,
    Delivery,
    Failure,
    allowed_seconds,
)
from monitor.stream.sinks.topics import Topics

NAMES = {"anomaly": "x.anomalies", "dead_letter": "x.dead-letters", "alert": "x.alerts"}


class Line(Deliveries):
    """A client over a line of so many bytes a second, and a broker that refuses some.

    Time goes on only while it is served.
    """

    def __init__(
        self,
        bytes_per_second: float = 1e9,
        refuse: Callable[[Event], Failure | None] = lambda event: None,
        drop: bool = False,
    ) -> None:
        self.now = 0.0
        super().__init__(Connection("h:1"), Topics(NAMES, drop_refused=drop), lambda: self.now)
        self.bytes_per_second = bytes_per_second
        self.refuse = refuse
        self.sent: list[bytes] = []
        self.arrived: list[Event] = []
        self.producers = 0
        self._line: list[tuple[float, Delivery]] = []

    def _connect(self) -> Any:
        self.producers += 1
        return object()

    def _send(self, delivery: Delivery) -> None:
        self.sent.append(delivery.event.key)
        begins = max(self.now, self._line[-1][0] if self._line else 0.0)
        done = begins + delivery.bytes / self.bytes_per_second
        self._line.append((done, delivery))
        delivery.handle = done

    def _serve(self, seconds: float) -> None:
        self.now += max(seconds, 1e-3)

    def _outcome(self, delivery: Delivery) -> Failure | bool:
        if self.now < delivery.handle:
            return False
        failure = self.refuse(delivery.event)
        if failure is None:
            self.arrived.append(delivery.event)
        return failure or True

    def _throw_away(self, producer: Any) -> None:
        self._line = []

    def flush_patiently(self, rounds: int = 10_000) -> None:
        """As the daemon does."""
        for _ in range(rounds):
            try:
                self.flush()
                return
            except SinkSlowError:
                continue
        raise AssertionError("never flushed")


def letters(count: int, size: int) -> list[Event]:
    return [Event("dead_letter", b"%d" % i, bytes(size)) for i in range(count)]


def test_a_slow_output_gets_each_letter_once() -> None:
    """100 letters of 100 kB at 200 kB/s take 50 s: longer than any of them may take alone."""
    line = Line(200_000)
    line.publish(letters(100, 100_000))
    line.flush_patiently()
    assert len(line.sent) == len(line.arrived) == 100
    assert line.producers == 1
    assert line.now > 4 * DELIVERY_SECONDS


def test_a_flush_that_is_slow_returns_soon_and_says_how_far_it_is() -> None:
    line = Line(200_000)
    line.publish(letters(100, 100_000))
    with pytest.raises(SinkSlowError, match="of 100 messages have arrived"):
        line.flush()
    assert line.now < SLICE_SECONDS + 0.2


def test_the_time_allowed_grows_with_the_bytes() -> None:
    assert allowed_seconds(100) < DELIVERY_SECONDS + 1
    line = Line(200_000)
    line.publish(letters(1, 5_000_000))  # 25 s
    line.flush_patiently()
    assert len(line.sent) == 1


def test_a_producer_from_which_nothing_comes_is_thrown_away_and_only_the_rest_is_sent_again() -> (
    None
):
    line = Line()
    line.publish(letters(5, 10))
    line.flush()
    line.publish(letters(3, 10))
    line.bytes_per_second = 1e-9
    line._line.clear()
    for delivery in line._pending[1:]:
        delivery.handle = float("inf")
    with pytest.raises(SinkError, match=r"outputs\.dead_letters: topic .*: nothing") as e:
        line.flush_patiently()
    assert e.value.retryable
    line.bytes_per_second = 1e9
    line.flush_patiently()
    assert line.producers == 2
    assert line.sent[8:] == [b"1", b"2"]  # the first of the three had arrived


def test_a_producer_that_fails_for_good_while_it_is_served_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line(100)
    line.publish(letters(2, 100))
    with monkeypatch.context() as fatal:
        fatal.setattr(line, "_serve", lose)
        with pytest.raises(SinkError, match="fenced") as caught:
            line.flush()
    assert caught.value.retryable
    line.flush_patiently()
    assert (line.producers, len(line.arrived)) == (2, 2)


def lose(seconds: float) -> None:
    raise OSError("fenced")


def test_what_fails_is_sent_again_and_what_has_arrived_is_not() -> None:
    failing = {b"2"}
    line = Line(refuse=lambda e: Failure("not enough replicas") if e.key in failing else None)
    line.publish(letters(5, 10))
    with pytest.raises(SinkError, match="not enough replicas"):
        line.flush_patiently()
    failing.clear()
    line.flush_patiently()
    assert line.sent == [b"0", b"1", b"2", b"3", b"4", b"2"]


def test_alerts_after_one_that_failed_are_sent_again_after_it() -> None:
    failing = {b"a"}
    line = Line(refuse=lambda e: Failure("away") if e.key in failing else None)
    line.publish([Event("alert", b"a", b"firing"), Event("alert", b"b", b"resolved")])
    with pytest.raises(SinkError):
        line.flush_patiently()
    failing.clear()
    line.flush_patiently()
    assert [event.value for event in line.arrived][-2:] == [b"firing", b"resolved"]


def too_large(most: int) -> Callable[[Event], Failure | None]:
    def refuse(event: Event) -> Failure | None:
        size = len(event.value or b"") + len(event.key) + sum(len(v) for _, v in event.headers)
        return Failure("MSG_SIZE_TOO_LARGE", too_large=True) if size > most else None

    return refuse


def test_a_message_that_is_too_large_goes_without_value_and_harms_no_other() -> None:
    line = Line(refuse=too_large(500))
    line.publish([*letters(1, 10_000), Event("dead_letter", b"small", b"fits")])
    line.flush_patiently()
    assert {event.key: event.value for event in line.arrived} == {b"0": None, b"small": b"fits"}


def test_a_topic_that_takes_nothing_blocks_and_names_the_setting() -> None:
    line = Line(refuse=too_large(0))
    line.publish(letters(1, 10_000))
    for _ in range(3):  # it is tried again, and not given up
        with pytest.raises(SinkError, match=r"outputs\.refused to drop"):
            line.flush_patiently()
    line.refuse = too_large(100)
    line.flush_patiently()
    assert len(line.arrived) == 1


@pytest.mark.parametrize("failure", ["away", "too large"])
def test_however_long_the_pause_before_another_attempt_it_is_given_its_time(failure: str) -> None:
    line = Line(refuse=lambda event: Failure(failure, too_large=failure == "too large"))
    line.publish(letters(2, 100))
    for _ in range(2):
        with pytest.raises(SinkError):
            line.flush_patiently()
    line.refuse = lambda event: None
    line.now += 3 * DELIVERY_SECONDS
    line.flush_patiently()
    assert len(line.arrived) == 2


def test_a_topic_that_takes_nothing_is_told_and_counted_where_the_user_wants_it_dropped() -> None:
    line, dropped = Line(refuse=too_large(0), drop=True), []
    line.dropped = dropped.append
    line.publish([*letters(2, 10_000), Event("alert", b"", b"")])
    line.flush_patiently()
    assert dropped == ["dead_letter", "dead_letter"]
    assert [event.key for event in line.arrived] == [b""]
