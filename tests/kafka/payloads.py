"""Ten kinds of bad payloads, and what each codec must say of them."""

from __future__ import annotations

import io
import pickle
import struct
import zlib

import msgpack
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from monitor.codecs.framing import framed
from tests.asked import Asked
from tests.fuzz.arrow_edits import stream, vectors
from tests.fuzz.protobuf_edits import filled

SIZE = 28
HUGE = 10_000_000

BAD = (
    "truncated JPEG", "wrong length", "NaN", "empty", "tombstone", "10 MB",
    "decompression bomb", "invalid JSON", "a pickle", "wrong dtype",
)  # fmt: skip

_REASONS: dict[str, dict[str, str]] = {
    "raw": {
        "truncated JPEG": "wrong_shape",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "wrong_shape",
        "invalid JSON": "wrong_shape",
        "a pickle": "wrong_shape",
        "wrong dtype": "wrong_shape",
    },
    "json": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "json-schema": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "npy": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "image": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "undecodable",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "oversized",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "msgpack": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "arrow": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "wrong_dtype",
    },
    "avro": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "undecodable",
    },
    "protobuf": {
        "truncated JPEG": "undecodable",
        "wrong length": "wrong_shape",
        "NaN": "non_finite",
        "empty": "empty",
        "tombstone": "tombstone",
        "10 MB": "oversized",
        "decompression bomb": "undecodable",
        "invalid JSON": "undecodable",
        "a pickle": "undecodable",
        "wrong dtype": "undecodable",
    },
}
REASONS = Asked("tests/kafka/payloads.py: add the reasons of codec {} to _REASONS", _REASONS)
"""The reason that a codec must give for each kind."""


def sent_as(codec: str) -> str:
    """The type of the rows that the tests send: `raw` needs one that a byte is too short for."""
    return "float32" if codec == "raw" else "uint8"


def bad(kind: str, codec: str) -> bytes | None:
    """A bad payload of a kind, made to look as right as possible to the codec."""
    common = {
        "truncated JPEG": _jpeg()[:-120],
        "empty": b"",
        "tombstone": None,
        "10 MB": bytes(HUGE),
        "decompression bomb": _bomb(),
        "invalid JSON": b'{"values": [1, 2',
        "a pickle": pickle.dumps(np.zeros((SIZE, SIZE), np.float32)),
    }
    if kind in common:
        return common[kind]
    return SPECIAL[codec](kind)


def _raw(kind: str) -> bytes:
    return {
        "wrong length": np.zeros(SIZE * SIZE + 1, np.float32).tobytes(),
        "NaN": _with_nan().tobytes(),
        "wrong dtype": np.zeros((SIZE, SIZE), np.uint8).tobytes(),
    }[kind]


def _json(kind: str) -> bytes:
    return {
        "wrong length": str(np.zeros((SIZE, SIZE + 1)).tolist()).encode(),
        "NaN": str(_with_nan().tolist()).replace("nan", "NaN").encode(),
        "wrong dtype": str([["1"] * SIZE] * SIZE).replace("'", '"').encode(),
    }[kind]


def _npy(kind: str) -> bytes:
    arrays: dict[str, NDArray[np.generic]] = {
        "wrong length": np.zeros((SIZE, SIZE + 1), np.float32),
        "NaN": _with_nan(),
        "wrong dtype": np.zeros((SIZE, SIZE), np.complex64),
    }
    stream = io.BytesIO()
    np.save(stream, arrays[kind])
    return stream.getvalue()


def _image(kind: str) -> bytes:
    if kind == "NaN":
        return _npy("NaN")
    stream = io.BytesIO()
    pixels = (
        np.zeros((SIZE, SIZE + 1), np.uint8)
        if kind == "wrong length"
        else np.zeros((SIZE, SIZE), np.uint16)
    )
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _msgpack(kind: str) -> bytes:
    values: dict[str, object] = {
        "wrong length": np.zeros((SIZE, SIZE + 1)).tolist(),
        "NaN": _with_nan().tolist(),
        "wrong dtype": [["1"] * SIZE] * SIZE,
    }
    packed: bytes = msgpack.packb(values[kind])
    return packed


def _avro(kind: str) -> bytes:
    """By the schema that a model without names asks for: a list of double."""
    numbers = {
        "wrong length": np.zeros(SIZE * SIZE + 1),
        "NaN": _with_nan().astype(np.float64).ravel(),
        "wrong dtype": np.ones(SIZE * SIZE, np.float32),
    }[kind]
    count = 2 * numbers.size
    return bytes([count & 127 | 128, count >> 7]) + numbers.tobytes() + b"\0"


def _protobuf(kind: str) -> bytes:
    """By the message that a model without names asks for: a list of double."""
    if kind == "wrong dtype":
        return filled(1, b"1") * (SIZE * SIZE)
    wide = np.zeros(SIZE * SIZE + 1)
    return filled(1, (wide if kind == "wrong length" else _with_nan().astype(float)).tobytes())


def _arrow(kind: str) -> bytes:
    if kind == "wrong dtype":
        return stream({"v": pa.array([["1"] * SIZE * SIZE], pa.list_(pa.string(), SIZE * SIZE))})
    wide = np.zeros((1, SIZE, SIZE + 1), np.float32)
    return vectors(wide if kind == "wrong length" else _with_nan()[np.newaxis], "v")


SPECIAL = Asked(
    "tests/kafka/payloads.py: add bad payloads in the format of codec {} to SPECIAL",
    {
        "raw": _raw,
        "json": _json,
        "json-schema": lambda kind: framed(1, _json(kind)),
        "npy": _npy,
        "image": _image,
        "msgpack": _msgpack,
        "avro": _avro,
        "protobuf": _protobuf,
        "arrow": _arrow,
    },
)


def _with_nan() -> NDArray[np.float32]:
    image = np.zeros((SIZE, SIZE), np.float32)
    image[3, 4] = np.nan
    return image


def _jpeg() -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def _bomb() -> bytes:
    """A PNG of a few kilobytes that would unpack to 30,000 x 30,000 pixels."""
    side = 30_000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(4_000_000), 9)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
