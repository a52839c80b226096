"""What the second client makes of librdkafka's messages and errors, without a broker."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message
from kafka.errors import KafkaConnectionError

from monitor.config.kafka import KafkaConfig
from monitor.daemon.assembly.kafka import check_client
from monitor.errors import DamagedRecordsError, LibraryError
from monitor.stream import confluent_options
from monitor.stream.kafka_options import Connection
from monitor.stream.records import Partition
from monitor.stream.sources.confluent.arrivals import Arrivals
from monitor.stream.sources.confluent.damage import STALL_SECONDS, TRIES, Damage, Sight
from monitor.stream.sources.confluent.settings import consumer_settings
from monitor.stream.sources.subscription import Subscription

ZERO, ONE = Partition("in", 0), Partition("in", 1)


def message(partition: int, offset: int, value: bytes = b"v", error: int | None = None) -> Message:
    made = Message(
        topic="in",
        partition=partition,
        offset=offset,
        key=None,
        value=value,
        headers=None,
        error=None if error is None else KafkaError(error),
        timestamp=(1, 1000 + offset),
    )
    assert made.offset() == offset
    return made


def test_columns_keep_the_order_of_arrival_over_partitions() -> None:
    arrived = Arrivals("in")
    arrived.add([message(3, 7), message(0, 1)])
    arrived.add([message(3, 8), message(0, 2)])
    columns = arrived.records({ZERO, Partition("in", 3)})
    assert [(r.partition, r.offset, r.timestamp) for r in columns] == [
        (3, 7, 1007), (0, 1, 1001), (3, 8, 1008), (0, 2, 1002)
    ]  # fmt: skip
    assert columns.ends() == {Partition("in", 3): 9, ZERO: 3}


def test_errors_are_sorted_and_what_follows_damage_is_left_out() -> None:
    arrived = Arrivals("in")
    arrived.add(
        [
            message(0, 1),
            message(0, 2, error=KafkaError._BAD_MSG),
            message(0, 10**17, error=KafkaError._AUTO_OFFSET_RESET),
            message(0, 10**17),
            message(1, 5),
            message(1, 6, error=KafkaError._PARTITION_EOF),
        ]
    )
    assert [(r.partition, r.offset) for r in arrived.records({ZERO, ONE})] == [(0, 1), (1, 5)]
    assert (arrived.damaged.keys(), arrived.gone, arrived.others) == ({ZERO}, {}, [])
    assert arrived.reached == {ONE: 6}


def test_records_of_partitions_that_are_not_read_are_left_out() -> None:
    arrived = Arrivals("in")
    arrived.add([message(0, 1), message(1, 5)])
    assert [r.partition for r in arrived.records({ONE})] == [1]


def damage_that_sees(sight: Sight, clock: list[float]) -> Damage:
    return Damage(lambda partition, at: sight, lambda: clock[0])


def test_a_damaged_batch_becomes_a_gap_up_to_where_it_ends() -> None:
    damage = damage_that_sees(Sight(True, 20, "why"), [0.0])
    damage.note({ZERO: "CRC"})
    (gap,), settled = damage.gaps({ZERO: 12})
    assert (gap.offset, gap.next_offset, settled) == (12, 20, {ZERO})
    assert damage.gaps({ZERO: 20})[1] == set()


def test_damage_that_only_librdkafka_sees_is_tried_again_and_then_stops_it() -> None:
    damage = damage_that_sees(Sight(True), [0.0])
    for _ in range(TRIES - 1):
        damage.note({ZERO: "CRC"})
        assert damage.gaps({ZERO: 12})[1] == {ZERO}
    damage.note({ZERO: "CRC"})
    with pytest.raises(DamagedRecordsError, match="in/0, offset 12: librdkafka cannot read"):
        damage.gaps({ZERO: 12})


def test_damage_is_looked_at_again_when_the_broker_could_not_be_asked() -> None:
    clock, answers = [0.0], [KafkaConnectionError("away"), Sight(True, 20, "why")]

    def look(partition: Partition, at: int) -> Sight:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    damage = Damage(look, lambda: clock[0])
    damage.note({ZERO: "CRC"})
    assert damage.gaps({ZERO: 12})[1] == set()
    assert damage.gaps({ZERO: 12})[1] == set()
    assert len(answers) == 1
    clock[0] = 10.0
    assert [gap.next_offset for gap in damage.gaps({ZERO: 12})[0]] == [20]


def test_a_partition_that_stands_still_is_looked_at_and_one_that_moves_is_not() -> None:
    clock = [0.0]
    damage = damage_that_sees(Sight(True, 20, "why"), clock)
    for second in range(int(2 * STALL_SECONDS)):
        clock[0] = float(second)
        damage.stalled({ZERO: (12, 40), ONE: (second, 40), Partition("in", 2): (40, 40)})
    gaps, settled = damage.gaps({ZERO: 12, ONE: 30, Partition("in", 2): 40})
    assert ([gap.source for gap in gaps], settled) == ([ZERO], {ZERO})


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_offsets_are_ours_alone_and_the_librarys_memory_is_bounded(protocol: str) -> None:
    subscription = Subscription("in", "group", protocol=protocol, fetch_max_bytes=2**20)
    settings = consumer_settings(Connection("a:1, b:2"), subscription)
    assert settings["bootstrap.servers"] == "a:1,b:2"
    assert settings["auto.offset.reset"] == "error"
    assert settings["enable.auto.commit"] is settings["enable.auto.offset.store"] is False
    assert settings["queued.max.messages.kbytes"] == 1024
    assert settings["allow.auto.create.topics"] is False
    assert ("session.timeout.ms" in settings) == (protocol == "classic")


def test_security_is_said_in_librdkafkas_words() -> None:
    security: dict[str, Any] = {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": "ca.pem",
        "ssl_check_hostname": False,
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": "secret",
    }
    options = confluent_options.options(Connection("a:1", security))
    expected = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "ca.pem",
        "ssl.endpoint.identification.algorithm": "none",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password": "secret",
    }
    assert {name: options[name] for name in expected} == expected


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(LibraryError, match=r"pip install 'aead-monitor\[confluent\]'"):
        check_client(KafkaConfig(topic="in", client="confluent"))
    check_client(KafkaConfig(topic="in"))


def test_a_version_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("confluent_kafka"), "__version__", "2.6.0")
    with pytest.raises(LibraryError, match=r"2.12 or later, and 2.6.0 is installed"):
        confluent_options.check()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"group_protocol": "consumer"}, "needs client confluent"),
        ({"client": "confluent", "group_protocol": "consumer", "rebalance": "eager"}, "eager"),
        ({"client": "confluent", "api_version": (2, 3)}, "needs client kafka-python"),
    ],
)
def test_what_a_client_cannot_do_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        KafkaConfig(topic="in", **settings)


def test_an_option_that_only_the_other_kind_of_client_knows_is_no_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = importlib.import_module("confluent_kafka")
    with caplog.at_level("DEBUG", "confluent_kafka"):
        log = confluent_options.LibraryLog()
        producer = library.Producer({"fetch.min.bytes": 5, "debug": "conf", "logger": log})
        producer.poll(0.2)
        consumer = library.Consumer({"group.id": "g", "linger.ms": 5, "logger": log})
        consumer.poll(0.2)
        consumer.close()
    lines = [record.message for record in caplog.records]
    assert any("fetch.min.bytes" in line for line in lines)
    assert not [line for line in lines if "will be ignored" in line]
