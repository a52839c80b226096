"""Record batches that cannot be read: damaged, or packed in a way that nobody here knows.

Where such a batch ends says its header. If the header is lost, nobody knows how far to step:
then reading stops, rather than try the same place again for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer
from kafka.errors import KafkaError, UnsupportedCodecError

from monitor.errors import DamagedRecordsError, UserError
from monitor.stream.kafka_private import DamagedBatch, damaged_batch, is_about_records
from monitor.stream.records import Partition

PACKAGES: Final = {2: "python-snappy", 3: "lz4", 4: "zstandard"}
"""What unpacks each compression type that needs a package."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A batch that cannot be read, up to `next_offset`."""

    partition: Partition
    next_offset: int
    error: str


def unreadable(error: Exception, consumer: KafkaConsumer) -> Unreadable | None:
    """The batch that an exception of the consumer's `poll` is about, or None if about none.

    Raises UserError if only a package is missing here, since then nothing is wrong with the
    records, and DamagedRecordsError if it is about records and nobody knows where they end.
    """
    batch = damaged_batch(error)
    end = None if batch is None else batch.next_offset
    if batch is None or end is None:
        if not is_about_records(error):
            return None
        raise _lost(batch, error) from error
    if isinstance(error, UnsupportedCodecError) and batch.compression_type in PACKAGES:
        package = PACKAGES[batch.compression_type]
        raise UserError(
            f"{_name(batch)}: records are compressed in a way that needs the"
            f" package {package}, which is not installed. Install it: pip install {package}"
        ) from error
    newest = _newest(batch, consumer)
    if newest is not None and end > newest:
        # The header is damaged, too: behind the topic's end, Kafka would have us begin anew.
        raise _lost(batch, error) from error
    return Unreadable(Partition(*batch.partition), end, _text(error))


def _newest(batch: DamagedBatch, consumer: KafkaConsumer) -> int | None:
    """One past the newest record of the partition; None if unknown, or taken away meanwhile."""
    try:
        newest: int | None = consumer.highwater(batch.partition)
    except KafkaError:
        return None
    return newest


def _lost(batch: DamagedBatch | None, error: Exception) -> DamagedRecordsError:
    place = "Kafka" if batch is None else f"{_name(batch)}, offset {batch.reached:,}"
    return DamagedRecordsError(
        f"{place}: a batch of records is damaged, and nothing says where it ends"
        f" ({_text(error)}). Nothing was skipped, and nothing more is read. To go on behind it,"
        " move the group's offset (docs/faults.md, when offsets move); for retrain, name offsets"
        " without these"
    )


def _name(batch: DamagedBatch) -> str:
    return f"{batch.partition.topic}/{batch.partition.partition}"


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:1000]
