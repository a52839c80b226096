"""Which rows each codec brings back as they were sent."""

from __future__ import annotations

from dataclasses import dataclass

from tests.asked import Asked

NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")
WHOLE = ("uint64", "int64")
"""Numbers of JSON are float64: beyond 2**53 they are not exact."""
VECTORS_AND_IMAGES = ((1,), (2,), (17,), (1, 1), (9, 5), (8, 6, 3), (3, 8, 6))
PICTURES = ((1, 1), (1, 7), (9, 5), (8, 6, 1), (8, 6, 3), (8, 6, 4), (3, 8, 6), (1, 8, 6))


@dataclass(frozen=True, slots=True)
class Carried:
    """Types of numbers, and shapes of rows to try them with.

    names: whether features have names in a payload; without, it is numbers in order, or a picture.
    """

    dtypes: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...] = VECTORS_AND_IMAGES
    names: bool = True


CARRIED: Asked[Carried] = Asked(
    "tests/monitor/codecs/carried.py: add what codec {} carries to CARRIED",
    {
        "json": Carried(NUMBERS),
        "json-schema": Carried(NUMBERS),
        "raw": Carried(NUMBERS + WHOLE, names=False),
        "npy": Carried(NUMBERS + WHOLE, names=False),
        "image": Carried(("uint8",), PICTURES, names=False),
        "msgpack": Carried(NUMBERS),
        "avro": Carried(NUMBERS),
        "protobuf": Carried(NUMBERS),
        "arrow": Carried(NUMBERS + WHOLE),
    },
)
