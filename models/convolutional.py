"""Convolutional: strided convolutions to a short code and transposed convolutions back.

    (C, H, W) -> (c1, H/2, W/2) -> ... -> (ck, h, w) -> dropout -> code -> ... -> (C, H, W)

Each stage halves height and width, rounding up; on the way back, output padding brings back the
exact size, so any height and width from 8 up work, odd ones too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor, nn

from models import checks
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.layers import NEGATIVE_SLOPE, OUTPUTS, squash

MIN_SIDE: Final = 8
MAX_STAGES: Final = 12
DROPOUT: Final = 0.1


class Convolutional(Autoencoder):
    """Settings: channels of each stage (default 16, 32, 64, ...: at least two, until the
    smaller side is at most 4); bottleneck, the length of the code (default 1/24 of the pixel
    values, from 8 to 256); dropout before the bottleneck; output, "sigmoid" or "linear".
    """

    architecture = "convolutional"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        channels = [spec.shape[0], *settings["channels"]]
        sizes = _sizes(spec.shape[1:], len(channels) - 1)
        self.inner = (channels[-1], *sizes[-1])
        self.down = nn.Sequential(*map(_down, channels[:-1], channels[1:]))
        self.dropout = nn.Dropout(settings["dropout"])
        self.to_code = nn.Linear(math.prod(self.inner), settings["bottleneck"])
        self.from_code = nn.Linear(settings["bottleneck"], math.prod(self.inner))
        inner = map(_up, channels[:1:-1], channels[-2:0:-1], sizes[-2:0:-1])
        self.up = nn.Sequential(*inner, _grow(channels[1], channels[0], sizes[0]))
        self.squash = squash(settings["output"])

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for small images."""
        checks.known(settings, ("channels", "bottleneck", "dropout", "output"))
        if not spec.is_image or min(spec.shape[1:]) < MIN_SIDE:
            raise ValueError(
                f"convolutional needs images of at least {MIN_SIDE} x {MIN_SIDE} pixels, got "
                f"records of shape {spec.record_shape}; use dense"
            )
        channels = settings.get("channels", default_channels(spec.shape[1], spec.shape[2]))
        bottleneck = settings.get("bottleneck", min(256, max(8, math.prod(spec.shape) // 24)))
        return {
            "channels": checks.widths("channels", channels, MAX_STAGES),
            "bottleneck": checks.width("bottleneck", bottleneck),
            "dropout": checks.share("dropout", settings.get("dropout", DROPOUT)),
            "output": checks.choice("output", settings.get("output", "sigmoid"), OUTPUTS),
        }

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes, (B, bottleneck)."""
        features = self.down(x)  # (B, ck, h, w)
        code: Tensor = self.to_code(self.dropout(features.flatten(1)))  # (B, bottleneck)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return images from their codes, (B, C, H, W)."""
        features = self.from_code(code).unflatten(1, self.inner)  # (B, ck, h, w)
        image: Tensor = self.squash(self.up(features))  # (B, C, H, W)
        return image


def default_channels(height: int, width: int) -> list[int]:
    """16, 32, 64, ... (at most 128): stages that halve the smaller side to 4 or less, 2 or more."""
    stages = max(2, math.ceil(math.log2(min(height, width) / 4)))
    return [min(128, 16 << stage) for stage in range(stages)]


def _sizes(size: tuple[int, ...], stages: int) -> list[tuple[int, ...]]:
    """Height and width before the first stage and after each."""
    sizes = [size]
    for _ in range(stages):
        sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
    return sizes


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(NEGATIVE_SLOPE),
    )  # (B, inputs, H, W) -> (B, outputs, ceil(H / 2), ceil(W / 2))


def _up(inputs: int, outputs: int, size: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(
        _grow(inputs, outputs, size, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(NEGATIVE_SLOPE),
    )  # (B, inputs, ceil(H / 2), ceil(W / 2)) -> (B, outputs, H, W)


def _grow(inputs: int, outputs: int, size: tuple[int, ...], bias: bool = True) -> nn.Module:
    """A transposed convolution that ends at exactly `size`, the (H, W) that was halved."""
    height, width = size
    padding = (1 - height % 2, 1 - width % 2)
    return nn.ConvTranspose2d(
        inputs, outputs, 3, stride=2, padding=1, output_padding=padding, bias=bias
    )  # (B, inputs, ceil(H / 2), ceil(W / 2)) -> (B, outputs, H, W)
