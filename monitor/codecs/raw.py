"""Numbers without any framing, as `array.tobytes()` writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.many import Many
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64",
)  # fmt: skip


class RawCodec:
    """Rows of a fixed dtype, shape and byte order; many when the length is a multiple of one.

    Raises ValueError for a dtype that is not one of DTYPES.
    """

    def __init__(self, settings: CodecSettings) -> None:
        if settings.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {settings.dtype!r}")
        self._shape = settings.record_shape
        dtype = np.dtype(settings.dtype)
        self._dtype = dtype.newbyteorder(">" if settings.byte_order == "big" else "<")
        self._row_bytes = self._dtype.itemsize * math.prod(self._shape)

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows in native byte order."""
        if not value:
            raise DecodeError("empty", "the value has no bytes")
        if len(value) % self._row_bytes:
            raise DecodeError(
                "wrong_shape",
                f"{len(value)} bytes are not a multiple of {self._row_bytes}, the size of one row"
                f" of shape {self._shape} and dtype {self._dtype.name}",
            )
        rows = np.frombuffer(value, dtype=self._dtype).reshape(-1, *self._shape)
        return rows.astype(self._dtype.newbyteorder("="), copy=False)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """All payloads whose length is right; their bytes are copied once."""
        sizes = set(map(len, values))
        if len(sizes) == 1 and not max(sizes) % self._row_bytes:
            counts = np.full(len(values), max(sizes) // self._row_bytes)
        else:
            values = [v if not len(v) % self._row_bytes else b"" for v in values]
            counts = np.array([len(v) // self._row_bytes for v in values], dtype=np.int64)
        rows = np.frombuffer(bytearray().join(values), dtype=self._dtype)
        native = rows.astype(self._dtype.newbyteorder("="), copy=False)
        return Many(native.reshape(-1, *self._shape), counts)

    def encode(self, row: NDArray[Any]) -> bytes:
        """The bytes of one row."""
        return row.astype(self._dtype).tobytes()
