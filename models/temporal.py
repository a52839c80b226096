"""Temporal: strided convolutions over time to a short code, and transposed ones back.

    (C, T) -> (c1, T/2) -> ... -> (ck, t) -> code -> ... -> (C, T)

Each stage halves the steps, rounding up; on the way back, output padding brings back the exact
length, so that any number of steps from 8 up works. The code is bounded by tanh, as that of
`dense` is, and for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor, nn

from models import checks
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.layers import NEGATIVE_SLOPE

MIN_STEPS: Final = 8
MAX_STAGES: Final = 12
_KERNEL: Final = 5
_LAST_STEPS: Final = 8
"""Stages go on until there are no more steps than this."""


class Temporal(Autoencoder):
    """Settings: channels of each stage (default 32, 64, 64, ...: until at most 8 steps are left);
    bottleneck, the length of the code (default 1/16 of the values, from 4 to 128).
    """

    architecture = "temporal"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        channels = [spec.shape[0], *settings["channels"]]
        sizes = _sizes(spec.shape[1], len(channels) - 1)
        self.inner = (channels[-1], sizes[-1])
        self.down = nn.Sequential(*map(_down, channels[:-1], channels[1:]))
        self.to_code = nn.Linear(math.prod(self.inner), settings["bottleneck"])
        self.from_code = nn.Linear(settings["bottleneck"], math.prod(self.inner))
        inner = map(_up, channels[:1:-1], channels[-2:0:-1], sizes[-2:0:-1])
        self.up = nn.Sequential(*inner, _grow(channels[1], channels[0], sizes[0]))

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit, and for short series."""
        checks.known(settings, ("channels", "bottleneck"))
        if spec.layout != "series" or spec.shape[1] < MIN_STEPS:
            raise ValueError(
                f"temporal needs series of at least {MIN_STEPS} steps, got records of shape"
                f" {spec.record_shape}; use dense"
            )
        channels = settings.get("channels", default_channels(spec.shape[1]))
        bottleneck = settings.get("bottleneck", min(128, max(4, math.prod(spec.shape) // 16)))
        return {
            "channels": checks.widths("channels", channels, MAX_STAGES),
            "bottleneck": checks.width("bottleneck", bottleneck),
        }

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes, (B, bottleneck), each value in (-1, 1)."""
        features = self.down(x)  # (B, ck, t)
        code: Tensor = self.to_code(features.flatten(1)).tanh()  # (B, bottleneck)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return series from their codes, (B, C, T)."""
        features = self.from_code(code).unflatten(1, self.inner)  # (B, ck, t)
        series: Tensor = self.up(features)  # (B, C, T)
        return series


def default_channels(steps: int) -> list[int]:
    """32, 64, 64, ...: one or more stages that halve the steps to 8 or less."""
    stages = max(1, math.ceil(math.log2(steps / _LAST_STEPS)))
    return [32, *([64] * (stages - 1))]


def _sizes(steps: int, stages: int) -> list[int]:
    """Steps before the first stage and after each."""
    sizes = [steps]
    for _ in range(stages):
        sizes.append(math.ceil(sizes[-1] / 2))
    return sizes


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, _KERNEL, stride=2, padding=_KERNEL // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.LeakyReLU(NEGATIVE_SLOPE),
    )  # (B, inputs, T) -> (B, outputs, ceil(T / 2))


def _up(inputs: int, outputs: int, steps: int) -> nn.Module:
    return nn.Sequential(
        _grow(inputs, outputs, steps, bias=False),
        nn.BatchNorm1d(outputs),
        nn.LeakyReLU(NEGATIVE_SLOPE),
    )  # (B, inputs, ceil(T / 2)) -> (B, outputs, T)


def _grow(inputs: int, outputs: int, steps: int, bias: bool = True) -> nn.Module:
    """A transposed convolution that ends at exactly `steps`, the T that was halved."""
    return nn.ConvTranspose1d(
        inputs, outputs, _KERNEL, stride=2, padding=_KERNEL // 2, output_padding=1 - steps % 2,
        bias=bias,
    )  # fmt: skip  # (B, inputs, ceil(T / 2)) -> (B, outputs, T)
