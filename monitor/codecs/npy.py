"""numpy's .npy format, versions 1 and 2. Object arrays, which would need pickle, are refused.

The header is a Python literal. numpy evaluates it, which on made-up headers raises half a dozen
kinds of exceptions, and warnings; here it is matched against the one form that is written.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs.many import Many
from monitor.codecs.rows import check_shape, check_size
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_HEADER_BYTES: Final = 4096
_MAGIC: Final = b"\x93NUMPY"
_LENGTH_BYTES: Final = {b"\x01\x00": 2, b"\x02\x00": 4}
"""Size of the header's length, by version."""
_NUMBERS: Final = frozenset({"u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"})
_ITEM: Final = r"'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d\s,]*\))"
_HEADER: Final = re.compile(
    rf"\s*\{{\s*{_ITEM}\s*,\s*{_ITEM}\s*,\s*{_ITEM}\s*(?:,\s*)?\}}\s*", re.A
)


class NpyCodec:
    """One row, or many in a leading dimension, of any real number type up to 8 bytes."""

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._many = settings.rows == "many"

    def decode(self, value: bytes) -> NDArray[Any]:
        """Rows in native byte order."""
        start, header = _header(value)
        dtype = _dtype(header["descr"])
        shape = tuple(int(n) for n in re.findall(r"\d+", header["shape"]))
        check_shape(shape, self._shape, self._many)
        check_size(math.prod(shape) * dtype.itemsize, len(value) - start)
        fortran = header["fortran_order"] == "True"
        array = np.frombuffer(value, dtype=dtype, offset=start)
        array = array.reshape(shape, order="F" if fortran else "C")
        native = array.astype(dtype.newbyteorder("="), copy=False)
        return native.reshape(-1, *self._shape)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The payloads with one and the same header; a producer rarely has two."""
        for first in (values[0], values[len(values) // 2], values[-1]):
            try:
                like = self.decode(first)
            except DecodeError:
                continue
            return self._with_header(first[: -like.nbytes], like, values)
        return Many.none(len(values))

    def _with_header(self, header: bytes, like: NDArray[Any], values: Sequence[bytes]) -> Many:
        """Payloads with this header, as one of them was decoded."""
        _, items = _header(header)
        if items["fortran_order"] == "True":
            return Many.none(len(values))
        start, size = len(header), len(header) + like.nbytes
        data = [v[start:] if len(v) == size and v.startswith(header) else b"" for v in values]
        rows = np.frombuffer(bytearray().join(data), dtype=_dtype(items["descr"]))
        counts = np.fromiter(map(bool, data), dtype=np.int64, count=len(data)) * len(like)
        native = rows.astype(like.dtype, copy=False)
        return Many(native.reshape(-1, *self._shape), counts)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A .npy file with one row."""
        stream = io.BytesIO()
        np.save(stream, row, allow_pickle=False)
        return stream.getvalue()


def _header(value: bytes) -> tuple[int, dict[str, str]]:
    """Where the data starts, and the items of the header, still as text."""
    if not value.startswith(_MAGIC):
        raise DecodeError("undecodable", "not a .npy file: it does not start with \\x93NUMPY")
    length_bytes = _LENGTH_BYTES.get(value[6:8])
    if length_bytes is None:
        raise DecodeError("undecodable", f".npy version {list(value[6:8])} is not supported")
    begin = 8 + length_bytes
    length = int.from_bytes(value[8:begin], "little")
    if length > MAX_HEADER_BYTES:
        raise DecodeError("undecodable", f"a header of {length} bytes, more than any array needs")
    match = _HEADER.fullmatch(value[begin : begin + length].decode("latin-1"))
    items = dict(zip(match.groups()[::2], match.groups()[1::2], strict=True)) if match else {}
    if len(items) != 3:
        raise DecodeError("undecodable", "not a .npy file of numbers: its header is not understood")
    return begin + length, items


def _dtype(text: str) -> np.dtype[Any]:
    name = text.strip("'")
    if name[:1] not in tuple("<>|=") or name[1:] not in _NUMBERS:
        raise DecodeError(
            "wrong_dtype", f"numbers of up to 8 bytes expected, got dtype {name!r}"[:300]
        )
    return np.dtype(name)
