"""Which array shapes carry rows: shared by the codecs whose payloads have a shape of their own."""

from __future__ import annotations

from monitor.errors import DecodeError


def check_shape(shape: tuple[int, ...], record_shape: tuple[int, ...]) -> None:
    """Pass the shape of one row, or of one or more rows in a leading dimension.

    Raises DecodeError, empty or wrong_shape, for any other. After this, the array may be
    brought to (n, *record_shape), n >= 1.
    """
    if 0 in shape:
        raise DecodeError("empty", f"an array of shape {shape} holds no numbers"[:300])
    if record_shape not in (shape, shape[1:]):
        raise DecodeError("wrong_shape", f"shape {record_shape} expected, got {shape}"[:300])
