"""What a codec is told when it is built."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Plain values; a codec reads those that concern it.

    record_shape: shape of one row. dtype: numpy name of one number's type. byte_order: little
    or big. field: path to the list inside an object, such as payload.values; None for the whole
    document. max_pixels: larger pictures are refused before decoding. max_rows: payloads that
    claim more rows may be refused before decoding.
    """

    record_shape: tuple[int, ...]
    dtype: str = "float32"
    byte_order: str = "little"
    field: str | None = None
    max_pixels: int = 2**24
    max_rows: int = 4096
