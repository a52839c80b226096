"""InputSpec: how a record arrives, and how it is normalised for the network.

It is fitted once, on the training records, and travels in the bundle: at serving time nobody
has to know how the training data was scaled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from models.errors import ShapeError
from models.normalisation import Arithmetic, Normalisation

Layout = Literal["vector", "HW", "HWC", "CHW"]

MAX_ELEMENTS: Final = 1 << 24
"""Elements in one record; larger ones are refused before memory is allocated for them."""
MAX_CHANNELS: Final = 4
_DTYPES: Final = frozenset({"bool", "float16", "float32", "float64"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True)
class InputSpec:
    """Shape, layout and normalisation of the records of one model.

    shape: what the network sees, (d,) or (C, H, W). layout: how one record arrives. dtype: of
    the training records. offset, scale: per feature of a vector, per channel of an image; the
    network sees (record - offset) / scale. features: names of a vector's columns, or ().
    """

    shape: tuple[int, ...]
    layout: Layout
    dtype: str
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        dimensions = 1 if self.layout == "vector" else 3
        if self.layout not in get_args(Layout) or len(self.shape) != dimensions:
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
        if len(self.features) not in (0, self.shape[0]):
            raise ValueError(f"{self.shape[0]} features, but {len(self.features)} names")

    @property
    def record_shape(self) -> tuple[int, ...]:
        """Shape of one record as it arrives, e.g. (28, 28) for HW, (32, 32, 3) for HWC."""
        if self.layout == "HW":
            return self.shape[1:]
        if self.layout == "HWC":
            return (*self.shape[1:], self.shape[0])
        return self.shape

    @property
    def is_image(self) -> bool:
        """True for images, false for vectors."""
        return self.layout != "vector"

    @classmethod
    def fit(cls, records: NDArray[Any], features: Sequence[str] = ()) -> Self:
        """Return the spec of these records, (n, *record_shape), with the layout guessed.

        2-d arrays are vectors, 3-d (n, H, W), 4-d (n, H, W, C) when the last dimension is 1, 3
        or 4, else (n, C, H, W) when the second is. Raises ShapeError for anything else.
        Vectors are standardised (constant features keep scale 1); pixels are brought to [0, 1].
        """
        layout = _guess_layout(records)
        images = _channels_first(records, layout)
        offset, scale = _standard(images) if layout == "vector" else _pixel_range(images)
        if not np.all(np.isfinite(offset)) or not np.all(np.isfinite(scale)):
            raise ShapeError("records must be finite, and small enough to compute their spread.")
        try:
            return cls(
                shape=images.shape[1:],
                layout=layout,
                dtype=records.dtype.name,
                offset=tuple(offset.tolist()),
                scale=tuple(scale.tolist()),
                features=tuple(features),
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
            return _channels_first(records, self.layout)
        if records.ndim and shape == self.shape:
            return records
        raise ShapeError(f"each record must have shape {self.record_shape}, got {shape}.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return what `to_json` was called on; ValueError for anything else."""
        expected = {"shape", "layout", "dtype", "offset", "scale", "features"}
        if set(document) != expected:
            raise ValueError(f"needs exactly the keys {', '.join(sorted(expected))}")
        return cls(
            shape=_tuple_of(document, "shape", int),
            layout=cast("Layout", str(document["layout"])),
            dtype=str(document["dtype"]),
            offset=_tuple_of(document, "offset", float),
            scale=_tuple_of(document, "scale", float),
            features=_tuple_of(document, "features", str),
        )


def _tuple_of(document: Mapping[str, Any], key: str, kind: type) -> tuple[Any, ...]:
    values = document[key]
    if not isinstance(values, (list, tuple)) or any(type(value) is not kind for value in values):
        raise ValueError(f"{key} must be a list of {kind.__name__} values")
    return tuple(values)


def _guess_layout(records: NDArray[Any]) -> Layout:
    if records.dtype.kind not in "buif":
        raise ShapeError(f"records must be real numbers, got dtype {records.dtype}.")
    if records.size == 0:
        raise ShapeError(f"there are no values in an array of shape {records.shape}.")
    if records.ndim == 2:
        return "vector"
    if records.ndim == 3:
        return "HW"
    if records.ndim == 4 and records.shape[3] in (1, 3, 4):
        return "HWC"
    if records.ndim == 4 and records.shape[1] in (1, 3, 4):
        return "CHW"
    raise ShapeError(
        "records must be vectors (n, d) or images (n, H, W), (n, H, W, C) or (n, C, H, W) with "
        f"1, 3 or 4 channels, got shape {records.shape}."
    )


def _channels_first(records: NDArray[Any], layout: Layout) -> NDArray[Any]:
    if layout == "HW":
        return records[:, np.newaxis]
    return np.moveaxis(records, 3, 1) if layout == "HWC" else records


def _standard(vectors: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each feature; 1 where it is constant up to rounding."""
    values = vectors.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = values.mean(axis=0), values.std(axis=0)
    constant = deviation <= 1e-12 * np.abs(values).max(axis=0)
    return mean, np.where(constant, 1.0, deviation)


def _pixel_range(images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset and scale per channel: 0 and 255 for bytes, 0 and 1 for pixels that already fill
    most of [0, 1], otherwise (bytes that hold a few small numbers, too) the range of each channel.
    """
    channels = images.shape[1]
    if images.dtype == np.uint8 and images.max() >= 32:
        return np.zeros(channels), np.full(channels, 255.0)
    low = images.min(axis=(0, 2, 3)).astype(np.float64)
    high = images.max(axis=(0, 2, 3)).astype(np.float64)
    if low.min() >= 0 and 0.5 <= high.max() <= 1:
        return np.zeros(channels), np.ones(channels)
    with np.errstate(over="ignore", invalid="ignore"):
        span = high - low
    return low, np.where(span > 0, span, 1.0)
