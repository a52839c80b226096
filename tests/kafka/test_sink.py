"""The Kafka sink on a real broker: events arrive, and a refused one harms no other."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from monitor.daemon.assembly.kafka import make_sink
from monitor.errors import SinkError
from monitor.stream.events import Event
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks import Sink
from monitor.stream.sinks.topics import Topics
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
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
