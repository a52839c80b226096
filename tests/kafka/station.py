"""A topic with dead letters, and `aead-monitor dead-letters` for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka import KafkaProducer

from monitor.cli import main
from monitor.pipeline.events import dead_letter_event
from monitor.stream.records import DeadLetter, Record
from tests.kafka import kafkacat

NOON = 1_772_366_400_000
"""2026-03-01T12:00:00Z."""


@dataclass
class Said:
    """What a command printed."""

    code: int
    out: list[str]
    errors: list[str]


class Station:
    """A topic, a configuration for it, and the command."""

    def __init__(
        self, servers: str, folder: Path, topic: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.servers = servers
        self.folder = folder
        self.topic = topic
        self.dead = f"{topic}.dead-letters"
        self.kafka = {"bootstrap_servers": servers, "topic": topic, "group": topic}
        self.settings: dict[str, Any] = {
            "model": "model",
            "kafka": self.kafka,
            "codec": {"name": "raw"},
        }
        self._capsys = capsys

    def run(self, action: str, *options: str) -> Said:
        config = self.folder / "station.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        self._capsys.readouterr()
        code = main(["dead-letters", action, "--config", str(config), *options])
        captured = self._capsys.readouterr()
        return Said(code, captured.out.splitlines(), captured.err.splitlines())

    def say(self, *arguments: str) -> list[str]:
        """The lines of a command that must succeed and say nothing else."""
        said = self.run(*arguments)
        assert (said.code, said.errors) == (0, []), said
        return said.out

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        said = self.run("list", "--json", *arguments)
        assert said.code == 0, said
        return [json.loads(line) for line in said.out]

    def sent(self) -> list[kafkacat.Message]:
        return kafkacat.consume(self.servers, self.topic)

    def bury(
        self,
        records: Iterable[Record],
        reason: str = "undecodable",
        partition: int = 0,
        **own: bytes,
    ) -> None:
        """Write dead letters as the daemon does, each a second after the one before."""
        more = [(f"aead.{name}", value) for name, value in own.items()]
        producer = KafkaProducer(bootstrap_servers=self.servers, acks="all")
        for i, record in enumerate(records):
            event = dead_letter_event(DeadLetter(record, reason, "bad"))
            headers, time = [*event.headers, *more], NOON + 1000 * i
            producer.send(self.dead, event.value, event.key, headers, partition, time)
        producer.flush(30)
        producer.close()


def records(topic: str, count: int, start: int = 0) -> list[Record]:
    """Records of partition 1 that were never sent there."""
    return [
        Record(topic, 1, i, NOON - 5000 + i, b"key-%d" % i, b"value-%d" % i, (("a", b"%d" % i),))
        for i in range(start, start + count)
    ]


def send_all(station: Station, values: list[bytes | None]) -> None:
    """Number i to offset i // 2 of partition i % 2."""
    producer = KafkaProducer(bootstrap_servers=station.servers)
    for i, value in enumerate(values):
        producer.send(station.topic, value, b"k%d" % i, [("camera", b"%d" % i)], i % 2, NOON + i)
    producer.flush(30)
    producer.close()
