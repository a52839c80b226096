"""What kafka-python does with damaged batches: our source stands on this.

Seen with kafka-python 3.0.12. After an error `poll` must not be called again before the position
was moved with `seek`, or the partition taken away: it would spin for ever, whatever its timeout.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from gzip import BadGzipFile
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError
from snappy import UncompressError  # type: ignore[import-untyped]
from zstandard import ZstdError

from tests.kafka import corrupt, kafkacat
from tests.kafka.broker import Broker
from tests.kafka.topics import TopicFactory

pytestmark = pytest.mark.kafka

BATCHES = 4
BATCH = 10
FIRST, INSIDE, NEXT, END = 10, 15, 20, BATCHES * BATCH
"""The second batch is the damaged one."""
PACKAGES = {"snappy": "snappy", "lz4": "lz4.frame", "zstd": "zstandard"}
CODECS = ["none", "gzip", *PACKAGES]
GARBLED: dict[str, tuple[type[Exception], str]] = {
    "none": (CorruptRecordError, "Found invalid record structure"),
    "gzip": (BadGzipFile, "Not a gzipped file"),
    "snappy": (UncompressError, "^$"),
    "lz4": (RuntimeError, "LZ4F_getFrameInfo failed"),
    "zstd": (ZstdError, "zstd decompress error"),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with a topic for each kind of damage, and a sound one for each compression."""
    broker = Broker(tmp_path_factory.mktemp("damaged"))
    broker.start()
    for name in ("checksum", "codec"):
        fill(broker.bootstrap_servers, name, 2, None)
    for codec in CODECS:
        for name in (codec, f"garbled-{codec}"):
            fill(broker.bootstrap_servers, name, 1, None if codec == "none" else codec)
    broker.stop()
    hit = (FIRST, NEXT)
    assert corrupt.break_checksum(broker, "checksum", 0, INSIDE) == hit
    assert corrupt.set_unknown_codec(broker, "codec", 0, INSIDE) == hit
    for codec in CODECS:
        assert corrupt.garble_records(broker, f"garbled-{codec}", 0, INSIDE) == hit
    broker.start()
    yield broker
    broker.kill()


def fill(servers: str, topic: str, partitions: int, codec: str | None) -> None:
    """Batches of ten records each: a flush ends a batch, and nothing else does here."""
    TopicFactory(servers).create(topic, partitions)
    producer = KafkaProducer(
        bootstrap_servers=servers, linger_ms=60_000, batch_size=2**20, compression_type=codec
    )
    for start in range(0, END, BATCH):
        for number in range(start, start + BATCH):
            for partition in range(partitions):
                producer.send(topic, b"value-%d" % number, partition=partition)
        producer.flush(30)
    producer.close()


@pytest.fixture
def read(damaged: Broker) -> Iterator[Callable[[str], KafkaConsumer]]:
    """Makes a consumer of partition 0 of a topic, from an offset on."""
    made: list[KafkaConsumer] = []

    def begin(topic: str, offset: int = 0) -> KafkaConsumer:
        consumer = KafkaConsumer(
            bootstrap_servers=damaged.bootstrap_servers, enable_auto_commit=False
        )
        made.append(consumer)
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek(TopicPartition(topic, 0), offset)
        return consumer

    yield begin
    for consumer in made:
        consumer.close()


def offsets(consumer: KafkaConsumer, until: int) -> list[int]:
    """Offsets of the records up to one that must come."""
    found: list[int] = []
    while not found or found[-1] < until:
        polled = [m.offset for messages in consumer.poll(10_000).values() for m in messages]
        assert polled, f"nothing came after {found}"
        found += polled
    return found


@pytest.mark.parametrize(
    ("topic", "error", "text"),
    [
        (
            "checksum",
            CorruptRecordError,
            "[Error 2] CorruptRecordError: Record batch for partition"
            " TopicPartition(topic='checksum', partition=0) at offset 10 failed crc check",
        ),
        (
            "codec",
            UnsupportedCodecError,
            "UnsupportedCodecError: Unrecognized compression type: 6",
        ),
    ],
)
@pytest.mark.parametrize("start", [0, FIRST, INSIDE])
def test_poll_gives_what_was_before_then_raises_and_seek_goes_on(
    read: Callable[..., KafkaConsumer], topic: str, error: type[KafkaError], text: str, start: int
) -> None:
    consumer, partition = read(topic, start), TopicPartition(topic, 0)
    if start < FIRST:
        assert offsets(consumer, FIRST - 1) == list(range(start, FIRST))
    with pytest.raises(error) as caught:
        consumer.poll(10_000)
    assert str(caught.value) == text
    assert consumer.position(partition) == max(start, FIRST)
    consumer.seek(partition, NEXT)
    assert offsets(consumer, END - 1) == list(range(NEXT, END))


