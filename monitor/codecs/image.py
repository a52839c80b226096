"""PNG and JPEG images of the size that the model was trained on."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

FORMATS = ("PNG", "JPEG")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ImageCodec:
    """One image a payload; grey or RGB as the model wants it.

    Raises ValueError for a record shape that is no image.
    """

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._channels_first = False
        if len(self._shape) == 2:
            height, width, channels = *self._shape, 1
        elif len(self._shape) == 3 and self._shape[2] in _MODES:
            height, width, channels = self._shape
        elif len(self._shape) == 3 and self._shape[0] in _MODES:
            channels, height, width = self._shape
            self._channels_first = True
        else:
            raise ValueError(f"shape {self._shape} is not that of an image with 1, 3 or 4 channels")
        self._size = (width, height)
        self._mode = _MODES[channels]
        self._max_pixels = settings.max_pixels

    def decode(self, value: bytes) -> NDArray[Any]:
        """One row, uint8."""
        try:
            with warnings.catch_warnings(), Image.open(io.BytesIO(value), formats=FORMATS) as image:
                warnings.simplefilter("error")
                self._check(image)
                pixels = np.asarray(self._convert(image), dtype=np.uint8)
        except DecodeError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise DecodeError("oversized", f"{error}"[:300]) from None
        except (
            OSError, ValueError, SyntaxError, EOFError, struct.error, OverflowError,
            IndexError, KeyError, TypeError, Warning,
        ) as error:  # fmt: skip  # whatever Pillow's parsers raise on damaged files
            raise DecodeError("undecodable", f"not a readable PNG or JPEG: {error}"[:300]) from None
        if self._channels_first:
            pixels = pixels.reshape(*self._size[::-1], -1).transpose(2, 0, 1)
        return pixels.reshape(1, *self._shape)

    def _check(self, image: Image.Image) -> None:
        """Look at the header only; nothing is decompressed yet."""
        width, height = image.size
        if width * height > self._max_pixels:
            raise DecodeError(
                "oversized", f"{width} x {height} pixels, more than {self._max_pixels}"
            )
        if image.size != self._size:
            raise DecodeError(
                "wrong_shape",
                f"{self._size[0]} x {self._size[1]} pixels expected, got {width} x {height}",
            )
        frames = int(getattr(image, "n_frames", 1))
        if frames != 1:
            raise DecodeError("wrong_shape", f"one picture expected, got {frames} frames")

    def _convert(self, image: Image.Image) -> Image.Image:
        if image.mode in ("I", "I;16", "I;16B", "F"):
            raise DecodeError("wrong_dtype", "8 bits a channel expected, got more")
        return image if image.mode == self._mode else image.convert(self._mode)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A PNG, without loss. The row must be uint8: raises ValueError otherwise."""
        if row.dtype != np.uint8:
            raise ValueError(f"images are uint8 (0 to 255), got {row.dtype}")
        pixels = row.transpose(1, 2, 0) if self._channels_first else row
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(np.squeeze(pixels)), self._mode).save(stream, "PNG")
        return stream.getvalue()
