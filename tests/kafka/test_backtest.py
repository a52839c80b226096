"""What the daemon publishes of a topic is what `replay` says of the same records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from monitor.demo.daemon_process import DaemonProcess
from monitor.drift.simulation import START
from monitor.stream.json_values import isoformat
from tests import product
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.cli import aead_monitor, total, wait_for_status
from tests.kafka.topics import TopicFactory
from tests.monitor.backtest.streams import RATE, drifting, lines_of, rows, table_of_lines, valid


def settings_of(
    plant: Path, broker: Broker, name: str, folder: Path, **drift: Any
) -> dict[str, Any]:
    # Read at once, all records come within seconds: neither guard nor cooldown may wait for time.
    timing = {"guard_seconds": 0, "cooldown_seconds": 0}
    return {
        "model": str(plant),
        "device": "cpu",
        "kafka": {"bootstrap_servers": broker.bootstrap_servers, "topic": name, "group": name},
        "codec": {"name": "raw"},
        "drift": {"false_alarms": "1 per 1e6 records", **timing, **drift},
        "state": {"directory": str(folder / "state"), "snapshot_seconds": 0.3},
    }


def sent(
    broker: Broker, topic: str, values: Sequence[bytes | None], partitions: int = 1,
    keys: Sequence[bytes] = (),
) -> None:  # fmt: skip
    """Send records, dealt out to the partitions in turn, and stamped at RATE."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)
    for i, value in enumerate(values):
        stamp = START + 1000 * i // RATE
        key = b"tombstone" if value is None else keys[i] if keys else None
        producer.send(topic, value=value, key=key, partition=i % partitions, timestamp_ms=stamp)
    producer.flush(60)
    producer.close()


def watched(folder: Path, settings: dict[str, Any], count: int) -> None:
    """Let the daemon read so many records."""
    daemon = DaemonProcess(folder, settings, launch=product.launch)
    wait_for_status(daemon, lambda status: total(status, "consumed") == count)
    assert daemon.stop() == 0, daemon.log.read_text()


def replayed(folder: Path, settings: dict[str, Any], *words: str | Path) -> tuple[Any, str]:
    """What `replay` wrote, and printed."""
    config, out = folder / "replay.yaml", folder / "out"
    config.write_text(yaml.safe_dump(settings))
    printed = aead_monitor("replay", "--config", config, *words, "--out", out)
    return valid(json.loads((out / "replay.json").read_text())), printed


