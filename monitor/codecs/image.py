"""PNG, JPEG, WebP, BMP and TIFF pictures of the size that the model was trained on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.codecs.many import Many
from monitor.codecs.picture_batch import PictureBatch
from monitor.codecs.settings import CodecSettings
from monitor.pictures.form import DEEP, MODES, Form
from monitor.pictures.reading import pixels


class ImageCodec:
    """One image a payload; grey, RGB or RGBA as the model wants it, the rest is dropped.

    A model of 16 bits takes pictures of 16 bits of grey and no others, a model of 8 bits none of
    those. Raises ValueError for a record shape that is no image, or 16 bits of several channels.
    """

    def __init__(self, settings: CodecSettings) -> None:
        self._shape = settings.record_shape
        self._channels_first = False
        if len(self._shape) == 2:
            height, width, channels = *self._shape, 1
        elif len(self._shape) == 3 and self._shape[2] in MODES:
            height, width, channels = self._shape
        elif len(self._shape) == 3 and self._shape[0] in MODES:
            channels, height, width = self._shape
            self._channels_first = True
        else:
            raise ValueError(f"shape {self._shape} is not that of an image with 1, 3 or 4 channels")
        self._deep = settings.dtype == "uint16"
        if self._deep and channels != 1:
            raise ValueError(f"pictures of 16 bits have one channel, grey, not {channels}")
        self._form = Form(width, height, DEEP if self._deep else MODES[channels], settings.resized)
        self._max_pixels = settings.max_pixels
        self._batch = None if self._deep else PictureBatch(self._form.size, self._form.mode)

    def decode(self, value: bytes) -> NDArray[Any]:
        """One row, uint8 or uint16, with the pixels that a file of these bytes has."""
        picture = pixels(value, self._form, self._max_pixels)
        if self._channels_first:
            picture = picture.reshape(*self._form.size[::-1], -1).transpose(2, 0, 1)
        return picture.reshape(1, *self._shape)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The pictures that already are as the model wants them."""
        if self._batch is None or self._form.width * self._form.height > self._max_pixels:
            return Many.none(len(values))
        rows, found = self._batch.read(values)
        if self._channels_first:
            rows = np.ascontiguousarray(rows.transpose(0, 3, 1, 2))
        return Many(rows.reshape(-1, *self._shape), found.astype(np.int64))

    def encode(self, row: NDArray[Any]) -> bytes:
        """A PNG, without loss. Raises ValueError for a row that is not of the model's type."""
        if row.dtype != self._form.dtype:
            raise ValueError(
                f"images are uint8 (0 to 255), or uint16 for a model of 16 bits, got {row.dtype}"
            )
        picture = row.transpose(1, 2, 0) if self._channels_first else row
        if len(self._form.shape) == 2:
            picture = picture.reshape(self._form.shape)
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(stream, "PNG")
        return stream.getvalue()
