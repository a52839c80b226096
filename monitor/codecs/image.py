"""PNG and JPEG images of the size that the model was trained on."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.pictures import converted, turned, turned_size
from monitor.codecs.many import Many
from monitor.codecs.orientation import orientation
from monitor.codecs.picture_batch import PictureBatch
from monitor.codecs.picture_end import check_whole
from monitor.codecs.picture_file import essential
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

FORMATS = ("PNG", "JPEG")
_PNG_DEPTH = 24
"""Where a PNG says how many bits a channel has. Pillow would cut 16 to 8 without a word."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ImageCodec:
    """One image a payload; grey, RGB or RGBA as the model wants it, the rest is dropped.

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
        self._batch = PictureBatch(self._size, self._mode)

    def decode(self, value: bytes) -> NDArray[Any]:
        """One row, uint8, turned as an orientation in EXIF says: as pictures of files are."""
        turn = orientation(value)
        value = essential(value)
        try:
            with warnings.catch_warnings():
                # Damaged EXIF or an unusual palette is no reason to lose a good picture.
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(value), formats=FORMATS) as image:
                    self._check(image, value, turn)
                    pixels = np.asarray(converted(turned(image, turn), self._mode))
                    check_whole(value)
        except DecodeError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise DecodeError("oversized", f"{error}"[:300]) from None
        except UnidentifiedImageError:
            raise DecodeError("undecodable", "not a PNG or JPEG that can be read") from None
        except Exception as error:  # noqa: BLE001
            # Pillow's parsers raise nearly anything on damaged files, and no payload may stop us.
            raise DecodeError("undecodable", f"a damaged picture: {error}"[:300]) from None
        if self._channels_first:
            pixels = pixels.reshape(*self._size[::-1], -1).transpose(2, 0, 1)
        return pixels.reshape(1, *self._shape)

    def decode_many(self, values: Sequence[bytes]) -> Many:
        """The pictures that already are as the model wants them."""
        if self._size[0] * self._size[1] > self._max_pixels:
            return Many.none(len(values))
        pixels, found = self._batch.read(values)
        if self._channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return Many(pixels.reshape(-1, *self._shape), found.astype(np.int64))

    def _check(self, image: Image.Image, value: bytes, turn: int) -> None:
        """Look at the header only; nothing is decompressed yet."""
        width, height = turned_size(image.size, turn)
        if width * height > self._max_pixels:
            raise DecodeError(
                "oversized", f"{width} x {height} pixels, more than {self._max_pixels}"
            )
        if (width, height) != self._size:
            raise DecodeError(
                "wrong_shape",
                f"{self._size[0]} x {self._size[1]} pixels expected, got {width} x {height}",
            )
        frames = int(getattr(image, "n_frames", 1))
        if frames != 1:
            raise DecodeError("wrong_shape", f"one picture expected, got {frames} frames")
        if image.format == "PNG" and value[_PNG_DEPTH] > 8:
            raise DecodeError("wrong_dtype", f"8 bits a channel expected, got {value[_PNG_DEPTH]}")

    def encode(self, row: NDArray[Any]) -> bytes:
        """A PNG, without loss. The row must be uint8: raises ValueError otherwise."""
        if row.dtype != np.uint8:
            raise ValueError(f"images are uint8 (0 to 255), got {row.dtype}")
        pixels = row.transpose(1, 2, 0) if self._channels_first else row
        if self._mode == "L":
            pixels = pixels.reshape(self._size[::-1])
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
        return stream.getvalue()
