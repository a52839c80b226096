"""Numbers without any framing, as `array.tobytes()` writes them.

Nothing in such a payload says what it is, so that its length must be that of one row: twice as
long, it may be two rows, or one of a type that is twice as large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.headers import DTYPE
from monitor.codecs.many import Many
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64",
)  # fmt: skip
_TOLD: Final = {
    np.dtype(name).newbyteorder(order[0]).str.encode(): (name, order[1])
    for name in DTYPES
    for order in (("<", "little"), (">", "big"))
}
"""What the header may say, and what it means."""


class RawCodec:
    """One row of a fixed dtype, shape and byte order; with `rows: many`, as many as there are.

    The header aead-dtype of a record goes before the configured dtype and byte order. Raises
    ValueError for a dtype that is not one of DTYPES.
    """

    header = DTYPE

    def __init__(self, settings: CodecSettings, by_header: bool = False) -> None:
        if settings.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {settings.dtype!r}")
        self._settings = settings
        self._shape = settings.record_shape
        self._many = settings.rows == "many"
        self._by_header = by_header
        dtype = np.dtype(settings.dtype)
        self._dtype = dtype.newbyteorder(">" if settings.byte_order == "big" else "<")
        self._row_bytes = self._dtype.itemsize * math.prod(self._shape)

    def as_told(self, text: bytes) -> RawCodec:
        """The same for another type of numbers."""
        if text not in _TOLD:
            said = text[:40].decode("utf-8", "backslashreplace")
            raise DecodeError(
                "undecodable", f"the header {DTYPE} says {said!r}; <f4, >i2 or |u1 are such types"
            )
        name, order = _TOLD[text]
        return RawCodec(replace(self._settings, dtype=name, byte_order=order), by_header=True)

    def told(self) -> bytes:
        """Its type and byte order."""
        return self._dtype.str.encode()

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows in native byte order."""
        if not value:
            raise DecodeError("empty", "the value has no bytes")
        if not self._fits(len(value)):
            raise DecodeError("wrong_shape", self._wrong(len(value)))
        rows = np.frombuffer(value, dtype=self._dtype).reshape(-1, *self._shape)
        return rows.astype(self._dtype.newbyteorder("="), copy=False)

    def _fits(self, size: int) -> bool:
        if self._many:
            return not size % self._row_bytes
        return size == self._row_bytes

    def _wrong(self, size: int) -> str:
        """What is wrong with a payload of so many bytes, and its likely cause."""
        name, source = self._dtype.name, f" by the header {DTYPE}" if self._by_header else ""
        rows, rest = divmod(size, self._row_bytes)
        if rest:
            text = (
                f"{size} bytes are not a multiple of {self._row_bytes}, the size of one row"
                f" of shape {self._shape} and dtype {name}{source}"
            )
            causes = "".join(f"; they are {cause}" for cause in self._causes(size))
            return (text + causes)[:300]
        causes = ", or ".join([*self._causes(size), "codec.rows: many"])
        return f"{size} bytes: {rows} rows of {name}{source}, or {causes}"[:300]

    def _causes(self, size: int) -> Iterator[str]:
        """What else it may be: one row of another type, or one picture with more channels."""
        width, rest = divmod(size, math.prod(self._shape))
        others = [name for name in DTYPES if np.dtype(name).itemsize == width and not rest]
        kind = "f" if self._dtype.kind == "u" and width >= 4 else self._dtype.kind
        if others:
            one = next((name for name in others if np.dtype(name).kind == kind), others[-1])
            yield f"one of {one}: set codec.dtype: {one}"
        channels, rest = divmod(size, self._row_bytes)
        if len(self._shape) > 1 and channels in (3, 4) and not rest:
            yield f"one picture of {channels} channels, of which the model takes fewer"

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """All payloads whose length is right; their bytes are copied once."""
        sizes = set(map(len, values))
        if len(sizes) == 1 and self._fits(max(sizes)):
            counts = np.full(len(values), max(sizes) // self._row_bytes)
        else:
            values = [v if self._fits(len(v)) else b"" for v in values]
            counts = np.array([len(v) // self._row_bytes for v in values], dtype=np.int64)
        rows = np.frombuffer(bytearray().join(values), dtype=self._dtype)
        native = rows.astype(self._dtype.newbyteorder("="), copy=False)
        return Many(native.reshape(-1, *self._shape), counts)

    def encode(self, row: NDArray[Any]) -> bytes:
        """The bytes of one row."""
        return row.astype(self._dtype).tobytes()
