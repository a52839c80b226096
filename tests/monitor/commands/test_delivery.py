"""Sending, up to the broker: what is under way is bounded, what fails is named."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka.errors import MessageSizeTooLargeError

from monitor.commands import delivery
from monitor.commands.delivery import NAMED, Delivery, connect
from monitor.errors import UserError

LIMIT = 1000


class Answer:
    """The outcome of a message, in the words of kafka-python."""

    def __init__(self, future):
        self.future = future

    def add_callback(self, then):
        self.future.add_done_callback(lambda f: f.exception() or then(f.result()))

    def add_errback(self, then):
        self.future.add_done_callback(lambda f: f.exception() and then(f.exception()))


class Broker:
    """Answers for one message after the other, and takes none of 13 bytes."""

    def __init__(self):
        self.sent = []
        self.under_way = []
        self.crowded = False
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1)

    def send(self, topic, key, value, **where):
        self.sent.append((topic, key, value, where))
        size = len(value or b"")
        with self._lock:
            self.under_way.append(size)
            self.crowded |= len(self.under_way) > 1 and sum(self.under_way) > LIMIT
        return Answer(self._worker.submit(self._answer, size))

    def _answer(self, size):
        with self._lock:
            self.under_way.remove(size)
        if size == 13:
            raise MessageSizeTooLargeError("too large")

    def close(self, timeout):
        self._worker.shutdown()


@pytest.fixture
def sending(monkeypatch):
    monkeypatch.setattr(delivery, "UNDER_WAY_BYTES", LIMIT)
    monkeypatch.setattr(delivery, "UNDER_WAY_MESSAGES", 100)
    broker = Broker()
    return Delivery(broker, "images"), broker


def test_the_bytes_under_way_are_bounded_and_a_huge_message_goes_alone(sending):
    sender, broker = sending
    sizes = [400, 500, 10, 300, 900, 5000, 1, 1, 999] * 20
    for size in sizes:
        sender.send(None, bytes(size))
    assert sender.finish() == len(sizes)
    assert not broker.crowded


def test_what_fails_is_named_and_counted_with_its_topic(sending):
    sender, _ = sending
    for i in range(30):
        sender.send(b"", bytes(13 if i % 2 else 10), name=f"t/0/{i}", topic=f"topic-{i}")
    assert (sender.sent, sender.finish()) == (30, 15)
    assert sender.refused == [f"t/0/{i}" for i in range(1, 2 * NAMED, 2)]
    assert sender.failure().startswith("topic topic-1: 15 messages were not delivered: ")


def test_a_message_goes_where_it_is_told_to(sending):
    sender, broker = sending
    where = {"partition": 3, "headers": [("a", b"b")], "timestamp_ms": 7}
    sender.send(b"k", None, topic="other", **where)
    sender.send(b"k", b"v")
    sender.finish()
    assert broker.sent == [("other", b"k", None, where), ("images", b"k", b"v", {})]


def test_ctrl_c_waits_for_the_message_that_is_being_handed_over(sending, monkeypatch):
    """Within a send it would leave a message for which `finish` waits in vain."""
    delivery, broker = sending
    send = broker.send

    def interrupted(*arguments, **where):
        signal.raise_signal(signal.SIGINT)
        return send(*arguments, **where)

    monkeypatch.setattr(broker, "send", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            delivery.send(b"a", b"1")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (delivery.sent, delivery.finish()) == (1, 1)


@pytest.mark.parametrize("servers", ["PLAINTEXT://a:9092", "a:99999", "${KAFKA}:9092", "a"])
def test_addresses_that_cannot_be_are_told_before_anything_is_tried(servers):
    with pytest.raises(UserError, match=r"^--bootstrap-servers: must "):
        connect(servers)
