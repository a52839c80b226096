"""How long a record takes from its producer to the consumers of anomalies, at half load.

Half load is half of what the same daemon did at full speed just before. A bare client and the
daemon take turns under that load; all clocks are of one machine. Of every record, or of every
anomalous one:

    polled      from its producer's timestamp until a bare client, as the daemon's, has it
    decided     from its producer's timestamp to that of its anomaly, when the daemon sends it
    arrived     from there until a bare consumer of the anomalies has it
    whole       decided and arrived together

What the daemon's stages took for one batch comes from its own histograms of the same time.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ConfluentPartition
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.bench import bare, producing
from benchmarks.bench.daemons import Subject, Topic, subject
from benchmarks.bench.end_to_end import known_clients
from benchmarks.bench.kinds import vector
from benchmarks.bench.lines import Cell, Result, Table
from benchmarks.bench.running import Run

TITLE = "from append to the published anomaly, at half load"
FEATURES, PARTITIONS = 16, 4
RECORDS = 102_400
TURNS = 2
SECONDS, SHORT_SECONDS = 12.0, 4.0
BEGIN_SECONDS = 1.0
"""Of each turn that is left out: the load begins."""
STAGES = ("decode", "score", "judge", "publish", "commit")
SAMPLES = {"aead_monitor_stage_seconds_count": 0, "aead_monitor_stage_seconds_sum": 1}
WAYS = ("polled", "decided", "arrived", "whole")
HEADER = ("way", "records", "p50, ms", "p90, ms", "p99, ms", "largest, ms", "p50 / polled")
STAGE_HEADER = ("stage", "batches", "mean, ms a batch")
Milliseconds = list[float]


def run(run: Run) -> Result:
    """Two tables for each client of the daemon."""
    result = Result()
    for number, client in enumerate(run.each(known_clients(), str)):
        result.tables += measure(client, run, run.fresh_folder(f"latency-{number}"))
    return result


def measure(client: str, run: Run, folder: Path) -> list[Table]:
    """Turns of a bare client and the daemon under half of the daemon's full load."""
    kind, records = vector(FEATURES), run.records(RECORDS)
    topic = Topic(run.broker.bootstrap_servers, kind, PARTITIONS)
    topic.fill(records)
    settings = {"kafka": {"client": client}} if len(known_clients()) > 1 else {}
    found: dict[str, Milliseconds] = {way: [] for way in WAYS}
    stages = dict.fromkeys(STAGES, np.zeros(2))
    with subject(topic, kind, folder, settings) as daemon:
        topic.fill(records)
        load = Load(topic, 0.5e6 / daemon.work_off(records).wall, run)
        for _ in range(TURNS):
            found["polled"] += POLLED[client](load)
            before = caught_up(daemon)
            for way, values in of_anomalies(load).items():
                found[way] += values
            for stage, sums in caught_up(daemon).items():
                stages[stage] = stages[stage] + sums - before[stage]
            daemon.hold()
    name = f"{client}, {load.rate:,.0f} records/s"
    return [ways_table(name, found), stage_table(name, stages)]


class Load:
    """Records appended evenly in time, by a process of its own."""

    def __init__(self, topic: Topic, rate: float, run: Run) -> None:
        self.topic, self.rate = topic, rate
        self._seconds = SHORT_SECONDS if run.short else SECONDS

    def watch(self, poll: Callable[[], Milliseconds]) -> Milliseconds:
        """What `poll` gives while records come; the beginning is left out."""
        topic, found = self.topic, []
        words = (topic.servers, topic.name, topic.partitions, self.rate, self._seconds, FEATURES)
        with producing.start(*words) as process:
            while not poll():
                if process.poll() is not None:
                    raise RuntimeError("the load ended before anything came of it")
            begin = time.monotonic() + BEGIN_SECONDS
            while process.poll() is None:
                came = poll()
                found += came if time.monotonic() > begin else []
            topic.sent += int(process.communicate()[0])
        return found


def caught_up(daemon: Subject) -> dict[str, NDArray[np.float64]]:
    """Let the daemon run and decide on all that is there; sums of its stages."""
    daemon.go_on()
    daemon.wait_for_all()
    return stage_sums(daemon.url)


