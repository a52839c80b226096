"""numpy's .npy format. Object arrays, which would need pickle, are refused."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from monitor.codecs.rows import as_rows
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_HEADER_BYTES = 4096


class NpyCodec:
    """One row, or many in a leading dimension, of any real number type."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows in native byte order."""
        stream = io.BytesIO(value)
        shape, fortran, dtype = _header(stream)
        if dtype.kind not in "uif":
            raise DecodeError("wrong_dtype", f"numbers expected, got dtype {dtype}")
        # The header may claim any size: nothing is allocated before the data is known to be there.
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != len(value) - stream.tell():
            raise DecodeError(
                "undecodable",
                f"the header claims {claimed} bytes of data, there are"
                f" {len(value) - stream.tell()}",
            )
        array = np.frombuffer(value, dtype=dtype, offset=stream.tell())
        array = array.reshape(shape, order="F" if fortran else "C")
        return as_rows(array.astype(dtype.newbyteorder("="), copy=False), self._shape)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A .npy file with one row."""
        stream = io.BytesIO()
        np.save(stream, row, allow_pickle=False)
        return stream.getvalue()


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy_format.read_magic(stream)
        if version == (1, 0):
            return npy_format.read_array_header_1_0(stream, max_header_size=MAX_HEADER_BYTES)
        if version == (2, 0):
            return npy_format.read_array_header_2_0(stream, max_header_size=MAX_HEADER_BYTES)
    except (
        ValueError,
        TypeError,
        SyntaxError,
        OverflowError,
        RecursionError,
        MemoryError,
    ) as error:
        raise DecodeError("undecodable", f"not a .npy file: {error}"[:300]) from None
    raise DecodeError("undecodable", f".npy version {version} is not supported")
