"""Kinds of records, with payloads and a model for each."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models import bundle
from models.architectures import build
from models.autoencoder import Autoencoder
from models.bundle import Bundle
from models.input_spec import InputSpec
from models.reconstruction import errors_of
from models.reference import Reference
from models.solved import Solved

CALIBRATION = 5_000
LARGE_CALIBRATION = 1_000
SOLVED_FROM = 3_000
"""Rows that the weights of what is solved are computed from."""
LARGE = 10_000
"""Elements from which on a record is large: fewer of them are made."""


@dataclass(frozen=True)
class Kind:
    """Records of a shape and type, as a codec carries them, and the network that scores them.

    The weights are random, which costs what trained ones cost, or solved. The reference is measured
    on rows of the same law, so that one row in a thousand is anomalous, as in service.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    codec: str
    architecture: str

    def rows(self, count: int, seed: int) -> NDArray[Any]:
        """Random rows (count, *shape); pictures are smooth enough to be compressed."""
        rng = np.random.default_rng(seed)
        if self.dtype != "uint8":
            return rng.normal(size=(count, *self.shape)).astype(self.dtype)
        coarse = rng.integers(0, 256, (count, self.shape[0] // 4, self.shape[1] // 4))
        large = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
        return large if len(self.shape) == 2 else np.stack([large] * self.shape[2], axis=-1)

    def payload(self, row: NDArray[Any]) -> bytes:
        """The bytes of a record with this row."""
        if self.codec == "raw":
            return row.tobytes()
        if self.codec == "json":
            return str([round(float(value), 5) for value in row]).encode()
        if self.codec == "msgpack":
            return bytes(msgpack.packb(row.tolist()))
        out = io.BytesIO()
        if self.codec == "npy":
            np.save(out, row)
        else:
            Image.fromarray(row).save(out, "PNG")
        return out.getvalue()

    def payloads(self, count: int, seed: int = 1) -> list[bytes]:
        """Of different records."""
        return [self.payload(row) for row in self.rows(count, seed)]

    @property
    def calibration(self) -> int:
        """Rows of the reference."""
        return LARGE_CALIBRATION if math.prod(self.shape) > LARGE else CALIBRATION

    @cached_property
    def spec(self) -> InputSpec:
        """How its rows are normalised."""
        return InputSpec.fit(self.rows(512, 0))

    def network(self) -> Autoencoder:
        """The network, in evaluation mode, the same weights each time."""
        torch.manual_seed(0)
        network = build(self.architecture, self.spec, {})
        if isinstance(network, Solved):
            with torch.no_grad():
                network.solve(self.prepared(SOLVED_FROM, 3), network.share, 0)
        return network.eval()

    def prepared(self, count: int, seed: int = 1) -> Tensor:
        """Rows as the network sees them, float32 (count, *spec.shape)."""
        return torch.from_numpy(self.spec.prepare(self.rows(count, seed)))

    def known(self) -> Tensor:
        """The rows of the reference, as `prepared` has them."""
        return self.prepared(self.calibration, 2)

    def save(self, folder: Path) -> Bundle:
        """The model as a bundle."""
        network = self.network()
        errors = errors_of(network, self.known(), "mse")
        quantile = 0.999 if len(errors) > LARGE_CALIBRATION else 0.99
        return bundle.save(
            folder,
            model=network,
            input_spec=self.spec,
            reference=Reference.calibrate(errors, quantile, ordered=True),
            error_metric="mse",
            metadata={"created": "2024-01-01T00:00:00+00:00"},
        )

    def codec_settings(self) -> dict[str, Any]:
        """The section `codec` of the configuration."""
        return {"name": self.codec, **({"dtype": self.dtype} if self.codec == "raw" else {})}


def vector(features: int) -> Kind:
    """Vectors of float32, raw."""
    return Kind(f"{features} float32, raw", (features,), "float32", "raw", "dense")


DIGIT = Kind("28x28 uint8, raw, dense", (28, 28), "uint8", "raw", "dense")
DIGIT_CONVOLUTIONAL = Kind(
    "28x28 uint8, raw, convolutional", (28, 28), "uint8", "raw", "convolutional"
)
PNG = Kind("28x28 PNG, dense", (28, 28), "uint8", "image", "dense")
PNG_CONVOLUTIONAL = Kind("28x28 PNG, convolutional", (28, 28), "uint8", "image", "convolutional")
JSON = Kind("32 numbers, json", (32,), "float32", "json", "dense")
PICTURE_96 = Kind("96x96x3 PNG, convolutional", (96, 96, 3), "uint8", "image", "convolutional")
PICTURE_224 = Kind("224x224x3 PNG, convolutional", (224, 224, 3), "uint8", "image", "convolutional")
