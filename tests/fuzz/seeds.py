"""Codecs as they may be configured, and payloads that are all right for each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import msgpack
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.schema import Feature, Schema
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Limits
from monitor.codecs.framing import framed
from tests.asked import Asked
from tests.fuzz.arrow_edits import stream, vectors
from tests.fuzz.check import Variant
from tests.fuzz.files import saved
from tests.fuzz.schemas import PLANT_SETTINGS, REGISTERED, OneSchema
from tests.fuzz.tiff_files import grey

Samples = Callable[[Variant, NDArray[np.generic]], tuple[bytes, ...]]
TIGHT = Limits(max_record_bytes=2048, max_rows=3)

FEATURES = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off", "3", "true")),
        Feature("axes.0", "boolean"),
    )
)
"""One of each kind, some of them inside others."""
NUMBERS = Schema.numbers(("a", "b", "c"))


def named(codec: str) -> tuple[Variant, ...]:
    """For models whose features have names."""
    text = CodecSettings((4,), features=FEATURES, numbers_as_text=True, by_position=True)
    return (
        Variant(codec, CodecSettings((3,), features=NUMBERS)),
        Variant(codec, CodecSettings((4,), features=FEATURES, field="payload.values")),
        Variant(codec, text, TIGHT),
        Variant(codec, CodecSettings((3,), features=NUMBERS, refuse_extra=True)),
    )


_VARIANTS: dict[str, tuple[Variant, ...]] = {
    "json": (
        Variant("json", CodecSettings((28, 28), rows="many")),
        Variant("json", CodecSettings((3,), field="payload.values")),
        Variant("json", CodecSettings((4, 3, 2)), TIGHT),
        Variant("json", CodecSettings((1,))),
        *named("json"),
    ),
    "json-schema": (
        Variant("json-schema", CodecSettings((28, 28), rows="many")),
        Variant("json-schema", CodecSettings((3,), schemas=OneSchema("JSON", "{}"))),
        Variant("json-schema", CodecSettings((4, 3, 2)), TIGHT),
        *named("json-schema"),
    ),
    "raw": (
        Variant("raw", CodecSettings((28, 28), "float32", rows="many")),
        Variant("raw", CodecSettings((3,), "float16", "big", rows="many")),
        Variant("raw", CodecSettings((8, 6, 3), "uint8", rows="many"), TIGHT),
        Variant("raw", CodecSettings((2,), "float64")),
        Variant("raw", CodecSettings((1,), "int64", "big")),
    ),
    "npy": (
        Variant("npy", CodecSettings((28, 28), rows="many")),
        Variant("npy", CodecSettings((3,))),
        Variant("npy", CodecSettings((4, 3, 2)), TIGHT),
        Variant("npy", CodecSettings((1,))),
    ),
    "image": (
        Variant("image", CodecSettings((28, 28), "uint8")),
        Variant("image", CodecSettings((8, 6, 3), "uint8"), TIGHT),
        Variant("image", CodecSettings((3, 9, 7), "uint8")),
        Variant("image", CodecSettings((16, 16, 4), "uint8", max_pixels=400)),
        Variant("image", CodecSettings((96, 96), "uint8")),
        Variant("image", CodecSettings((28, 28), "uint16")),
        Variant("image", CodecSettings((9, 7, 3), "uint8", resized=True, max_pixels=2**14)),
    ),
    "arrow": (
        Variant("arrow", CodecSettings((28, 28))),
        Variant("arrow", CodecSettings((3,), field="payload.values")),
        Variant("arrow", CodecSettings((4, 3, 2)), TIGHT),
        *(v for v in named("arrow") if v.settings.field is None),
    ),
    "avro": (
        Variant("avro", CodecSettings((28, 28))),
        Variant("avro", CodecSettings((3,), field="payload.values")),
        Variant("avro", CodecSettings((4, 3, 2)), TIGHT),
        *named("avro"),
    ),
    "protobuf": (
        Variant("protobuf", CodecSettings((28, 28))),
        Variant("protobuf", CodecSettings((3,), field="payload.values")),
        Variant("protobuf", CodecSettings((4, 3, 2)), TIGHT),
        *named("protobuf"),
        Variant("protobuf", PLANT_SETTINGS),
        Variant("protobuf", replace(PLANT_SETTINGS, numbers_as_text=True, refuse_extra=True)),
        Variant("protobuf", REGISTERED),
    ),
    "msgpack": (
        Variant("msgpack", CodecSettings((28, 28), rows="many")),
        Variant("msgpack", CodecSettings((3,), field="payload.values")),
        Variant("msgpack", CodecSettings((4, 3, 2)), TIGHT),
        Variant("msgpack", CodecSettings((1,))),
        *named("msgpack"),
    ),
}
VARIANTS = Asked("tests/fuzz/seeds.py: add variants of codec {} to _VARIANTS", _VARIANTS)
DTYPES = ("u1", ">u2", "<i4", ">i8", "<u8", "<f2", ">f4", "<f8")


@cache
def seeds(variant: Variant) -> tuple[bytes, ...]:
    """Payloads that end as rows, unless they are longer than the limits allow."""
    rows = _random_rows(variant)
    if variant.settings.schemas is None:
        one = CODECS[variant.codec](variant.settings).encode(rows[0])
        return (one, *SAMPLES[variant.codec](variant, rows))
    plain = replace(variant.settings, schemas=None)
    if variant.codec == "protobuf":
        plain, begin = PLANT_SETTINGS, b"\2\2"
    else:
        begin = b""
    good = seeds(replace(variant, settings=plain))
    return tuple(framed(1, begin + value) for value in good if value[0])


def _random_rows(variant: Variant) -> NDArray[np.generic]:
    """Three rows, of small whole numbers, which every format can carry."""
    rng = np.random.default_rng(0)
    largest = 2 if variant.settings.features.names else 100
    rows = rng.integers(0, largest, (3, *variant.settings.record_shape))
    return rows.astype(variant.settings.dtype)


OBJECTS: tuple[dict[str, object], ...] = (
    {"temp": 1, "motor.rpm": 2.5, "state": "on", "axes.0": True, "a": 1, "b": 2.5, "c": -3e9},
    {"temp": 1e300, "motor": {"rpm": None}, "state": 3, "axes": [1, 2], "a": 0, "b": 0, "c": 0},
    {"temp": -1, "state": True, "axes": {"0": 0}, "more": [{"a": 1}], "c": 1, "b": 2, "a": 3},
)
"""Records by name, for both schemas."""


def objects(variant: Variant) -> list[object]:
    """Documents with one row or many, for a model whose features have names."""
    settings, records = variant.settings, list(OBJECTS)
    if settings.refuse_extra:
        records = [{name: r[name] for name in settings.features.names} for r in records]
    documents: list[object] = [*records, records]
    for name in reversed(settings.field.split(".") if settings.field else []):
        documents = [{name: document} for document in documents]
    return documents


def _json(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    if variant.settings.features.names:
        texts = [json.dumps(document) for document in objects(variant)]
        lines = "\n".join(texts[:2])
        return (*(text.encode() for text in texts), lines.encode(), texts[0].encode("utf-16"))
    values = ((rows.astype(float) + 0.5).tolist(), (rows[0].astype(float) * 1e-3).tolist())
    name = variant.settings.field
    documents = [{"payload": {"values": v}, "id": None} if name else v for v in values]
    texts = [json.dumps(document) for document in documents]
    return (*(text.encode() for text in texts), texts[0].encode("utf-16"))


def _msgpack(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    if variant.settings.features.names:
        return tuple(msgpack.packb(document) for document in objects(variant))
    values = ((rows.astype(float) + 0.5).tolist(), rows[0].tolist(), [rows[0].tolist()])
    if not variant.settings.field:
        return tuple(msgpack.packb(value) for value in values)
    documents = [{"id": None, "payload": {"values": 1, "boxes": [[]] * 9}} for _ in values]
    for document, value in zip(documents, values, strict=True):
        document["payload"]["values"] = value  # type: ignore[index]
    return tuple(msgpack.packb(document) for document in documents)


def _avro(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    codec = CODECS["avro"](variant.settings)
    numbers = rows.astype(float) if variant.settings.features.names else rows + 0.5
    return tuple(codec.encode(row) for row in numbers)


def _protobuf(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    codec = CODECS["protobuf"](variant.settings)
    if not variant.settings.features.names:
        return tuple(codec.encode(row + 0.5) for row in rows)
    numbers = rows.astype(float)
    numbers[1:, variant.settings.features.may_be_missing] = np.nan
    plain = tuple(codec.encode(row) for row in numbers)
    return (*plain, *(framed(1, b"\2\2" + value) for value in plain if variant.settings.message))


def _arrow(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    if not variant.settings.features.names:
        kinds = ("u1", "f4", "f8")
        name = variant.settings.field or "v"
        return tuple(vectors(rows.astype(kind), name) for kind in kinds)
    columns = {
        "temp": [1, 2, 3], "motor": [{"rpm": 1}, {"rpm": None}, None], "axes.0": [True] * 3,
        "state": pa.array(["on", "x", "on"]).dictionary_encode(), "a": [1.5, 2, 3], "b": [1, 2, 3],
        "c": pa.array([1, 2, 3], pa.float16()), "more": [[1], [], [2, 3]],
    }  # fmt: skip
    if variant.settings.refuse_extra:
        columns = {name: columns[name] for name in variant.settings.features.names}
    return (stream(columns), stream(columns, batch_rows=1))


def _raw(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    order = ">" if variant.settings.byte_order == "big" else "<"
    rows = rows if variant.settings.rows == "many" else rows[:1]
    return (rows.astype(rows.dtype.newbyteorder(order)).tobytes(),)  # type: ignore[arg-type]


def _npy(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    arrays = [rows.astype(dtype) for dtype in DTYPES]
    arrays += [np.asfortranarray(rows), np.asfortranarray(rows[0])]
    return tuple(saved_npy(array, version) for array in arrays for version in ((1, 0), (2, 0)))


def saved_npy(array: NDArray[np.generic], version: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


def _image(variant: Variant, rows: NDArray[np.generic]) -> tuple[bytes, ...]:
    shape = variant.settings.record_shape
    if variant.settings.dtype == "uint16":
        deep = (rows[0] * 600).astype(np.uint16)
        return (
            saved(deep, "TIFF"),
            saved(deep, "TIFF", compression="tiff_lzw"),
            grey(deep, {}, ">"),
        )
    pixels = rows[0].astype(np.uint8)
    if len(shape) == 3 and shape[0] == 3:
        pixels = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    opaque = pixels[..., :3] if pixels.ndim == 3 else pixels
    clear = (1, 2, 3) if opaque.ndim == 3 else 1
    return (
        saved(np.ascontiguousarray(opaque), "JPEG", quality=90),
        saved(np.ascontiguousarray(opaque), "JPEG", progressive=True, comment=b"a comment"),
        saved(pixels, "PNG", optimize=True, dpi=(72, 72)),
        saved(np.ascontiguousarray(opaque), "PNG", compress_level=0, transparency=clear),
        saved(np.ascontiguousarray(opaque), "WEBP", quality=50),
        saved(pixels, "WEBP", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
        saved(pixels, "BMP"),
        *(saved(pixels, "TIFF", compression=how) for how in (None, "tiff_lzw", "packbits")),
        saved(np.ascontiguousarray(opaque), "TIFF", compression="jpeg"),
        saved(pixels, "TIFF", compression="tiff_adobe_deflate", big_tiff=True),
    )


SAMPLES: Asked[Samples] = Asked(
    "tests/fuzz/seeds.py: add samples for codec {} to SAMPLES",
    {
        "json": _json,
        "json-schema": _json,
        "raw": _raw,
        "npy": _npy,
        "image": _image,
        "msgpack": _msgpack,
        "avro": _avro,
        "protobuf": _protobuf,
        "arrow": _arrow,
    },
)
"""Good payloads besides what `encode` writes: other forms, and many rows."""