def as_published(found: Any) -> list[bytes]:
    return [json.dumps(each, separators=(",", ":")).encode() for each in found["alerts"]]


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_the_alerts_of_a_topic_are_those_of_its_replay_byte_by_byte(
    channels: str, plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name, values = topic(), drifting()
    settings = settings_of(plant, broker, name, tmp_path, channels=channels)
    sent(broker, name, [row.tobytes() for row in values])
    watched(tmp_path, settings, len(values))
    published = [m.value for m in kafkacat.consume(broker.bootstrap_servers, f"{name}.alerts")]
    assert [json.loads(value or b"")["event"] for value in published][:3] == [
        "firing", "resolved", "firing",
    ]  # fmt: skip

    np.save(tmp_path / "plant.npy", values)
    found, printed = replayed(
        tmp_path, settings, "--data", tmp_path / "plant.npy", "--rate", str(RATE)
    )
    assert published == as_published(found)
    assert "alarms       2, " in printed
    again, printed = replayed(tmp_path, settings, "--topic")
    assert published == as_published(again)
    assert "alarms       2, " in printed
    same = ("state_changes", "episodes", "retraining_requests", "rows", "anomalous_rows")
    assert {key: again[key] for key in same} == {key: found[key] for key in same}


def test_the_alerts_of_segments_are_those_of_a_replay_byte_by_byte(
    plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name, (values, lines) = topic(), lines_of()
    settings = {**settings_of(plant, broker, name, tmp_path), "segments": {"by": "key"}}
    sent(broker, name, [row.tobytes() for row in values], keys=[line.encode() for line in lines])
    watched(tmp_path, settings, len(values))
    published = [
        m.value or b"" for m in kafkacat.consume(broker.bootstrap_servers, f"{name}.alerts")
    ]
    found, _ = replayed(tmp_path, settings, "--topic")
    # The daemon has not yet judged what waits for more rows when it stops.
    assert set(published) <= set(as_published(found))
    told = {(body.get("segment"), body["event"]) for body in map(json.loads, published)}
    assert told >= {("line-3", "firing"), ("line-4", "silent")}
    data = table_of_lines(tmp_path / "lines.csv", values, lines)
    words = ["--data", data, "--rate", str(RATE), "--segment-column", "line"]
    again, _ = replayed(tmp_path, settings, *words)
    assert again["alerts"] == found["alerts"]
    assert {**again["segments"], "column": None} == found["segments"]


def test_what_the_codec_refuses_is_a_dead_letter_as_the_daemons_are(
    plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    values: list[bytes | None] = [row.tobytes() for row in drifting(9000)]
    for i in range(100, 9000, 1000):
        values[i : i + 3] = [b"torn", None, np.full(3, np.inf).tobytes()]
    settings = settings_of(plant, broker, name, tmp_path)
    sent(broker, name, values)
    watched(tmp_path, settings, len(values))
    servers = broker.bootstrap_servers
    alerts = [m.value for m in kafkacat.consume(servers, f"{name}.alerts")]
    letters = [dict(m.headers) for m in kafkacat.consume(servers, f"{name}.dead-letters")]
    assert len(alerts) >= 1

    admin = KafkaAdminClient(bootstrap_servers=servers)
    groups = admin.list_groups()
    committed = committed_of(admin, name)
    found, printed = replayed(tmp_path, settings, "--topic", name)
    assert as_published(found) == alerts
    assert found["dead_letters"] == len(letters) == 27
    reasons = [header["aead.reason"].decode() for header in letters]
    assert found["dead_letter_reasons"] == {each: reasons.count(each) for each in reasons}
    told = [(each["offset"], each["reason"]) for each in found["first_dead_letters"]]
    assert told == [
        (int(h["aead.offset"]), h["aead.reason"].decode()) for h in letters[: len(told)]
    ]
    assert f"{name}/0, offset 100: {told[0][1]}: " in printed
    assert admin.list_groups() == groups
    assert committed_of(admin, name) == committed
    admin.close()


def committed_of(admin: KafkaAdminClient, group: str) -> Any:
    """What a group has committed."""
    return admin.list_group_offsets({group: None})


def test_a_stretch_of_time_of_several_partitions_and_what_was_deleted(
    plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name, count = topic(partitions=3), 6000
    sent(broker, name, [row.tobytes() for row in rows(2, count)], partitions=3)
    settings = settings_of(plant, broker, name, tmp_path)
    whole, _ = replayed(tmp_path, settings, "--topic")
    assert whole["records"] == whole["rows"] == count
    assert whole["time"]["seconds"] == pytest.approx((count - 1) / RATE, abs=0.03)
    assert [each["deleted_before"] for each in whole["topic"]["partitions"]] == [0, 0, 0]

    begin, end = (isoformat(START + 1000 * i // RATE) for i in (1500, 4500))
    part, printed = replayed(tmp_path, settings, "--topic", name, "--from", begin, "--to", end)
    assert part["records"] == 3000
    assert (part["time"]["first"], part["topic"]["from"]) == (begin, begin)
    assert [(p["first"], p["next"]) for p in part["topic"]["partitions"]] == [(500, 1500)] * 3
    assert f"topic {name} from {begin} to {end}" in printed

    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    admin.delete_records({TopicPartition(name, 0): 700})
    admin.close()
    left, printed = replayed(tmp_path, settings, "--topic", name, "--from", begin)
    assert left["records"] == 1300 + 1500 + 1500
    assert [p["deleted_before"] for p in left["topic"]["partitions"]] == [700, 0, 0]
    assert "700 offsets before the first record were deleted by now" in printed


def test_no_topic_and_no_records_are_told_in_one_line(
    plant: Path, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    config = tmp_path / "replay.yaml"
    config.write_text(yaml.safe_dump(settings_of(plant, broker, name, tmp_path)))
    for words, said in (
        (["--topic", "no-such-topic"], "topic no-such-topic does not exist"),
        (["--topic"], "there are no records. Look at --from and --to"),
        (["--topic", "--from", "yesterday"], "--from: 'yesterday' is no time"),
    ):
        done = product.run("replay", "--config", config, *words)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
