"""Record batches that cannot be read: damaged, or packed in a way that nobody here knows.

kafka-python tells that a batch is unreadable, not which offsets it covers. The batch itself is
in the frames of the exception's traceback, and its header says where it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Final

from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch

from monitor.errors import UserError
from monitor.stream.records import Partition

PACKAGES: Final = {2: "python-snappy", 3: "lz4", 4: "zstandard"}
"""What unpacks each compression type that needs a package."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A batch that cannot be read, up to `next_offset`."""

    partition: Partition
    next_offset: int
    error: str


def unreadable(error: BaseException) -> Unreadable | None:
    """What an exception of `poll` says is unreadable, or None if it does not say.

    Raises UserError if only a package is missing here: then nothing is wrong with the records.
    """
    place: TopicPartition | None = None
    batch: DefaultRecordBatch | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            if isinstance(value, Fetcher.PartitionRecords):
                place = value.topic_partition
            if isinstance(value, DefaultRecordBatch):
                batch = value
        trace = trace.tb_next
    if place is None or batch is None:
        return None
    if isinstance(error, UnsupportedCodecError) and batch.compression_type in PACKAGES:
        package = PACKAGES[batch.compression_type]
        raise UserError(
            f"{place.topic}/{place.partition}: records are compressed in a way that needs the"
            f" package {package}, which is not installed. Install it: pip install {package}"
        ) from error
    text = f"{type(error).__name__}: {error}"[:1000]
    return Unreadable(Partition(place.topic, place.partition), int(batch.next_offset), text)
