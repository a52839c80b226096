"""InputSpec: how a record arrives, and how it is normalised for the network.

It is fitted once, on the training records, and travels in the bundle: at serving time nobody
has to know how the training data was scaled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Self, cast

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError
from models.layouts import DIMENSIONS, Layout, channels_first, layout_of, record_shape
from models.normalisation import Arithmetic, Normalisation
from models.scaling import pixel_range, standard, usual_range
from models.schema import Schema
from models.windows import Window

MAX_ELEMENTS: Final = 1 << 24
"""Elements in one record; larger ones are refused before memory is allocated for them."""
MAX_CHANNELS: Final = 4
_KEYS: Final = ("shape", "layout", "dtype", "offset", "scale")
_DTYPES: Final = frozenset({"bool", "float16", "float32", "float64"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True)
class InputSpec:
    """Shape, layout and normalisation of the records of one model.

    shape: what the network sees, (d,), (C, T) or (C, H, W). layout: how one record arrives. dtype:
    of the training records. offset, scale: per column of a vector as the network sees it, per
    channel of a series or image; the network sees (record - offset) / scale. schema: features of
    a vector, channels of a series. ranges: usual least and greatest value per feature or channel,
    or () if not known. window: how series are made, if the stream has single steps of them.
    """

    shape: tuple[int, ...]
    layout: Layout
    dtype: str
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    schema: Schema = field(default_factory=Schema)
    ranges: tuple[tuple[float, float], ...] = ()
    window: Window | None = None

    def __post_init__(self) -> None:
        dimensions = DIMENSIONS.get(self.layout)
        if len(self.shape) != dimensions:
            raise ValueError(f"layout {self.layout!r} does not fit shape {self.shape}")
        if any(type(n) is not int or n < 1 for n in self.shape):
            raise ValueError(f"shape must be positive whole numbers, got {self.shape}")
        if math.prod(self.shape) > MAX_ELEMENTS:
            raise ValueError(f"a record has at most {MAX_ELEMENTS} elements, got {self.shape}")
        if dimensions == 3 and self.shape[0] > MAX_CHANNELS:
            raise ValueError(f"an image has at most {MAX_CHANNELS} channels, got {self.shape[0]}")
        if self.layout == "HW" and self.shape[0] != 1:
            raise ValueError(f"layout HW has one channel, got {self.shape[0]}")
        if self.dtype not in _DTYPES:
            raise ValueError(f"dtype must be a real number type, got {self.dtype!r}")
        if not len(self.offset) == len(self.scale) == self.shape[0]:
            raise ValueError(f"offset and scale need {self.shape[0]} values each")
        if not all(map(math.isfinite, self.offset + self.scale)) or min(self.scale) <= 0:
            raise ValueError("offset and scale must be finite, and scale above 0")
        if len(self.schema.columns) not in (0, self.shape[0]):
            raise ValueError(f"{self.shape[0]} features, but {len(self.schema.columns)} names")
        if len(self.ranges) not in (0, self.record_shape[0], self.shape[0]):
            raise ValueError(f"{len(self.ranges)} ranges, which fit no record")
        if self.layout == "series" and not self.schema.plain:
            raise ValueError("the channels of a series are numbers that are never missing")
        if self.window and (self.layout != "series" or self.window.length != self.shape[1]):
            raise ValueError(f"windows of {self.window.length} steps, and records that are none")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a vector's features, or ()."""
        return self.schema.names

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a vector's values as the network sees them, or ()."""
        return self.schema.columns

    @property
    def record_shape(self) -> tuple[int, ...]:
        """Shape of one record as it arrives, e.g. (28, 28) for HW, (32, 32, 3) for HWC."""
        whole = record_shape(self.shape, self.layout)
        return whole if self.schema.plain else (len(self.features),)

    @property
    def payload_shape(self) -> tuple[int, ...]:
        """Shape of what a message carries: a record, or one step of a series."""
        return self.record_shape if self.window is None else self.shape[:1]

    @property
    def steps(self) -> Self:
        """The spec of single steps, of a spec of windows over them."""
        return replace(self, shape=self.shape[:1], layout="vector", window=None)

    @property
    def is_image(self) -> bool:
        """True for images, false for vectors and series."""
        return len(self.shape) == 3

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """Bool (shape[0],): numbers, per column or channel, that were not constant in training."""
        if not self.ranges:
            # As bundles of before have it.
            return np.not_equal(self.scale, 1.0)
        moving = np.array([low < high for low, high in self.ranges])
        if self.schema.plain:
            return moving
        names = {name for name, moves in zip(self.features, moving, strict=True) if moves}
        known = np.array([name in names for name in self.columns], dtype=np.bool_)
        numbers: NDArray[np.bool_] = known & ~self.schema.binary
        return numbers

    @classmethod
    def fit(
        cls,
        records: NDArray[Any],
        schema: Schema | None = None,
        held_out: NDArray[Any] | None = None,
        layout: str = "",
        window: Window | None = None,
    ) -> Self:
        """Return the spec of these records, (n, *record_shape). Raises ShapeError.

        layout: "series", "image", or "" to guess as `layout_of` does. Features and channels of
        series are standardised, and constants as `scaling` says; pixels are brought to [0, 1].
        held_out: further normal records, which tell how surprising it is that a constant moves.
        """
        found, schema = layout_of(records, layout), schema or Schema()
        images = channels_first(records, found)
        if found == "vector":
            offset, scale = _of_vectors(records, schema, held_out)
        elif found == "series":
            later = None if held_out is None else held_out.reshape(-1, records.shape[2])
            offset, scale = _of_vectors(records.reshape(-1, records.shape[2]), schema, later)
        else:
            offset, scale = pixel_range(images)
        if not np.all(np.isfinite(offset)) or not np.all(np.isfinite(scale)):
            raise ShapeError("records must be finite, and small enough to compute their spread.")
        ranges = np.stack(usual_range(images), axis=1).tolist()
        try:
            return cls(
                shape=(len(offset),) if found == "vector" else images.shape[1:],
                layout=found,
                dtype=records.dtype.name,
                offset=tuple(offset.tolist()),
                scale=tuple(scale.tolist()),
                schema=schema,
                ranges=tuple((low, high) for low, high in ranges),
                window=window,
            )
        except ValueError as error:
            raise ShapeError(
                f"cannot train on records of shape {records.shape}: {error}."
            ) from error

    def prepare(self, records: NDArray[Any]) -> NDArray[np.float32]:
        """Records as the network sees them: float32 (B, *shape), normalised.

        records: (B, *record_shape) or (B, *shape), any real dtype. Computed as `Normalisation`
        says. That values are finite is for the caller to check. Raises ShapeError.
        """
        batch = self.in_network_shape(records)
        prepared = np.empty((len(batch), math.prod(self.shape)), dtype=np.float32)
        self.normalisation().into(prepared, batch)
        return prepared.reshape(batch.shape)

    def normalisation(self, channels_last: bool = False) -> Normalisation:
        """What normalises records (B, *shape), with memory of its own."""
        return Normalisation(self.shape, self.arithmetic, channels_last)

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """How offset and scale are taken from and to records."""
        return Arithmetic(self.offset, self.scale)

    def restore(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo the normalisation, for pictures: float32 (B, *shape) in the records' units."""
        values = x * self._scale + self._offset
        return np.asarray(values, dtype=np.float32)

    @cached_property
    def _offset(self) -> NDArray[np.float64]:
        return self._per_channel(self.offset)

    @cached_property
    def _scale(self) -> NDArray[np.float64]:
        return self._per_channel(self.scale)

    def _per_channel(self, values: tuple[float, ...]) -> NDArray[np.float64]:
        return np.reshape(values, (-1, *(1,) * (len(self.shape) - 1)))

    def in_network_shape(self, records: NDArray[Any]) -> NDArray[Any]:
        """Records (B, *record_shape) or (B, *shape) as (B, *shape), not copied; else ShapeError."""
        if records.dtype.kind not in "buif":
            raise ShapeError(f"records must be real numbers, got dtype {records.dtype}.")
        shape = records.shape[1:]
        if records.ndim and shape == self.record_shape:
            if not self.schema.plain:
                return self._filled(self.schema.expand(records))
            return channels_first(records, self.layout)
        if records.ndim and shape == self.shape:
            return records
        raise ShapeError(f"each record must have shape {self.record_shape}, got {shape}.")

    def _filled(self, columns: NDArray[Any]) -> NDArray[Any]:
        """With the usual value, which the network sees as 0, where one is missing."""
        missing = np.isnan(columns)
        if missing.any():
            columns[missing] = np.broadcast_to(self._offset, columns.shape)[missing]
        return columns

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = (*_KEYS, "features")
        document = {name: getattr(self, name) for name in names}
        if self.schema != Schema.numbers(self.features):
            document["schema"] = self.schema.to_json()
        if self.ranges:
            document["ranges"] = [list(each) for each in self.ranges]
        if self.window is not None:
            document["window"] = asdict(self.window)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return what `to_json` was called on; ValueError for anything else."""
        keys = {*_KEYS, "features"}
        if not keys <= set(document) <= keys | {"schema", "ranges", "window"}:
            raise ValueError(f"needs the keys {', '.join(sorted(keys))}, and no others")
        features = _tuple_of(document, "features", str)
        schema = Schema.numbers(features)
        if "schema" in document:
            schema = Schema.from_json(document["schema"])
        if schema.names != features:
            raise ValueError("features and schema name different columns")
        return cls(
            shape=_tuple_of(document, "shape", int),
            layout=cast("Layout", str(document["layout"])),
            dtype=str(document["dtype"]),
            offset=_tuple_of(document, "offset", float),
            scale=_tuple_of(document, "scale", float),
            schema=schema,
            ranges=tuple(_pair(each) for each in document.get("ranges", ())),
            window=None if document.get("window") is None else _window(document["window"]),
        )


def _pair(values: Any) -> tuple[float, float]:
    low, high = _tuple_of({"ranges": values}, "ranges", float)
    return low, high


def _window(document: Any) -> Window:
    if not isinstance(document, Mapping) or set(document) != {"length", "stride", "by"}:
        raise ValueError("window needs the keys length, stride and by")
    return Window(document["length"], document["stride"], str(document["by"]))


def _tuple_of(document: Mapping[str, Any], key: str, kind: type) -> tuple[Any, ...]:
    values = document[key]
    if not isinstance(values, (list, tuple)) or any(type(value) is not kind for value in values):
        raise ValueError(f"{key} must be a list of {kind.__name__} values")
    return tuple(values)


def _of_vectors(
    records: NDArray[Any], schema: Schema, held_out: NDArray[Any] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset and scale of each column that the network sees."""
    if schema.features and len(schema.features) != records.shape[1]:
        raise ShapeError(f"{records.shape[1]} features, but {len(schema.features)} names.")
    if schema.plain:
        return standard(records, held_out, schema.binary if schema.features else None)
    columns = schema.expand(records)
    middle = np.nanmedian(columns, axis=0) if np.isnan(columns).any() else columns.mean(axis=0)
    columns = np.where(np.isnan(columns), middle, columns)
    later = None
    if held_out is not None:
        later = schema.expand(held_out)
        later = np.where(np.isnan(later), middle, later)
    return standard(columns, later, schema.binary)
