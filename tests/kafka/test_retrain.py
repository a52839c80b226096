"""`aead-monitor retrain` on a real broker: from a request alone, and over holes in the log."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import confluent_kafka
import numpy as np
import pytest
import yaml
from kafka import KafkaAdminClient, TopicPartition

from models.bundle import load
from monitor.cli import main
from monitor.config.kafka import KafkaConfig
from monitor.retrain_job import reading
from monitor.retrain_job.rows import Whole
from monitor.retraining.request import RetrainRequest, Statistics, Stretch, to_json
from monitor.stream.kafka_options import Connection
from monitor.stream.offset_reader import opened
from monitor.stream.records import Estimate, Partition
from tests.data import digit_images
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory
from tests.monitor.builders import decode

NOON = 1_772_366_400_000
GOOD, DRIFTED = 300, 597


@dataclass
class Log:
    """A topic of two partitions: digits as they were, then darker ones, two bad ones among them."""

    broker: Broker
    name: str

    def fill(self) -> None:
        images = digit_images()
        dark = (images[1200:] * 0.6).astype(np.uint8)
        values: list[bytes | None] = [image.tobytes() for image in (*images[:GOOD], *dark)]
        values[400], values[500] = None, b"broken"
        producer = confluent_kafka.Producer({"bootstrap.servers": self.broker.bootstrap_servers})
        for i, value in enumerate(values):
            producer.produce(self.name, value, partition=i % 2, timestamp=NOON + 10 * i)
        assert producer.flush(30) == 0

    def request(self, version: str, drifted: tuple[int, int] = (150, 449)) -> RetrainRequest:
        zero, one = (Partition(self.name, number) for number in range(2))
        return RetrainRequest(
            model="digits",
            model_version=version,
            number=1,
            policy="suggest",
            episode="0123456789ab",
            reason="darker",
            timestamp=NOON + 9000,
            statistics=Statistics(9, 6, "larger", Estimate(2.0, 1.9, 2.1), 0.1, 0.2),
            drifted=Stretch({zero: drifted, one: (150, 448)}, DRIFTED, NOON + 3000, NOON + 8970),
            good=Stretch({zero: (0, 150), one: (0, 150)}, GOOD, NOON, NOON + 2990),
        )


def run(
    log: Log, folder: Path, bundle: Path, request: RetrainRequest | None, *more: str
) -> tuple[int, dict[str, Any]]:
    """Exit code and report."""
    config = folder / "aead-monitor.yaml"
    kafka = {"bootstrap_servers": log.broker.bootstrap_servers, "topic": log.name}
    settings = {"model": str(bundle), "kafka": kafka, "codec": {"name": "raw"}, "device": "cpu"}
    config.write_text(yaml.safe_dump(settings))
    arguments = ["retrain", "--config", str(config), "--out", str(folder / "out"), *more]
    if request is not None:
        (folder / "request.json").write_text(json.dumps(to_json(request)))
        arguments += ["--request", str(folder / "request.json")]
    code = main(arguments)
    path = folder / "out" / "report.json"
    return code, json.loads(path.read_text()) if path.exists() else {}


@pytest.fixture
def log(broker: Broker, topic: TopicFactory) -> Log:
    made = Log(broker, topic(partitions=2, configs={"retention.ms": "-1"}))
    made.fill()
    return made


def test_a_request_alone_makes_a_candidate_and_disturbs_nobody(
    log: Log, digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = log.request(load(digits_bundle).version)
    code, report = run(log, tmp_path, digits_bundle, request, "--trim", "0")
    printed = capsys.readouterr().out
    assert (code, report["passed"]) == (0, True), report
    assert "takes 100% of the records of before the drift for anomalous" in printed
    assert printed.splitlines()[-2] == "passed: it may replace the current model"
    assert report["request"] == {"id": request.id, "model": "digits"}
    data = report["data"]["drifted"]
    assert (data["asked"], data["gone"], data["records"]) == (597, 0, 597)
    assert data["refused"] == {"tombstone": 1, "wrong_shape": 1}
    assert report["data"]["before"]["kept"] == GOOD
    candidate = load(tmp_path / "out" / "bundle")
    assert candidate.version == report["candidate"]["model_version"]
    assert request.id in candidate.metadata["data"]["source"]
    plots = {path.name for path in (tmp_path / "out" / "plots").iterdir()}
    assert plots == {"errors.png", "loss.png", "reconstructions.png"}
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.startswith(f"# Candidate {candidate.version} passed")
    assert f"`{log.name}/0:150-449`" in text
    admin = KafkaAdminClient(bootstrap_servers=log.broker.bootstrap_servers)
    assert not [group for group in admin.list_groups() if log.name in str(group)]
    admin.close()


def test_a_candidate_of_a_dead_sensor_is_refused_with_the_reason(
    broker: Broker,
    topic: TopicFactory,
    digits_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Half of it is dead; without a good stretch, from older records in a file."""
    images = digit_images()[1200:].copy()
    images[:, 4:] = 0
    log = Log(broker, topic())
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap_servers})
    for image in images:
        producer.produce(log.name, image.tobytes())
    assert producer.flush(30) == 0
    np.save(tmp_path / "old.npy", digit_images(200))
    more = ["--from-kafka", f"{log.name}/0:0-597", "--reference", str(tmp_path / "old.npy")]
    code, report = run(log, tmp_path, digits_bundle, None, *more, "--trim", "0", "--json")
    assert (code, report["passed"], report["request"]) == (3, False, None)
    assert json.loads(capsys.readouterr().out) == report
    refused = {g["name"]: g["reason"] for g in report["gates"] if g["outcome"] == "refused"}
    assert "pixels that used to vary are stuck" in refused["broken_input"]
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.splitlines()[0].endswith("refused")
    assert f"- {refused['broken_input']}" in text.splitlines()


