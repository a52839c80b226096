"""A small picture of a picture: original | what the model made of it | where its error is."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.input_spec import InputSpec
from models.reconstruction import Reconstructions

SIDE: Final = 96
"""Pixels of a side of each part, at most; smaller pictures stay as they are."""
GAP: Final = 2
_HEAT: Final = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float64
)
"""From no error to the picture's largest: dark, violet, red, orange, pale."""


def thumbnail(spec: InputSpec, made: Reconstructions) -> bytes:
    """PNG of one record, (1, C, H, W) in `made`: three parts side by side, nothing between them.

    The map has its own scale: it says where the error is, not how large.
    """
    parts = [_unit_range(spec, made.original), _unit_range(spec, made.reconstruction)]
    shown = [_small(_colours(part)) for part in parts]
    shown.append(_small(_heat(made.element_error[0].mean(axis=0))))
    width, height = shown[0].size
    sheet = Image.new("RGBA", (3 * width + 2 * GAP, height))
    for i, part in enumerate(shown):
        sheet.paste(part, (i * (width + GAP), 0))
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _unit_range(spec: InputSpec, picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """(C, H, W) with the usual range of each channel brought to [0, 1], and clipped there."""
    lowest, span = (np.reshape(each, (-1, 1, 1)) for each in (spec.offset, spec.scale))
    wide = np.nan_to_num(picture[0].astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
    return np.asarray(np.clip((wide - lowest) / span, 0, 1))


def _colours(picture: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(C, H, W) as (H, W, 3); two channels are averaged, a fourth is left out."""
    three = picture[:3] if len(picture) >= 3 else picture.mean(axis=0, keepdims=True).repeat(3, 0)
    return np.asarray(np.moveaxis(np.rint(255 * three), 0, -1).astype(np.uint8))


def _heat(errors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W), >= 0, as (H, W, 3)."""
    finite = np.nan_to_num(errors.astype(np.float64), nan=0.0, posinf=1e30)
    scale = np.clip(finite / (finite.max() or 1.0), 0, 1)
    at = np.linspace(0, 1, len(_HEAT))
    bands = [np.interp(scale, at, _HEAT[:, band]) for band in range(3)]
    return np.asarray(np.rint(np.stack(bands, axis=-1)).astype(np.uint8))


def _small(pixels: NDArray[np.uint8]) -> Image.Image:
    """No side longer than SIDE, and none without a pixel."""
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    share = SIDE / max(height, width)
    if share >= 1:
        return picture
    size = (max(1, round(share * width)), max(1, round(share * height)))
    return picture.resize(size, Image.Resampling.BOX)
