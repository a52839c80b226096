"""`aead-monitor dead-letters` on a real broker, with a real daemon before and after."""

from __future__ import annotations

import signal
from base64 import b64decode
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from monitor.commands.delivery import Delivery
from monitor.demo.daemon_process import DaemonProcess
from monitor.pipeline.events import dead_letter_event
from monitor.stream.records import DeadLetter
from tests import product
from tests.data import digit_images
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.process import wait_until
from tests.kafka.secure import SecureBroker
from tests.kafka.station import NOON, Station, records, send_all
from tests.kafka.topics import TopicFactory, new_name


@pytest.fixture
def station(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Station:
    """With an input topic of two partitions, which keeps records of a time long ago."""
    name = topic(partitions=2, configs={"retention.ms": "-1"})
    return Station(broker.bootstrap_servers, tmp_path, name, capsys)


@pytest.fixture
def graves(station: Station, topic: TopicFactory) -> Station:
    """With an empty dead-letter topic of two partitions, too."""
    topic.create(station.dead, partitions=2)
    return station


def test_what_the_daemon_refused_is_scored_after_a_replay(
    station: Station, digits_bundle: Path, tmp_path: Path
) -> None:
    station.settings["model"] = str(digits_bundle)
    images = [image.tobytes() for image in digit_images(20)]
    send_all(station, [*images, b"broken", None])
    small = {**station.settings, "codec": {"name": "raw", "max_record_bytes": 63}}
    run_daemon(tmp_path, small, "dead_lettered", 22)

    *table, counts = station.say("list")
    assert counts == "22 dead letters: 20 oversized, 1 tombstone, 1 wrong_shape"
    assert sum(" oversized " in line for line in table) == 20
    plan = station.say("replay", "--reason", "oversized", "--dry-run")
    assert plan[20:] == [
        "would send 20 records; nothing was sent",
        "20 dead letters: 20 oversized",
    ]
    line = f"{station.topic}/1/0  oversized  64 bytes, key 'k1', 2 headers"
    assert f"{line} -> {station.topic}, partition 1" in plan
    assert len(station.sent()) == 22

    config = station.folder / "station.yaml"
    printed = aead_monitor("dead-letters", "replay", "--config", config, "--reason", "oversized")
    assert printed == "sent 20 records, 20 acknowledged\n20 dead letters: 20 oversized\n"
    came_back = [m for m in station.sent() if m.offset >= 11]
    assert len(came_back) == 20
    for message in came_back:
        number = int((message.key or b"")[1:])
        address = f"{station.topic}/{number % 2}/{number // 2}".encode()
        assert message.headers == (("camera", b"%d" % number), ("aead.replayed_from", address))
        assert message.value == images[number]
        assert (message.partition, message.timestamp) == (number % 2, NOON + number)
    run_daemon(tmp_path, station.settings, "scored", 20)


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_header_without_a_value_comes_back_without_one(
    client: str, station: Station, digits_bundle: Path, tmp_path: Path
) -> None:
    station.settings |= {"model": str(digits_bundle), "outputs": {"dead_letters": station.dead}}
    station.kafka["client"] = client
    headers = [("camera", None), ("lens", b""), ("camera", b"2")]
    producer = confluent_kafka.Producer({"bootstrap.servers": station.servers})
    producer.produce(station.topic, b"broken", b"k1", 1, headers=headers)
    producer.produce(station.topic, b"broken", None, 1, headers=[("empty", None)])
    assert producer.flush(30) == 0
    run_daemon(tmp_path, station.settings, "dead_lettered", 2)

    with closing(KafkaConsumer(bootstrap_servers=station.servers)) as consumer:
        letters = all_of(consumer, station.dead, 2)
        assert {letter.key for letter in letters} == {b"k1", None}
        for letter in letters:
            told = dict(letter.headers)
            address = f"{station.topic}/1/{0 if letter.key else 1}"
            assert told["aead.address"] == address.encode()
        (listed, _) = station.listed()
        assert listed["headers"] == [["camera", None], ["lens", ""], ["camera", "2"]]
        said = station.say("replay", "--all")
        assert said[0] == "sent 2 records, 2 acknowledged"
        first, second = (m for m in all_of(consumer, station.topic, 4) if m.offset >= 2)
    assert first.headers[:-1] == headers
    assert second.headers[:-1] == [("empty", None)]


def all_of(consumer: KafkaConsumer, topic: str, count: int) -> list[Any]:
    """The messages of a topic, once there are so many."""
    places = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    found: list[Any] = []
    wait_until(
        lambda: (
            found.extend(m for part in consumer.poll(200).values() for m in part)
            or len(found) >= count
        ),
        60,
        lambda: f"{len(found)} of {count}",
    )
    return found


def run_daemon(folder: Path, settings: dict[str, Any], name: str, count: int) -> None:
    """Run the daemon until so many records were scored or dead_lettered."""
    daemon = DaemonProcess(folder, settings, launch=product.launch)
    try:
        wait_for_status(daemon, lambda status: total(status, name) == count)
    finally:
        code = daemon.stop()
    assert code == 0, daemon.log.read_text()


def test_filters_choose_the_same_for_list_and_replay(graves: Station) -> None:
    graves.bury(records(graves.topic, 6))
    graves.bury(records(graves.topic, 3, start=10), "empty", partition=1)
    graves.bury([replace(records(graves.topic, 1, 20)[0], partition=0)], "non_finite")
    cases = {
        ("--reason", "empty", "--reason", "non_finite"): [10, 11, 12, 20],
        ("--since", "2026-03-01T12:00:02Z", "--until", "2026-03-01T12:00:04Z"): [2, 3, 12],
        ("--partition", "0"): [20],
        ("--limit", "2"): [4, 5],
        ("--reason", "undecodable", "--since", "2026-03-01T12:00:01", "--limit", "3"): [3, 4, 5],
    }
    for options, offsets in cases.items():
        assert sorted(item["offset"] for item in graves.listed(*options)) == offsets
        plan = graves.say("replay", "--dry-run", *options)
        addresses = [line.split()[0] for line in plan if "->" in line]
        assert sorted(int(address.split("/")[2]) for address in addresses) == offsets
    times = [item["dead_letter"]["timestamp"] for item in graves.listed()]
    assert times == sorted(times)
    assert len(times) == 10
    assert graves.sent() == []


def test_nothing_is_replayed_twice_and_what_cannot_be_is_counted(graves: Station) -> None:
    ours = records(graves.topic, 4)
    for _ in range(3):
        graves.bury(ours)
    one = ours[0]
    graves.bury([replace(one, offset=50, headers=(("aead.replayed_from", b"t/1/0"),))])
    graves.bury([replace(one, offset=51, value=None)], "tombstone")
    graves.bury([replace(one, offset=52, value=None)], "expired", next_offset=b"60")
    graves.bury([replace(one, offset=60, value=None)], "oversized", value_bytes_dropped=b"99")
    graves.bury([replace(one, topic=new_name("missing"), offset=61)])
    graves.bury([replace(one, partition=9, offset=62)])
    sent, counts, left_out, moved = graves.say("replay", "--all")
    assert sent == "sent 5 records, 5 acknowledged"
    assert counts.startswith("10 dead letters: 7 undecodable, ")
    assert counts.endswith("; 8 repeats of these left out")
    assert left_out.startswith("left out 5: ")
    for why in ("replayed before", "tombstones", "could not be read", "too large", "another topic"):
        assert left_out.count(why) == 1
    assert moved == "1 to another partition, since theirs does not exist any more"
    came = [m for m in graves.sent() if b"/1/" in dict(m.headers)["aead.replayed_from"]]
    assert [(m.partition, m.value) for m in came] == [(1, record.value) for record in ours]

    again = graves.say("replay", "--reason", "tombstone", "--reason", "undecodable", "--again")
    assert again[0] == "sent 7 records, 7 acknowledged"
    values = [message.value for message in graves.sent()]
    assert (len(values), values.count(None)) == (12, 1)


def test_original_bytes_come_out_and_no_group_is_made(graves: Station) -> None:
    value = bytes(range(256))
    graves.bury([replace(records(graves.topic, 1)[0], key=None, value=value)])
    with closing(KafkaAdminClient(bootstrap_servers=graves.servers)) as admin:
        before = admin.list_groups()
        (item,) = graves.listed("--values")
        assert admin.list_groups() == before
    assert (item["value_bytes"], item["key"]) == (256, None)
    assert b64decode(item["value"]) == value
    graves.say("replay", "--all")
    (message,) = graves.sent()
    assert (message.key, message.value) == (None, value)


def test_an_empty_topic_and_none_at_all_are_said_plainly(graves: Station) -> None:
    assert graves.say("list") == [f"{graves.dead}: no dead letters"]
    nothing = f"{graves.dead}: no dead letters that match"
    assert graves.say("list", "--since", "2026-03-01") == [nothing]
    assert graves.say("replay", "--all")[0] == "sent 0 records, 0 acknowledged"
    graves.settings["outputs"] = {"dead_letters": new_name("none")}
    for arguments in (("list",), ("replay", "--all")):
        said = graves.run(*arguments)
        assert (said.code, said.out, len(said.errors)) == (2, [], 1)
        assert "does not exist" in said.errors[0]


def test_transactions_neither_hold_the_reading_up_nor_show_what_was_given_up(
    graves: Station,
) -> None:
    """The end of the topic is then no message, and waiting for one would never end."""
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": graves.servers, "transactional.id": graves.topic}
    )
    producer.init_transactions()
    ends = (producer.abort_transaction, producer.commit_transaction, producer.flush)
    for end, record in zip(ends, records(graves.topic, 3), strict=True):
        producer.begin_transaction()
        event = dead_letter_event(DeadLetter(record, "empty", "bad"))
        producer.produce(graves.dead, event.value, event.key, 0, headers=list(event.headers))
        end()
    table = graves.say("list")
    assert table[-1] == "1 dead letter: 1 empty"
    assert table[1].startswith(f"{graves.topic}/1/1 ")
    producer.abort_transaction()


