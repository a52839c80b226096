"""Damages record batches of a stopped broker on disk, as bad disks and bad producers do.

A broker that was shut down in good order does not check its logs again when it starts, and sends
what is in the file as it is: the first to see the damage is the consumer. One that was killed
checks them, and cuts the log at a batch whose checksum is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crc32c import crc32c

from tests.kafka.broker import Broker

# A batch: base offset int64, length int32, leader epoch int32, magic int8, crc uint32,
# attributes int16, last offset delta int32, times 2 x int64, producer int64 + int16 + int32,
# record count int32, records. The length counts what follows it.
LENGTH = struct.Struct(">qi")
CRC_AT = 17
ATTRIBUTES_AT = 21
LAST_OFFSET_DELTA_AT = 23
RECORDS_AT = 61
CODEC_BITS = 0b111
UNKNOWN_CODEC = 6


@dataclass(frozen=True)
class Batch:
    """Where a batch lies in its file, and the offsets [first_offset, next_offset) it holds."""

    start: int
    end: int
    first_offset: int
    next_offset: int


def break_checksum(broker: Broker, topic: str, partition: int, offset: int) -> tuple[int, int]:
    """Flip the last byte of the batch that holds an offset; its checksum is wrong from then on.

    Returns the range of offsets [first, next) that cannot be read any more.
    """
    return _edit(broker, topic, partition, offset, _flip_last_byte)


def set_unknown_codec(broker: Broker, topic: str, partition: int, offset: int) -> tuple[int, int]:
    """Say that the batch is compressed in a way that nobody knows; its checksum is right.

    Returns the range of offsets [first, next) that cannot be read any more.
    """
    return _edit(broker, topic, partition, offset, _set_unknown_codec)


def garble_records(broker: Broker, topic: str, partition: int, offset: int) -> tuple[int, int]:
    """Overwrite the records of the batch; its checksum is right, its (compressed) records are not.

    Returns the range of offsets [first, next) that cannot be read any more.
    """
    return _edit(broker, topic, partition, offset, _garble)


def lose_end(broker: Broker, topic: str, partition: int, offset: int) -> tuple[int, int]:
    """Flip a bit in the header, in the number that tells where the batch ends.

    Returns the range of offsets [first, next) that cannot be read any more.
    """
    return _edit(broker, topic, partition, offset, _lose_end)


def batches(log: bytes) -> list[Batch]:
    """The batches of a log segment, in order."""
    found, start = [], 0
    while start + RECORDS_AT <= len(log):
        first_offset, length = LENGTH.unpack_from(log, start)
        (delta,) = struct.unpack_from(">i", log, start + LAST_OFFSET_DELTA_AT)
        end = start + LENGTH.size + length
        if length <= 0 or end > len(log):  # the file may be longer than what was written
            break
        found.append(Batch(start, end, first_offset, first_offset + delta + 1))
        start = end
    return found


def _edit(
    broker: Broker, topic: str, partition: int, offset: int, change: Callable[[bytearray], None]
) -> tuple[int, int]:
    """Change the bytes of the batch that holds the offset."""
    if broker.running:
        raise RuntimeError("stop the broker first: it has the log open")
    segment = _segment(broker.data / f"{topic}-{partition}", offset)
    log = bytearray(segment.read_bytes())
    batch = next((b for b in batches(bytes(log)) if b.first_offset <= offset < b.next_offset), None)
    if batch is None:
        raise ValueError(f"{topic}-{partition} has no batch with offset {offset}")
    changed = log[batch.start : batch.end]
    change(changed)
    log[batch.start : batch.end] = changed
    segment.write_bytes(log)
    return batch.first_offset, batch.next_offset


def _segment(folder: Path, offset: int) -> Path:
    """The file that holds an offset: each is named after its first one."""
    before = [path for path in folder.glob("*.log") if int(path.stem) <= offset]
    if not before:
        raise ValueError(f"{folder} has no log with offset {offset}")
    return max(before)


def _flip_last_byte(batch: bytearray) -> None:
    batch[-1] ^= 0xFF


def _set_unknown_codec(batch: bytearray) -> None:
    low = ATTRIBUTES_AT + 1
    batch[low] = batch[low] & ~CODEC_BITS | UNKNOWN_CODEC
    _seal(batch)


def _lose_end(batch: bytearray) -> None:
    batch[LAST_OFFSET_DELTA_AT] ^= 0b0100_0000


def _garble(batch: bytearray) -> None:
    batch[RECORDS_AT:] = b"\x99" * (len(batch) - RECORDS_AT)
    _seal(batch)


def _seal(batch: bytearray) -> None:
    """Make the checksum right again: it covers everything from the attributes on."""
    struct.pack_into(">I", batch, CRC_AT, crc32c(bytes(batch[ATTRIBUTES_AT:])))
