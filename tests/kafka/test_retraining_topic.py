"""The receiver that writes retraining requests to a topic, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from monitor.errors import ReceiverError
from monitor.receivers.kafka import KafkaReceiver
from monitor.stream.kafka_options import Connection
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory
from tests.monitor.retraining.documents import document

Make = Callable[..., KafkaReceiver]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[KafkaReceiver] = []

    def begin(servers: str, topic: str, binary: bool = False) -> KafkaReceiver:
        made.append(KafkaReceiver(Connection(servers), topic, binary))
        return made[-1]

    yield begin
    for receiver in made:
        receiver.close()


@pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])
def test_a_request_arrives_as_a_cloud_event_that_others_understand(
    broker: Broker, topic: TopicFactory, make: Make, binary: bool
) -> None:
    name, sent = topic(), document()
    receiver = make(broker.bootstrap_servers, name, binary)
    assert [receiver.deliver(sent) for _ in range(2)] == [f"{name}/0/0", f"{name}/0/1"]
    message, again = kafkacat.consume(broker.bootstrap_servers, name)
    assert message.key == again.key == sent["id"].encode()
    assert message.value == again.value
    headers = dict(message.headers)
    mode = b"application/json" if binary else b"application/cloudevents+json"
    assert headers["content-type"] == mode
    assert ("ce_id" in headers) is binary
    event = from_kafka_event(KafkaMessage(headers, message.key, message.value or b""))
    assert event.get_id() == sent["id"]
    assert event.get_type() == "io.aead-monitor.retrain.requested"
    assert event.get_source() == "aead-monitor/digits"
    assert event.get_subject() == sent["model_version"]
    assert event.get_data() == sent


def test_what_the_topic_refuses_is_refused_for_good_and_harms_no_later_request(
    broker: Broker, topic: TopicFactory, make: Make
) -> None:
    name = topic(configs={"max.message.bytes": "4000"})
    receiver = make(broker.bootstrap_servers, name)
    with pytest.raises(ReceiverError, match="MessageSizeTooLarge") as caught:
        receiver.deliver(document(1, reason="x" * 10_000))
    assert not caught.value.retryable
    receiver.deliver(document(2))
    assert len(kafkacat.consume(broker.bootstrap_servers, name)) == 1


def test_without_a_broker_it_fails_in_bounded_time_and_can_be_tried_again(make: Make) -> None:
    receiver = make("127.0.0.1:1", "retrain")
    begin = time.monotonic()
    with pytest.raises(ReceiverError, match="cannot be reached") as caught:
        receiver.deliver(document())
    assert caught.value.retryable
    assert time.monotonic() - begin < 20