def test_what_the_topic_refuses_is_named_and_the_others_arrive(
    station: Station, topic: TopicFactory
) -> None:
    name = topic(partitions=2, configs={"max.message.bytes": "2000"})
    topic.create(station.dead)
    station.kafka["topic"] = name
    station.settings["outputs"] = {"dead_letters": station.dead}
    ours = records(name, 60)
    ours[30] = replace(ours[30], value=bytes(range(256)) * 20)
    station.bury(ours)
    said = station.run("replay", "--all")
    assert (said.code, said.out[0]) == (1, "sent 60 records, 59 acknowledged")
    (line,) = said.errors
    assert line.startswith(f"aead-monitor: topic {name}: 1 messages were not delivered: ")
    assert line.endswith(f"; among them {name}/1/30")
    arrived = [message.value for message in kafkacat.consume(station.servers, name)]
    assert arrived == [record.value for record in ours if record.offset != 30]


def test_ctrl_c_stops_after_what_was_sent_has_arrived(
    graves: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Delivery.send

    def interrupted(delivery: Delivery, *message: Any, **where: Any) -> None:
        if delivery.sent == 3:
            signal.raise_signal(signal.SIGINT)
        send(delivery, *message, **where)

    monkeypatch.setattr(Delivery, "send", interrupted)
    graves.bury(records(graves.topic, 10))
    said = graves.run("replay", "--all")
    assert (said.code, said.errors) == (130, [])
    assert said.out[0] == "stopped after 3 records, 3 acknowledged"
    assert len(graves.sent()) == 3


@pytest.mark.kafka
def test_it_logs_in_over_tls_and_never_prints_the_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secure = SecureBroker(tmp_path)
    secure.start()
    try:
        secure.set_password("monitor", "correct horse")
        factory = TopicFactory(secure.plain_servers)
        name = factory(partitions=2)
        factory.create(f"{name}.dead-letters")
        station = Station(secure.plain_servers, tmp_path, name, capsys)
        station.bury(records(name, 3))
        login = {"mechanism": "SCRAM-SHA-512", "username": "monitor", "password_file": "password"}
        station.kafka |= {
            "bootstrap_servers": secure.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "tls": {"ca_file": str(secure.ca_file)},
            "sasl": login,
        }
        (tmp_path / "password").write_text("correct horse")
        assert station.say("list")[-1] == "3 dead letters: 3 undecodable"
        assert station.say("replay", "--all")[0] == "sent 3 records, 3 acknowledged"
        (tmp_path / "password").write_text("battery staple")
        said = station.run("list")
        assert (said.code, len(said.errors)) == (2, 1)
        assert "staple" not in said.errors[0]
    finally:
        secure.stop()
