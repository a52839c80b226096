"""Batches that cannot be read: where they end, and what happens if nobody can tell."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest
from crc32c import crc32c
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import (
    CorruptRecordError,
    KafkaError,
    KafkaTimeoutError,
    UnsupportedCodecError,
)
from kafka.record import MemoryRecords

from monitor.errors import DamagedRecordsError
from monitor.stream.kafka_options import Connection
from monitor.stream.offset_reader import OffsetReader
from monitor.stream.records import Partition
from monitor.stream.sources.kafka import KafkaSource
from monitor.stream.sources.subscription import Subscription
from monitor.stream.sources.unreadable import Unreadable, unreadable

KEY = TopicPartition("in", 3)
MAGIC_AT = 16
CRC_AT, ATTRIBUTES_AT = 17, 21


def batch(first: int, last_delta: int, records: bytes = b"\x99" * 20) -> bytes:
    """A batch whose checksum is right, of records that are garbage."""
    body = struct.pack(">hiqqqhii", 0, last_delta, 0, 0, -1, -1, -1, last_delta + 1) + records
    return struct.pack(">qiibI", first, 9 + len(body), 0, 2, crc32c(body)) + body


def with_byte(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


SOUND = batch(10, 0, bytes([14, 0, 0, 0, 1, 2, ord("x"), 0]))
"""One record, at offset 10."""
BAD = batch(11, 8)
"""Offsets 11 to 19."""


def error_of(data: bytes, reached: int) -> Exception:
    """What `poll` raises of what a broker sent."""
    records = Fetcher.PartitionRecords(reached, KEY, MemoryRecords(data))
    with pytest.raises(Exception) as caught:
        while records.take(1):
            pass
    return caught.value


class Consumer:
    """A consumer that does nothing but raise, and counts how often it was asked.

    end: one past the newest record, as far as it knows.
    """

    def __init__(self, error: Exception | None = None, end: int | None = 100) -> None:
        self.error, self.end = error, end
        self.polls = 0
        self.sought: list[int] = []

    def poll(self, *arguments: object, **settings: object) -> Mapping[object, object]:
        self.polls += 1
        if self.error is not None:
            raise self.error
        return {}

    def seek(self, key: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    def highwater(self, key: TopicPartition) -> int | None:
        assert key == KEY
        return self.end

    def assignment(self) -> set[TopicPartition]:
        return {KEY}

    def paused(self) -> set[TopicPartition]:
        return set()

    def metrics(self) -> dict[str, dict[str, float]]:
        return {"consumer-metrics": {"connection-count": 1.0}}


@pytest.mark.parametrize(
    ("data", "reached"), [(BAD, 11), (BAD, 15), (SOUND + BAD, 10)], ids=["whole", "inside", "next"]
)
def test_a_damaged_batch_ends_where_its_header_says(data: bytes, reached: int) -> None:
    found = unreadable(error_of(data, reached), Consumer())
    assert found is not None
    assert (found.partition, found.next_offset) == (Partition("in", 3), 20)
    assert found.error.startswith("CorruptRecordError: ")


OLD_FORMAT = with_byte(BAD, MAGIC_AT, 1)
SHORT = struct.pack(">qi", 11, 20) + BAD[12:32]
"""Its length says that it ends within its own header."""
LOST = {
    "a version that it has not": (OLD_FORMAT, 11),
    "a header cut short": (SHORT, 11),
    "a header cut short, after a sound batch": (SOUND + SHORT, 10),
    "shorter than any batch, after a sound one": (SOUND + struct.pack(">qi", 11, 4) + bytes(4), 10),
    "an end before its beginning": (batch(11, -5), 11),
    "an end behind that of the topic": (batch(11, 2**31 - 20), 11),
}


@pytest.mark.parametrize("name", LOST)
def test_a_batch_whose_end_nobody_knows_stops_reading(name: str) -> None:
    error = error_of(*LOST[name])
    with pytest.raises(DamagedRecordsError) as caught:
        unreadable(error, Consumer())
    text = str(caught.value)
    assert text.startswith("in/3, offset 11: a batch of records is damaged")
    assert "move the group's offset" in text
    assert "\n" not in text


HIDDEN = {
    "checksum": CorruptRecordError("at offset 11"),
    "codec": UnsupportedCodecError("Unrecognized compression type: 6"),
    "header": struct.error("unpack_from requires a buffer"),
    "gzip": EOFError("ended before the end-of-stream marker"),
    "endless": KafkaError("Failed to make progress reading messages at in-3=11."),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_an_error_of_records_without_a_traceback_that_shows_them_stops_reading(name: str) -> None:
    with pytest.raises(DamagedRecordsError, match=type(HIDDEN[name]).__name__):
        unreadable(HIDDEN[name], Consumer())


@pytest.mark.parametrize(
    "error", [KafkaTimeoutError("too slow"), KafkaError("User rebalance callback"), KeyError(KEY)]
)
def test_what_is_not_about_records_is_not_taken_for_damage(error: Exception) -> None:
    assert unreadable(error, Consumer()) is None


def test_a_partition_that_was_taken_away_meanwhile_is_stepped_over_all_the_same() -> None:
    class Gone(Consumer):
        def highwater(self, key: TopicPartition) -> int | None:
            raise KafkaError("Partition is not assigned")

    assert isinstance(unreadable(error_of(BAD, 11), Gone()), Unreadable)


@pytest.mark.parametrize("error", [*HIDDEN.values(), error_of(OLD_FORMAT, 11)], ids=str)
def test_the_daemons_source_stops_and_polls_no_more(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = KafkaSource(Connection("127.0.0.1:9"), Subscription("in", "group"))
    consumer = Consumer(error)
    monkeypatch.setattr("monitor.stream.kafka_private.finish_joining", lambda consumer: None)
    source._link.consumer = consumer  # type: ignore[assignment]  # all that it needs of one
    with pytest.raises(DamagedRecordsError):
        source.poll(0.0, 100)
    assert (consumer.polls, consumer.sought) == (1, [])


@pytest.mark.parametrize("error", HIDDEN.values(), ids=HIDDEN)
def test_the_retraining_stops_and_polls_no_more(error: Exception) -> None:
    consumer = Consumer(error)
    with pytest.raises(DamagedRecordsError):
        list(OffsetReader(consumer, "servers").records(Partition("in", 3), range(11, 50)))
    assert (consumer.polls, consumer.sought) == (1, [11])


def test_a_broker_that_says_its_copy_is_damaged_is_asked_again() -> None:
    # Another leader may have a sound copy: so the source makes a new consumer, as for others.
    error = CorruptRecordError("Unexpected error while fetching data")
    assert unreadable(error, Consumer()) is None
