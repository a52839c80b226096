"""The records of the test: numbered, each either normal, anomalous or bad, by its number alone."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from confluent_kafka import KafkaError, Message, Producer
from kafka import KafkaConsumer, TopicPartition
from numpy.typing import NDArray

from models.bundle import Bundle, load
from models.recipe import train
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer
from tests.kafka.topics import until_decided

FEATURES = 8
BAD_EVERY = 100
ANOMALOUS_EVERY = 250
TRAINING = 10**9
"""Numbers from here on are for training."""


def vector(number: int) -> NDArray[np.float32]:
    """The features of a record; one in `ANOMALOUS_EVERY` is far from all others."""
    rng = np.random.default_rng(number)
    values = rng.normal(size=FEATURES).astype(np.float32)
    return values * 40 if number % ANOMALOUS_EVERY == 3 else values


def payload(number: int) -> bytes:
    """The record's bytes: the features, or too few of them for one in `BAD_EVERY`."""
    data = vector(number).tobytes()
    return data[:-3] if is_bad(number) else data


def is_bad(number: int) -> bool:
    """True for the records that nobody can score."""
    return number % BAD_EVERY == 50


def make_bundle(folder: Path) -> Bundle:
    """A small model of the normal records."""
    numbers = (n for n in range(TRAINING, TRAINING + 3100) if n % ANOMALOUS_EVERY != 3)
    train(
        np.stack([vector(number) for number in numbers]),
        folder,
        TrainingSettings(architecture="dense", epochs=2, device="cpu"),
    )
    return load(folder)


Clock = Callable[[float], int]
"""From seconds since the epoch to what a producer writes as milliseconds."""
CLOCKS: dict[str, Clock] = {
    "right": lambda now: int(1000 * now),
    "a day late": lambda now: int(1000 * (now - 86_400)),
    "a year ahead": lambda now: int(1000 * (now + 365 * 86_400)),
    "begun at 1970": lambda now: int(1000 * (now % 86_400)),
    "in seconds": lambda now: int(now),
    "in microseconds": lambda now: int(1_000_000 * now),
    "to and fro": lambda now: int(1000 * (now + 3600 * (int(now) % 2))),
}


class Feeder:
    """Sends the records, each at least once whatever happens to brokers. first: the first one.
    last: how many there are in the end.

    A broker that restarts forgets a producer whose records say that they are old, and takes again
    what it sends again.
    """

    def __init__(
        self, servers: str, topic: str, partitions: int, last: int, first: int = 0
    ) -> None:
        self._topic, self._partitions = topic, partitions
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 300_000,
                # The brokers may be behind other addresses by now.
                "metadata.recovery.strategy": "rebootstrap",
                "metadata.recovery.rebootstrap.trigger.ms": 5000,
                "log_level": 0,
            }
        )
        self.sent = first
        self._last = last
        self._refused: list[str] = []
        self._clocks: list[Clock] = [CLOCKS["right"]] * partitions

    def turn_clocks(self, rng: random.Random) -> str:
        """Set the clock of each partition's producer anew; what they are."""
        names = [rng.choice(list(CLOCKS)) for _ in range(self._partitions)]
        self._clocks = [CLOCKS[name] for name in names]
        return ", ".join(names)

    def send(self, count: int) -> None:
        """Send the next so many records, as far as there are so many."""
        until = max(self.sent, min(self.sent + count, self._last))
        for number in range(self.sent, until):
            while True:
                try:
                    self._producer.produce(
                        self._topic,
                        key=b"%d" % number,
                        value=payload(number),
                        partition=number % self._partitions,
                        on_delivery=self._told,
                        timestamp=self._clocks[number % self._partitions](time.time()),
                    )
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        self.sent = until

    def finish(self) -> None:
        """Wait until all have arrived."""
        left = self._producer.flush(120)
        assert left == 0, f"{left} records were not taken"
        assert not self._refused, f"{len(self._refused)} were refused: {self._refused[0]}"

    def _told(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused.append(str(error))


@dataclass
class Truth:
    """What stands in the topic, by address topic/partition/offset. numbers: of the records."""

    good: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    anomalous: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)

    def by_partition(self, addresses: set[str]) -> dict[str, int]:
        """How many of some addresses lie in each partition."""
        counts: dict[str, int] = {}
        for address in addresses:
            partition = address.rsplit("/", 1)[0]
            counts[partition] = counts.get(partition, 0) + 1
        return counts


def truth(servers: str, topic: str, partitions: int, bundle: Bundle) -> Truth:
    """Read the whole topic with a plain consumer, and score it at once."""
    found, numbers, addresses = Truth(), [], []
    for partition, offset, key, _ in read_all(servers, topic, partitions):
        number, address = int(key), f"{topic}/{partition}/{offset}"
        found.numbers.add(number)
        (found.bad if is_bad(number) else found.good).add(address)
        if not is_bad(number):
            numbers.append(number)
            addresses.append(address)
    scores = Scorer(bundle, "cpu").score(np.stack([vector(n) for n in numbers]))
    found.anomalous = {a for a, odd in zip(addresses, scores.anomalous, strict=True) if odd}
    return found


def _name(key: bytes | None, headers: Iterable[tuple[str, bytes]]) -> bytes:
    return dict(headers).get("aead.address", key) or b""


def read_all(
    servers: str, topic: str, partitions: int, committed_only: bool = False
) -> Iterator[tuple[int, int, bytes, bytes | None]]:
    """Partition, offset, key and value of all there is in a topic now; a dead letter's key is the
    address that its headers tell.

    committed_only: waits for the end of a transaction that is open.
    """
    if committed_only:
        until_decided(servers, topic)
    consumer = KafkaConsumer(
        bootstrap_servers=servers.split(","),
        group_id=None,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed_only else "read_uncommitted",
        allow_auto_create_topics=False,
    )
    places = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    try:
        while any(consumer.position(place) < ends[place] for place in places):
            for messages in consumer.poll(500, max_records=5000).values():
                for m in messages:
                    yield m.partition, m.offset, _name(m.key, m.headers), m.value
    finally:
        consumer.close()
