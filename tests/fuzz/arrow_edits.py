"""Arrow streams, and edits and bombs that know where their messages claim something."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.fuzz.edits import Edit, replaced

CLAIMS = (0, 1, 2, 3, 28, 784, 4096, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
LONG_CLAIMS = (0, 1, 3, 5000, 2**31, 2**40, 2**62, -1, -(2**63), 2**63 - 1)


def stream(columns: Mapping[str, Any], batch_rows: int | None = None, **options: Any) -> bytes:
    """The columns as an IPC stream."""
    table, sink = pa.table(dict(columns)), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table, batch_rows)
    return bytes(sink.getvalue())


def vectors(rows: NDArray[Any], name: str, **options: Any) -> bytes:
    """Rows as one column of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(rows).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, rows[0].size)
    return stream({name: lists}, **options)


def other_claim(rng: Random, value: bytes) -> bytes:
    """Another length, count or offset, where four bytes may be one."""
    at = 4 * rng.randrange(max(1, min(len(value), 1500) // 4))
    return replaced(value, slice(at, at + 4), struct.pack("<I", rng.choice(CLAIMS)))


def other_long_claim(rng: Random, value: bytes) -> bytes:
    """The same of eight bytes."""
    at = 8 * rng.randrange(max(1, min(len(value), 1500) // 8))
    return replaced(value, slice(at, at + 8), struct.pack("<q", rng.choice(LONG_CLAIMS)))


def other_type(rng: Random, value: bytes) -> bytes:
    """Another byte in what is mostly flags and types."""
    at = rng.randrange(max(1, min(len(value), 600)))
    return replaced(value, slice(at, at + 1), bytes([rng.randrange(32)]))


def another_message(rng: Random, value: bytes) -> bytes:
    """A message is there twice, or missing."""
    starts = [i for i in range(0, len(value) - 4, 8) if value[i : i + 4] == b"\xff" * 4]
    if len(starts) < 2:
        return value
    first = rng.randrange(len(starts) - 1)
    where = slice(starts[first], starts[first + 1])
    return replaced(value, where, value[where] * rng.choice((0, 2, 3, 400)))


EDITS: tuple[Edit, ...] = (
    other_claim, other_claim, other_long_claim, other_long_claim, other_type, another_message,
)  # fmt: skip


def _wide(size: int) -> bytes:
    """As many columns as fit."""
    return stream({f"c{i:06d}": pa.array([1], pa.int8()) for i in range(size // 400)})[:size]


def _rows(kind: str) -> Callable[[int], bytes]:
    def of(size: int) -> bytes:
        count = max(1, (size - 1000) // (784 * np.dtype(kind).itemsize))
        return vectors(np.zeros((count, 784), kind), "v")

    return of


def _null_rows(size: int) -> bytes:
    """Rows of nothing take no bytes."""
    return stream({"v": pa.nulls(10**9)})


def _one_text(size: int) -> bytes:
    """Many rows that all point to one long text."""
    text = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(4000, np.int8)), pa.array(["a" * (size - 6000)])
    )
    return stream({"temp": text})


def _batches(size: int) -> bytes:
    """As many batches of one row as fit."""
    one = stream({"v": [1]})
    start = one.index(b"\xff" * 4, 8)
    return one[:start] + one[start:-8] * ((size - start) // (len(one) - 8 - start))


BOMBS: dict[str, Callable[[int], bytes]] = {
    "rows": _rows("f8"),
    "small rows": _rows("u1"),
    "rows of nothing": _null_rows,
    "columns": _wide,
    "batches": _batches,
    "texts": lambda size: stream(
        {"v": pa.array([["1"] * 784] * (size // 784 // 5), pa.list_(pa.string(), 784))}
    ),
    "one text again and again": _one_text,
    "compressed": lambda size: vectors(
        np.zeros((4000, 784)), "v", options=pa.ipc.IpcWriteOptions(compression="zstd")
    ),
    "a message of 4 GB": lambda size: b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(size - 8),
}
