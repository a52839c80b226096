"""Changes that a camera suffers, to be streamed in the demo. One function each.

Each takes images (N, H, W) uint8 and a random generator and returns images of the same form.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Drift = Callable[[Images, np.random.Generator], Images]


def defocus(images: Images, rng: np.random.Generator) -> Images:
    """The lens has lost its focus: a Gaussian blur of 1.2 pixels."""
    from scipy import ndimage

    return _to_bytes(ndimage.gaussian_filter(images.astype(np.float32), sigma=(0, 1.2, 1.2)))


def rotate(images: Images, rng: np.random.Generator) -> Images:
    """The mount has slipped: everything turned by 45 degrees."""
    from scipy import ndimage

    # Cubic, since linear interpolation blurs, and blurred digits are easy to reconstruct.
    turned = ndimage.rotate(images.astype(np.float32), 45, axes=(2, 1), reshape=False, order=3)
    return _to_bytes(turned)


def fade(images: Images, rng: np.random.Generator) -> Images:
    """The light is failing: 45% of the brightness is left."""
    return _to_bytes(images * np.float32(0.45))


def noise(images: Images, rng: np.random.Generator) -> Images:
    """The sensor runs hot: Gaussian noise of 25 grey levels."""
    return _to_bytes(images + rng.normal(0, 25, images.shape))


def dirt(images: Images, rng: np.random.Generator) -> Images:
    """Dirt on the lens: a bright spot that stays where it is."""
    dirty = images.copy()
    height, width = images.shape[1:]
    dirty[:, height // 5 : height // 5 + 4, width // 5 : width // 5 + 4] = 220
    return dirty


def invert(images: Images, rng: np.random.Generator) -> Images:
    """Somebody changed the polarity: black is white."""
    return np.asarray(255 - images, dtype=np.uint8)


def stuck(images: Images, rng: np.random.Generator) -> Images:
    """The camera hangs: the same frame again and again."""
    return np.repeat(images[:1], len(images), axis=0)


DRIFTS: dict[str, Drift] = {
    "defocus": defocus,
    "rotate": rotate,
    "fade": fade,
    "noise": noise,
    "dirt": dirt,
    "invert": invert,
    "stuck": stuck,
}


def _to_bytes(values: NDArray[np.floating]) -> Images:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
