"""The whole daemon against the parts that it cannot do without.

A real daemon works off a topic of a real Apache Kafka, with one thread for scoring. The bound is
the sum of two bare parts of the same run: the client in a loop over the same records with the
daemon's settings for fetching, and the network on tensors that are ready, at the daemon's batch
size; for pictures also Pillow. A bare parser of JSON stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from benchmarks.bench import bare
from benchmarks.bench.daemons import Topic, resident, subject
from benchmarks.bench.kinds import (
    DIGIT,
    JSON,
    PICTURE_96,
    PNG,
    PNG_CONVOLUTIONAL,
    Kind,
    vector,
)
from benchmarks.bench.lines import Line, Result
from benchmarks.bench.measuring import Cost, Work, cost
from benchmarks.bench.running import Run
from monitor.config.kafka import KafkaConfig

TITLE = "a real daemon on a real broker, against client and network alone"
TURNS = 3
FORWARD_SECONDS = 0.4
WARM_UP_RECORDS = 20_480
MIB = 2**20


@dataclass(frozen=True)
class Case:
    """Records, how many a turn, over how many partitions, read by which client."""

    kind: Kind
    records: int
    partitions: int = 4
    client: str = "kafka-python"

    def __str__(self) -> str:
        return f"{self.kind.name}, {_counted(self.partitions)}, {self.client}"


VECTOR = vector(16)
KINDS = (
    Case(VECTOR, 204_800),
    Case(vector(64), 204_800),
    Case(vector(784), 51_200),
    Case(DIGIT, 102_400),
    Case(JSON, 102_400),
    Case(PNG, 51_200),
    Case(PNG_CONVOLUTIONAL, 25_600),
)
LARGE = Case(PICTURE_96, 2_560)
PARTITIONS = tuple(Case(VECTOR, 204_800, count) for count in (1, 16, 64, 256))


SHORT = (KINDS[0], replace(KINDS[0], client="confluent"), Case(PNG, 51_200))


def cases() -> Iterator[Case]:
    """All, with each client that the daemon has; pictures cost the same with any."""
    yield from (*KINDS, LARGE, *PARTITIONS)
    others = [case for case in KINDS if case.kind.codec != "image"]
    for client, case in product(known_clients()[1:], others):
        yield replace(case, client=client)


def known_clients() -> list[str]:
    """Of `kafka.client`: kafka-python alone where there is no such key."""
    if "client" not in KafkaConfig.model_fields:
        return ["kafka-python"]
    return list(bare.CLIENTS)


def run(run: Run) -> Result:
    """A line for each case."""
    result = Result()
    for client in sorted(set(bare.CLIENTS) - set(known_clients())):
        result.skipped.append(f"{client}, since this version has no `kafka.client`")
    chosen = [*SHORT] if run.short else list(cases())
    for number, case in enumerate(run.each(chosen, str)):
        result.lines.append(measure(case, run, f"end-to-end-{number}"))
    return result


def measure(case: Case, run: Run, name: str) -> Line:
    """Turns of the bare parts and the daemon over the same records."""
    records, folder = run.records(case.records), run.fresh_folder(name)
    topic = Topic(run.broker.bootstrap_servers, case.kind, case.partitions)
    topic.fill(run.records(WARM_UP_RECORDS))
    parts: dict[str, list[Cost]] = {}
    ours: list[Cost] = []
    works = beside_the_client(case.kind)
    with subject(topic, case.kind, folder, settings_of(case)) as daemon:
        for _ in range(2 if run.short else TURNS):
            topic.fill(records)
            parts.setdefault(case.client, []).append(client(case.client, topic, records))
            for part, work in works.items():
                parts.setdefault(part, []).append(cost(work, FORWARD_SECONDS))
            ours.append(daemon.work_off(records))
        notes = {"MiB": round(resident(daemon.pid, largest=True) / MIB)}
    beside = {part: parts.pop(part) for part in list(parts) if part in BESIDE}
    return Line(str(case), ours, parts, beside, {**notes, "bytes": _size(topic)})


BESIDE = ("json.loads", "orjson", "msgspec")
"""Parsers that are no part of the bound: which one a daemon needs depends on what it checks."""


def beside_the_client(kind: Kind) -> dict[str, Work]:
    """The bare parts of this process, but for the client. Raw numbers need no parser."""
    works = {"forward": bare.forward(kind)}
    if kind.codec != "raw":
        payloads = kind.payloads(bare.BATCH)
        works |= {name: bare.parsing(p, payloads) for name, p in bare.parsers(kind).items()}
    for work in works.values():
        work()
    return works


def client(name: str, topic: Topic, records: int) -> Cost:
    """Cost of a bare client, which reads the newest records."""
    return bare.CLIENTS[name](topic.servers, topic.name, topic.starts(records), records)


def settings_of(case: Case) -> dict[str, object]:
    """What the daemon is told, beside records and model."""
    return {"kafka": {"client": case.client}} if len(known_clients()) > 1 else {}


def _size(topic: Topic) -> int:
    return sum(map(len, topic.payloads)) // len(topic.payloads)


def _counted(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
