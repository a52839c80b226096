"""The bare parts: what no daemon can do without, and nothing around it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import msgpack
import numpy as np
import torch
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ConfluentPartition
from kafka import KafkaConsumer, TopicPartition
from PIL import Image

from benchmarks.bench.kinds import Kind
from benchmarks.bench.measuring import Cost, Work, cost
from monitor.config import BatchConfig
from monitor.stream.kafka_options import Connection
from monitor.stream.sources.confluent.settings import consumer_settings
from monitor.stream.sources.subscription import Subscription, consumer_options

BATCH = BatchConfig().max_records
"""Of the daemon, and so of the bare forward pass and the bare clients."""
ARRAYS = 4
"""Different inputs in turn: one alone would stay in the caches."""
LONGEST_SILENCE = 60
"""Polls of half a second without a record after which reading is given up."""
GROUP_OPTIONS = {
    "group_id": None, "group_instance_id": None, "partition_assignment_strategy": None,
    "session_timeout_ms": None, "heartbeat_interval_ms": None, "max_poll_interval_ms": None,
}  # fmt: skip
NOT_BARE = ("logger", "statistics.interval.ms")
"""What the daemon adds for itself; the rest is as it has it."""
Read = Callable[[str, str, Mapping[int, int], int], Cost]
"""Reads so many records of a topic, from an offset of each partition on. Making the consumer and
closing it is not counted."""


def forward(kind: Kind, rows: int = BATCH) -> Work:
    """The network on tensors that are ready, so many rows a call."""
    network, inputs = kind.network(), cycle(torch.split(kind.prepared(ARRAYS * rows), rows))

    @torch.inference_mode()
    def call() -> int:
        network(next(inputs))
        return rows

    return call


def kafka_python_consumer(servers: str, topic: str, starts: Mapping[int, int]) -> KafkaConsumer:
    """A consumer with the daemon's settings for fetching and no group, on these offsets."""
    options = consumer_options(
        Connection(servers), Subscription(topic, "none"), list, lambda given: None
    )
    kept = {name: value for name, value in options.items() if name not in GROUP_OPTIONS}
    consumer = KafkaConsumer(**kept)
    consumer.assign([TopicPartition(topic, number) for number in starts])
    for number, offset in starts.items():
        consumer.seek(TopicPartition(topic, number), offset)
    return consumer


def confluent_consumer(servers: str, topic: str, starts: Mapping[int, int]) -> Consumer:
    """The same of librdkafka."""
    settings = consumer_settings(Connection(servers), Subscription(topic, "none"))
    kept = {name: value for name, value in settings.items() if name not in NOT_BARE}
    consumer = Consumer({**kept, "enable.partition.eof": False, "log_level": 0})
    consumer.assign([ConfluentPartition(topic, *start) for start in starts.items()])
    return consumer


def kafka_python(servers: str, topic: str, starts: Mapping[int, int], records: int) -> Cost:
    """kafka-python's `poll` in a loop."""
    with closing(kafka_python_consumer(servers, topic, starts)) as consumer:

        def poll() -> int:
            answer = consumer.poll(500, max_records=BATCH)
            return sum(map(len, answer.values()))

        return cost(lambda: _until(records, poll))


def confluent(servers: str, topic: str, starts: Mapping[int, int], records: int) -> Cost:
    """librdkafka's `consume` in a loop, each value taken."""
    with closing(confluent_consumer(servers, topic, starts)) as consumer:

        def poll() -> int:
            return len([message.value() for message in consumer.consume(BATCH, 0.5)])

        return cost(lambda: _until(records, poll))


CLIENTS: dict[str, Read] = {"kafka-python": kafka_python, "confluent": confluent}


def _until(records: int, poll: Callable[[], int]) -> int:
    """Poll until so many records came; a poll may bring more than were asked for."""
    done = silent = 0
    while done < records:
        came = poll()
        done += came
        silent = 0 if came else silent + 1
        if silent > LONGEST_SILENCE:
            raise RuntimeError(f"nothing more came after {done:,} of {records:,} records")
    return done


Parse = Callable[[Sequence[bytes]], Any]


def parsers(kind: Kind) -> dict[str, Parse]:
    """Bare parsers of a kind's payloads, the usual one first: payloads to an array of rows."""
    if kind.codec == "raw":
        return {"np.frombuffer": lambda payloads: _frombuffer(kind, payloads)}
    if kind.codec == "image":
        return {"Pillow": lambda payloads: np.stack([_picture(payload) for payload in payloads])}
    if kind.codec == "npy":
        return {"np.load": lambda payloads: np.stack([_loaded(payload) for payload in payloads])}
    if kind.codec == "msgpack":
        return {"msgpack": lambda payloads: _listed(msgpack.unpackb, payloads)}
    found: dict[str, Parse] = {"json.loads": lambda payloads: _listed(json.loads, payloads)}
    if find_spec("orjson"):
        import orjson

        found["orjson"] = lambda payloads: _listed(orjson.loads, payloads)
    if find_spec("msgspec"):
        import msgspec

        decode = msgspec.json.Decoder(list[float]).decode
        found["msgspec"] = lambda payloads: _listed(decode, payloads)
    return found


def parsing(parse: Parse, payloads: Sequence[bytes]) -> Work:
    """The same payloads once more at each call."""

    def call() -> int:
        return len(parse(payloads))

    return call


def _frombuffer(kind: Kind, payloads: Sequence[bytes]) -> Any:
    return np.frombuffer(b"".join(payloads), kind.dtype).reshape(-1, *kind.shape)


def _picture(payload: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(payload)))


def _loaded(payload: bytes) -> Any:
    return np.load(io.BytesIO(payload), allow_pickle=False)


def _listed(decode: Callable[[bytes], Any], payloads: Sequence[bytes]) -> Any:
    return np.array([decode(payload) for payload in payloads], np.float64)