def with_kafka_python(load: Load) -> Milliseconds:
    """Ages of the records when kafka-python's `poll` gives them."""
    topic = load.topic
    with closing(
        bare.kafka_python_consumer(topic.servers, topic.name, ends_of(topic.servers, topic.name))
    ) as consumer:

        def poll() -> Milliseconds:
            answer = consumer.poll(100, max_records=bare.BATCH)
            now = 1000 * time.time()
            return [now - m.timestamp for messages in answer.values() for m in messages]

        return load.watch(poll)


def with_confluent(load: Load) -> Milliseconds:
    """Ages of the records when librdkafka's `consume` gives them."""
    topic = load.topic
    made = bare.confluent_consumer(topic.servers, topic.name, ends_of(topic.servers, topic.name))
    with closing(made) as consumer:

        def poll() -> Milliseconds:
            messages = arrivals(consumer)
            now = 1000 * time.time()
            return [now - m.timestamp()[1] for m in messages if m.error() is None]

        return load.watch(poll)


def arrivals(consumer: Consumer) -> list[Any]:
    """What is there, as soon as anything is: `consume` itself waits for as many as it may take."""
    found: list[Any] = consumer.consume(1, 0.1) + consumer.consume(bare.BATCH, 0.0)
    return found


POLLED = {"kafka-python": with_kafka_python, "confluent": with_confluent}


def of_anomalies(load: Load) -> dict[str, Milliseconds]:
    """Times of the anomalies that come while the daemon runs."""
    topic = f"{load.topic.name}.anomalies"
    found: dict[str, Milliseconds] = {way: [] for way in WAYS[1:]}
    servers = load.topic.servers
    with closing(bare.confluent_consumer(servers, topic, ends_of(servers, topic))) as consumer:

        def poll() -> Milliseconds:
            messages = arrivals(consumer)
            now = 1000 * time.time()
            for message in messages:
                came, sent = appended(message.value()), message.timestamp()[1]
                for way, value in zip(WAYS[1:], (sent - came, now - sent, now - came), strict=True):
                    found[way].append(value)
            return [now for message in messages]

        kept = len(load.watch(poll))
    return {way: values[-kept:] for way, values in found.items()}


def ends_of(servers: str, topic: str) -> dict[int, int]:
    """Where each partition of a topic ends now."""
    with closing(bare.confluent_consumer(servers, topic, {})) as consumer:
        known = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        marks = {p: consumer.get_watermark_offsets(ConfluentPartition(topic, p)) for p in known}
    return {partition: mark[1] for partition, mark in marks.items()}


def appended(anomaly: bytes) -> float:
    """When the record of an anomaly was made, in milliseconds."""
    return 1000 * datetime.fromisoformat(json.loads(anomaly)["timestamp"]).timestamp()


def stage_sums(url: str) -> dict[str, NDArray[np.float64]]:
    """Batches and seconds of each stage so far, (2,)."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    sums = {stage: np.zeros(2) for stage in STAGES}
    for sample in (sample for family in families for sample in family.samples):
        place = SAMPLES.get(sample.name)
        if place is not None and sample.labels["stage"] in sums:
            sums[sample.labels["stage"]][place] = sample.value
    return sums


def ways_table(name: str, found: dict[str, Milliseconds]) -> Table:
    """Quantiles of each way."""
    polled = float(np.median(found["polled"]))
    rows: list[tuple[Cell, ...]] = []
    for way, values in found.items():
        quantiles = [float(q) for q in np.quantile(values, (0.5, 0.9, 0.99, 1.0))]
        rows.append((way, len(values), *quantiles, quantiles[0] / polled))
    return Table(name, HEADER, rows)


def stage_table(name: str, stages: dict[str, NDArray[np.float64]]) -> Table:
    """Mean of each stage."""
    rows = [(s, int(n), float(1000 * seconds / max(n, 1))) for s, (n, seconds) in stages.items()]
    return Table(f"{name}, stages of the daemon", STAGE_HEADER, rows)
