"""The Kafka sink on a real broker: events arrive, and a refused one harms no other."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka import KafkaAdminClient

from monitor.daemon.assembly.kafka import make_sink
from monitor.errors import SinkError, SinkSlowError
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks import Sink
from monitor.stream.sinks.topics import Topics
from monitor.version import __version__
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory


@pytest.fixture
def names() -> dict[str, str]:
    prefix = f"sink-{uuid.uuid4().hex[:12]}"
    return {kind: f"{prefix}.{kind}" for kind in ("anomaly", "dead_letter", "alert")}


@pytest.fixture
def sink(broker: Broker, names: dict[str, str], client: str) -> Iterator[Sink]:
    made = make_sink(client, Connection(broker.bootstrap_servers), Topics(names))
    yield made
    made.close()


def dead_letter(value: bytes | None, *headers: tuple[str, bytes]) -> Event:
    return Event("dead_letter", b"in/0/7", value, (("aead.reason", b"undecodable"), *headers))


@pytest.fixture
def slow_producers(broker: Broker) -> Iterator[None]:
    """Ours may send 200 kB a second."""
    name = f"aead-monitor-{__version__}"
    broker.set_quota(name, 200_000)
    yield
    broker.set_quota(name, None)


def test_topics_are_made_and_events_arrive_as_they_are(
    sink: Sink, broker: Broker, names: dict[str, str]
) -> None:
    events = [Event("anomaly", b"in/0/1/0", b"{}"), dead_letter(b"\x00\xff"), dead_letter(None)]
    sink.publish(events)
    sink.flush()
    (anomaly,) = kafkacat.consume(broker.bootstrap_servers, names["anomaly"])
    letters = kafkacat.consume(broker.bootstrap_servers, names["dead_letter"])
    assert (anomaly.key, anomaly.value) == (b"in/0/1/0", b"{}")
    assert [letter.value for letter in letters] == [b"\x00\xff", None]
    assert letters[0].headers == (("aead.reason", b"undecodable"),)


@pytest.mark.parametrize(
    ("header", "key"),
    [(b"", b"k"), (bytes(5000), b"k"), (b"", None), (bytes(5000), None), (b"", bytes(5000))],
)
def test_what_the_topic_refuses_comes_cut_and_harms_no_later_event(
    broker: Broker,
    topic: TopicFactory,
    names: dict[str, str],
    header: bytes,
    key: bytes | None,
    client: str,
) -> None:
    small = {**names, "dead_letter": topic(configs={"max.message.bytes": "2000"})}
    sink = make_sink(client, Connection(broker.bootstrap_servers), Topics(small))
    large = dead_letter(bytes(10_000), ("aead.address", b"in/0/7"), ("original.x", header))
    sink.publish([replace(large, key=key), dead_letter(b"fits")])
    sink.flush()
    sink.publish([Event("alert", b"e/firing", b"{}")])
    sink.flush()
    sink.close()
    letters = kafkacat.consume(broker.bootstrap_servers, small["dead_letter"])
    assert sorted(letter.value or b"" for letter in letters) == [b"", b"fits"]
    (cut,) = [letter for letter in letters if letter.value is None]
    assert dict(cut.headers)["aead.value_bytes_dropped"] == b"10000"
    assert dict(cut.headers)["aead.reason"] == b"undecodable"
    # A message without a value has a key that its topic takes: its own or its address.
    assert cut.key == (b"k" if key == b"k" else b"in/0/7")
    assert len(kafkacat.consume(broker.bootstrap_servers, small["alert"])) == 1


def test_without_a_broker_it_fails_in_bounded_time_and_can_be_tried_again(client: str) -> None:
    sink = make_sink(client, Connection("127.0.0.1:1"), Topics({"alert": "a"}))
    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(SinkError) as caught:
            sink.publish([Event("alert", b"k", b"v")])
        assert caught.value.retryable
    assert time.monotonic() - started < 40
    sink.close()


def until_flushed(sink: Sink, seconds: float = 90.0) -> None:
    """As the daemon does: a slow output is waited for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            sink.flush()
            return
        except SinkSlowError:
            assert time.monotonic() < deadline


def until_refused(sink: Sink, text: str, seconds: float = 60.0) -> None:
    """It says why it takes nothing."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            sink.flush()
            raise AssertionError("it was flushed")
        except SinkError as error:
            if text in str(error):
                return
            assert time.monotonic() < deadline, str(error)


def test_a_topic_that_is_deleted_while_we_run_is_made_again(
    sink: Sink, broker: Broker, names: dict[str, str], admin: KafkaAdminClient
) -> None:
    sink.publish([Event("alert", b"one", b"{}")])
    sink.flush()
    admin.delete_topics([names["alert"]])
    wait_until(lambda: names["alert"] not in admin.list_topics(), 20, lambda: "still there")
    deadline = time.monotonic() + 90
    try:
        sink.publish([Event("alert", b"two", b"{}")])
    except SinkError as error:
        assert error.retryable
    while True:
        try:
            sink.flush()
            break
        except SinkError as error:
            assert error.retryable
            assert time.monotonic() < deadline, str(error)
    (alert,) = kafkacat.consume(broker.bootstrap_servers, names["alert"])
    assert alert.key == b"two"


def test_a_topic_that_cannot_exist_is_told_with_its_setting_and_the_brokers_reason(
    broker: Broker, topic: TopicFactory, client: str
) -> None:
    """A dot and an underscore are the same to Kafka's metrics: x.alerts beside x_alerts."""
    taken = topic.create(f"{topic()}_alerts")
    names = {"alert": taken.replace("_alerts", ".alerts")}
    sink = make_sink(client, Connection(broker.bootstrap_servers), Topics(names))
    with contextlib.suppress(SinkError):
        sink.publish([Event("alert", b"k", b"v")])
    until_refused(sink, f"outputs.alerts: topic {names['alert']}: it does not exist")
    until_refused(sink, "collides")
    sink.close()


@pytest.mark.parametrize("drop", [False, True])
def test_a_topic_that_takes_a_hundred_bytes(
    drop: bool, broker: Broker, topic: TopicFactory, client: str
) -> None:
    tiny = topic(configs={"max.message.bytes": "100"})
    names = {"dead_letter": tiny, "alert": topic()}
    sink = make_sink(client, Connection(broker.bootstrap_servers), Topics(names, drop_refused=drop))
    dropped: list[str] = []
    sink.dropped = dropped.append
    sink.publish([dead_letter(bytes(10_000)), Event("alert", b"k", b"v")])
    if drop:
        until_flushed(sink)
        assert dropped == ["dead_letter"]
        assert len(kafkacat.consume(broker.bootstrap_servers, names["alert"])) == 1
    else:
        until_refused(sink, "outputs.refused to drop")
        until_refused(sink, "outputs.refused to drop")
        assert dropped == []
    sink.close()


def test_a_slow_output_gets_each_letter_once(
    broker: Broker, topic: TopicFactory, client: str, slow_producers: None
) -> None:
    """100 kB letters at 200 kB/s: the broker itself keeps us waiting."""
    names = {"dead_letter": topic()}
    sink = make_sink(client, Connection(broker.bootstrap_servers), Topics(names))
    letters = [Event("dead_letter", b"%d" % i, bytes(100_000)) for i in range(60)]
    started = time.monotonic()
    sink.publish(letters)
    until_flushed(sink, 240)
    assert time.monotonic() - started > 10
    sink.close()
    keys = [
        message.key for message in kafkacat.consume(broker.bootstrap_servers, names["dead_letter"])
    ]
    assert sorted(keys) == sorted(event.key for event in letters)
