"""How far a reconstruction is from its record, value by value.

The structural similarity (SSIM) of Wang, Bovik, Sheikh and Simoncelli, Image quality assessment
(IEEE Transactions on Image Processing 13, 2004), equation 13, compares means, spreads and
correlation of small windows: a loss of contrast or sharpness counts that a squared error hardly
sees. As an error of autoencoders: Bergmann and others, Improving unsupervised defect segmentation
by applying structural similarity to autoencoders (VISAPP 2019). Huber's error: Robust estimation of
a location parameter (1964).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

ERROR_METRICS: Final = ("mse", "mae", "huber", "ssim", "mse+ssim")
"""What is averaged over the elements of a record, in normalised units: the squared error; the
absolute one; Huber's, which is half the squared one up to a bend and a straight line beyond;
1 - SSIM, of pictures; the squared error and a tenth of 1 - SSIM, of pictures."""
OF_PICTURES: Final = ("ssim", "mse+ssim")
BOUNDED: Final = ("ssim",)
"""Those that stay small however far off a pixel is."""
SSIM_SHARE: Final = 0.1
"""Of 1 - SSIM beside the squared error: about as much as that, in reconstructions of pictures."""
_BEND: Final = 1.0
"""Of Huber's error: a spread of a feature."""
_PICTURE_BEND: Final = 0.1
"""Of pixels, whose whole range is 1."""
_SIDE: Final = 7
"""Pixels of a window of SSIM, or what the picture has."""
_C1, _C2 = 0.01**2, 0.03**2


def misfit(metric: str, is_image: bool) -> str:
    """Why records cannot have this error, as a sentence, or ""."""
    if metric in OF_PICTURES and not is_image:
        return f"error_metric {metric} compares places of pictures, and these records are none."
    return ""


def element_errors(x: Tensor, reconstruction: Tensor, metric: str) -> Tensor:
    """The error of each element, same shape, >= 0.

    x, reconstruction: (B, *shape), normalised. metric: one of ERROR_METRICS; those OF_PICTURES
    take (B, C, H, W) alone. Raises ValueError for another metric or shape.
    """
    if metric in OF_PICTURES:
        unlike = 1 - similarity(x, reconstruction)
        if metric == "ssim":
            return unlike
        return (reconstruction - x).square() + SSIM_SHARE * unlike
    if metric == "huber":
        return functional.huber_loss(reconstruction, x, reduction="none", delta=bend(x.ndim == 4))
    difference = reconstruction - x
    if metric == "mse":
        return difference.square()
    if metric == "mae":
        return difference.abs()
    raise ValueError(f"error metric must be one of {', '.join(ERROR_METRICS)}, got {metric!r}")


def record_errors(x: Tensor, reconstruction: Tensor, metric: str) -> NDArray[np.float64]:
    """Mean error of each record, float64 (B,), >= 0. Summed in float64.

    x, reconstruction: (B, *shape), normalised.
    """
    elements = element_errors(x, reconstruction, metric).flatten(1)  # (B, elements)
    means: NDArray[np.float64] = elements.mean(1, dtype=torch.float64).cpu().numpy()
    return means


def similarity(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of the window around each pixel, (B, C, H, W), -1 to 1; 1 where both are the same.

    x, y: (B, C, H, W), from 0 to 1. At the border, the part of the window that lies inside.
    Raises ValueError for other shapes.
    """
    if x.ndim != 4:
        raise ValueError(f"ssim is for pictures, not for records of shape {tuple(x.shape[1:])}")
    mean_x, mean_y = _windows(x), _windows(y)
    # Of the differences from the picture's own mean: squares of large means leave no digits.
    middle = x.mean(dim=(2, 3), keepdim=True)
    x, y, shift_x, shift_y = x - middle, y - middle, mean_x - middle, mean_y - middle
    spread_x = (_windows(x * x) - shift_x * shift_x).clamp_min(0)
    spread_y = (_windows(y * y) - shift_y * shift_y).clamp_min(0)
    common = _windows(x * y) - shift_x * shift_y
    brightness = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
    structure = (2 * common + _C2) / (spread_x + spread_y + _C2)
    return (brightness * structure).clamp(-1, 1)


def bend(pictures: bool) -> float:
    """Where Huber's error becomes a straight line, in normalised units."""
    return _PICTURE_BEND if pictures else _BEND


def _windows(x: Tensor) -> Tensor:
    """The mean of the window around each pixel, same shape."""
    height, width = (min(_SIDE, side - 1 + side % 2) for side in x.shape[2:])
    return functional.avg_pool2d(
        x,
        (height, width),
        stride=1,
        padding=(height // 2, width // 2),
        count_include_pad=False,
    )
