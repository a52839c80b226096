"""Records are conserved: scored or dead-lettered, whatever a producer sends."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kafka import KafkaProducer

from models.recipe import train
from models.settings import TrainingSettings
from monitor.codecs import CODECS, CodecSettings, protobuf_files
from monitor.codecs.avro_schema import of_settings
from monitor.codecs.framing import framed
from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.data import mnist
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import total, wait_for_status
from tests.kafka.payloads import BAD, REASONS, bad, sent_as
from tests.kafka.topics import TopicFactory
from tests.monitor.schema_registry_stub import running

PARTITIONS = 4
RECORDS = 4000
EVERY = 100
"""One record in so many is bad: 1%."""
ANOMALY = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "anomaly.json").read_text())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    images, _ = mnist(1000, 1)
    train(images, folder, TrainingSettings(architecture="dense", epochs=2))
    return folder


@pytest.fixture(params=sorted(CODECS))
def codec(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The address of a Schema Registry that knows schema 1."""
    with running() as stub:
        stub.add(1, {"type": "array"}, "JSON")
        yield stub.url


@pytest.fixture
def watched(
    broker: Broker, topic: TopicFactory, bundle: Path, codec: str, registry: str, tmp_path: Path
) -> Iterator[tuple[DaemonProcess, str]]:
    name = topic(partitions=PARTITIONS)
    settings = {
        "model": str(bundle),
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "outputs": {
            "scores": f"{name}.scores",
            "scores_format": "avro" if codec == "raw" else "json",
        },
        "codec": {"name": codec, "dtype": sent_as(codec), **_schema(codec, tmp_path, registry)},
    }
    daemon = DaemonProcess(tmp_path, settings, launch=product.launch)
    yield daemon, name
    assert daemon.stop() == 0, daemon.log.read_text()


def _schema(codec: str, folder: Path, registry: str) -> dict[str, Any]:
    """Where the schema of the payloads is, for a format that has one."""
    if codec == "json-schema":
        return {"registry": {"url": registry}}
    if codec == "protobuf":
        data, message = protobuf_files.of_settings(CodecSettings((28, 28)))
        (folder / "row.pb").write_bytes(data)
        return {"descriptor": str(folder / "row.pb"), "message": message}
    if codec != "avro":
        return {}
    (folder / "row.avsc").write_text(of_settings(CodecSettings((28, 28))), encoding="utf-8")
    return {"schema_file": str(folder / "row.avsc")}


def payloads(codec: str) -> list[tuple[str, bytes | None]]:
    """Kind and payload of each record; the kind of a good one is empty."""
    images = mnist(1000, RECORDS)[1]
    good = CODECS[codec](CodecSettings((28, 28), sent_as(codec)))
    frame: Callable[[bytes], bytes] = partial(framed, 1) if codec == "json-schema" else bytes
    kinds = {i: BAD[i // EVERY % len(BAD)] for i in range(EVERY // 2, RECORDS, EVERY)}
    return [
        (kinds[i], bad(kinds[i], codec)) if i in kinds else ("", frame(good.encode(image)))
        for i, image in enumerate(images)
    ]


def test_every_record_is_scored_or_dead_lettered_with_reason_and_bytes(
    watched: tuple[DaemonProcess, str], broker: Broker, codec: str
) -> None:
    daemon, name = watched
    records = payloads(codec)
    send(broker.bootstrap_servers, name, records)
    status = wait_for_status(daemon, lambda s: total(s, "consumed") == RECORDS)

    for partition in status["partitions"]:
        assert partition["consumed"] == RECORDS // PARTITIONS
        assert partition["consumed"] == partition["scored"] + partition["dead_lettered"]
    expected = {
        (i % PARTITIONS, i // PARTITIONS): (REASONS[codec][kind], value)
        for i, (kind, value) in enumerate(records)
        if kind
    }
    assert total(status, "dead_lettered") == len(expected) == RECORDS // EVERY
    assert dead_letters(broker.bootstrap_servers, name) == expected
    assert score_addresses(broker.bootstrap_servers, name) == sorted(
        f"{name}/{i % PARTITIONS}/{i // PARTITIONS}/0"
        for i, (kind, _) in enumerate(records)
        if not kind
    )
    check_anomalies(broker.bootstrap_servers, name)
    assert daemon.status()["ready"]


def send(servers: str, name: str, records: list[tuple[str, bytes | None]]) -> None:
    producer = KafkaProducer(bootstrap_servers=servers, max_request_size=2**25, linger_ms=5)
    for i, (_, value) in enumerate(records):
        producer.send(name, key=b"%d" % i, value=value, partition=i % PARTITIONS)
    producer.flush(60)
    producer.close(5)


def dead_letters(servers: str, name: str) -> dict[tuple[int, int], tuple[str, bytes | None]]:
    """Reason and original bytes by the partition and offset that the headers tell."""
    letters = {}
    for message in kafkacat.consume(servers, f"{name}.dead-letters"):
        headers = dict(message.headers)
        assert headers["aead.topic"] == name.encode()
        assert headers["aead.error"]
        address = int(headers["aead.partition"]), int(headers["aead.offset"])
        letters[address] = headers["aead.reason"].decode(), message.value
    return letters


def check_anomalies(servers: str, name: str) -> None:
    """Each follows its schema, and says where its error is or why it does not."""
    bodies = [json.loads(m.value) for m in kafkacat.consume(servers, f"{name}.anomalies")]
    for body in bodies:
        jsonschema.validate(body, ANOMALY)
    explained = [body["explanation"] for body in bodies]
    placed = [each for each in explained if "box" in each]
    assert placed
    assert all(each == {"left_out": "rate"} for each in explained if each not in placed)


def score_addresses(servers: str, name: str) -> list[str]:
    """Of each message of the topic of scores, in order."""
    messages = kafkacat.consume(servers, f"{name}.scores")
    return sorted(dict(message.headers)["aead.address"].decode() for message in messages)
