"""Record batches that kafka-python cannot read."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from types import TracebackType
from typing import Final

from kafka import TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError


@dataclass(frozen=True, slots=True)
class DamagedBatch:
    """A batch that cannot be read, of a partition that was read up to the offset `reached`.

    next_offset: where the batch ends; compression_type: Kafka's number. Both None if the
    traceback does not show it.
    """

    partition: TopicPartition
    reached: int
    next_offset: int | None
    compression_type: int | None


def damaged_batch(error: BaseException) -> DamagedBatch | None:
    """The batch that an exception of `poll` is about, from its traceback; None if it is not there.

    The exception does not say which offsets the batch covers (3.0.12); its header does, which
    is in the traceback's frames.
    """
    from kafka.consumer.fetcher import Fetcher
    from kafka.record.default_records import DefaultRecordBatch

    place, batch = None, None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            place = value if isinstance(value, Fetcher.PartitionRecords) else place
            batch = value if isinstance(value, DefaultRecordBatch) else batch
        trace = trace.tb_next
    if place is None:
        return None
    key, reached = place.topic_partition, int(place.next_fetch_offset)
    # A batch too short for a header has no fields.
    with suppress(AttributeError):
        # One that lies behind us is the last that was sound: the damaged one was never made.
        if batch is not None and batch.next_offset > reached:
            return DamagedBatch(key, reached, int(batch.next_offset), int(batch.compression_type))
    return DamagedBatch(key, reached, None, None)


_OF_DECODING: Final = (
    CorruptRecordError,
    UnsupportedCodecError,
    UnicodeError,
    EOFError,
    struct.error,
    zlib.error,
    BadGzipFile,
)


def is_about_records(error: Exception) -> bool:
    """Whether an exception of `poll` says that records cannot be decoded, wherever they are.

    Others of the library's own mean that its consumer has failed; what is not the library's is a
    bug, and ends the process. A batch longer than what came is told by a plain KafkaError with
    these words (3.0.12).
    """
    endless = type(error) is KafkaError and "Failed to make progress reading" in str(error)
    # The broker's own word that its copy is damaged: another leader may have a sound one.
    told_by_broker = "Unexpected error while fetching data" in str(error)
    return endless or (isinstance(error, _OF_DECODING) and not told_by_broker)