def test_what_retention_took_is_said(
    log: Log, digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=log.broker.bootstrap_servers)
    deleted = {TopicPartition(log.name, 0): 440, TopicPartition(log.name, 1): 430}
    admin.delete_records(deleted)
    admin.close()
    code, report = run(log, tmp_path, digits_bundle, log.request(load(digits_bundle).version))
    assert (code, report) == (2, {})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("aead-monitor: 27 records are too few: with the newest 30% held out")
    assert "570 are gone (deleted by retention)" in line
    assert "retention.ms" in line
    assert not (tmp_path / "out").exists()


def test_old_records_that_are_gone_cannot_be_mixed_in(
    log: Log, digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=log.broker.bootstrap_servers)
    admin.delete_records({TopicPartition(log.name, number): 150 for number in range(2)})
    admin.close()
    request = log.request(load(digits_bundle).version)
    for asked in (request, replace(request, good=None)):
        code, _ = run(log, tmp_path, digits_bundle, asked, "--reference-share", "0.2")
        assert code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "Give" in line
        assert "--reference DATA" in line


def test_a_request_for_another_model_or_topic_is_refused_in_one_line(
    log: Log, digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(log, tmp_path, digits_bundle, log.request("f" * 16))
    assert code == 2
    assert "the request is for ffffffffffffffff" in capsys.readouterr().err
    code, _ = run(log, tmp_path, digits_bundle, None, "--from-kafka", f"{log.name}/7:0-900")
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{log.name}/7 does not exist" in line


def read(
    broker: Broker, name: str, wanted: tuple[int, int], most: int = 100_000
) -> tuple[list[int], reading.Account]:
    connection = Connection(broker.bootstrap_servers)
    limits = reading.Limits(most, (1,))
    kafka = KafkaConfig(bootstrap_servers=broker.bootstrap_servers, topic=name)
    with opened(connection, kafka.isolation, kafka.fetch_max_bytes) as reader:
        account, runs = reading.plan(reader, {Partition(name, 0): wanted}, limits)
        stretch = reading.read(reader, account, runs, Whole(decode), limits)
    return [int(value) for value in stretch.rows[:, 0]], account


def test_holes_and_an_end_of_transactions_do_not_hold_the_reading_up(
    broker: Broker, topic: TopicFactory
) -> None:
    """Markers and aborted records are offsets without a message, at the end of the log too."""
    name = topic()
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": name}
    )
    producer.init_transactions()
    ends = (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction)
    for number, end in enumerate(ends):
        producer.begin_transaction()
        for i in range(10):
            producer.produce(name, str(100 * number + i).encode())
        producer.flush(30)
        end()
    values, account = read(broker, name, (0, 1000))
    assert values == [*range(10), *range(200, 210)]
    assert (account.chosen, account.missing, account.records) == (33, 967, 20)
    producer.begin_transaction()
    producer.produce(name, b"7")
    producer.flush()
    assert read(broker, name, (0, 1000))[0] == values
    assert read(broker, name, (33, 40))[0] == []
    producer.abort_transaction()


def test_a_long_stretch_is_read_in_pieces(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap_servers})
    for i in range(20_000):
        producer.produce(name, str(i).encode())
    assert producer.flush(30) == 0
    values, account = read(broker, name, (1000, 19_000), most=3000)
    assert account.chosen == account.records == len(values)
    assert 2000 < len(values) <= 3000
    assert len(set(values)) == len(values)
    assert min(np.histogram(values, bins=6, range=(1000, 19_000))[0]) > 200