@pytest.mark.parametrize("topic", ["checksum", "codec"])
def test_seek_into_the_damaged_batch_raises_again(
    read: Callable[..., KafkaConsumer], topic: str
) -> None:
    consumer = read(topic, FIRST)
    for offset in (INSIDE, NEXT - 1, NEXT):
        with pytest.raises(KafkaError):
            consumer.poll(10_000)
        consumer.seek(TopicPartition(topic, 0), offset)
    assert offsets(consumer, END - 1) == list(range(NEXT, END))


def test_a_header_whose_name_is_not_text_makes_its_batch_unreadable(
    damaged: Broker, read: Callable[..., KafkaConsumer]
) -> None:
    servers, name = damaged.bootstrap_servers, TopicFactory(damaged.bootstrap_servers)()
    odd = b"a\xff".decode(errors="surrogateescape")
    kafkacat.produce(servers, name, [b"1", b"2"], partition=0, key="k", headers={odd: "1"})
    kafkacat.produce(servers, name, [b"3"], partition=0, key="k")
    consumer = read(name)
    for offset in (1, 2):
        with pytest.raises(CorruptRecordError, match="UnicodeDecodeError"):
            consumer.poll(10_000)
        consumer.seek(TopicPartition(name, 0), offset)
    assert offsets(consumer, 2) == [2]


@pytest.mark.parametrize("codec", CODECS)
def test_records_that_were_garbage_before_their_checksum_was_made(
    read: Callable[..., KafkaConsumer], codec: str
) -> None:
    error, text = GARBLED[codec]
    consumer, partition = read(f"garbled-{codec}", FIRST), TopicPartition(f"garbled-{codec}", 0)
    with pytest.raises(error, match=text):
        consumer.poll(10_000)
    consumer.seek(partition, NEXT)
    assert offsets(consumer, END - 1) == list(range(NEXT, END))


def test_the_other_partitions_lose_nothing(damaged: Broker) -> None:
    partitions = [TopicPartition("codec", number) for number in (0, 1)]
    consumer = KafkaConsumer(bootstrap_servers=damaged.bootstrap_servers, enable_auto_commit=False)
    consumer.assign(partitions)
    consumer.seek(partitions[0], 0)
    consumer.seek(partitions[1], 0)
    found: dict[TopicPartition, list[int]] = {partition: [] for partition in partitions}
    while sum(map(len, found.values())) < 2 * END - BATCH:
        try:
            for partition, messages in consumer.poll(10_000).items():
                found[partition] += [message.offset for message in messages]
        except UnsupportedCodecError:
            assert consumer.position(partitions[0]) == FIRST
            consumer.seek(partitions[0], NEXT)
    consumer.close()
    assert found[partitions[0]] == [*range(FIRST), *range(NEXT, END)]
    assert found[partitions[1]] == list(range(END))


@pytest.mark.parametrize("codec", CODECS)
def test_every_compression_is_read(read: Callable[..., KafkaConsumer], codec: str) -> None:
    assert offsets(read(codec), END - 1) == list(range(END))


@pytest.mark.parametrize("codec", PACKAGES)
def test_without_the_package_of_a_compression_poll_names_the_codec(
    damaged: Broker, codec: str
) -> None:
    script = f"""
import sys
sys.modules[{PACKAGES[codec]!r}] = None
from kafka import KafkaConsumer, TopicPartition
consumer = KafkaConsumer(bootstrap_servers={damaged.bootstrap_servers!r})
consumer.assign([TopicPartition({codec!r}, 0)])
consumer.seek(TopicPartition({codec!r}, 0), 0)
try:
    consumer.poll(10_000)
except Exception as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    name = f"UnsupportedCodecError: Libraries for {codec} compression codec not found"
    assert done.stdout.strip() == name


def test_a_running_broker_is_not_touched(damaged: Broker, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop the broker first"):
        corrupt.break_checksum(damaged, "none", 0, 0)
    with pytest.raises(ValueError, match="no log with offset 0"):
        corrupt.break_checksum(Broker(tmp_path), "none", 0, 0)
