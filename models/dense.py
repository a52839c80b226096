"""Dense: a fully connected autoencoder for vectors of any length, and for small images.

    d -> hidden[0] -> ... -> hidden[-1] (the code) -> ... -> hidden[0] -> d

The code is bounded by tanh. Without a bound the network goes on linearly outside its training
range, and a stream that wanders off along a learned direction keeps being reproduced; with it
the reconstruction stays where the training data was and the error grows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from torch import Tensor, nn

from models import checks
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec

NEGATIVE_SLOPE: Final = 0.1
OUTPUTS: Final = ("linear", "sigmoid")


class Dense(Autoencoder):
    """Settings: hidden, the widths from the first layer to the code, mirrored by the decoder
    (default: halving from the input's size to its square root); output, "linear" (vectors) or
    "sigmoid" (images).
    """

    architecture = "dense"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        sizes = [math.prod(spec.shape), *settings["hidden"]]
        self.encoder = _stack(sizes)
        self.decoder = _stack(sizes[::-1])
        self.squash: nn.Module = nn.Sigmoid() if settings["output"] == "sigmoid" else nn.Identity()

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        checks.known(settings, ("hidden", "output"))
        output = settings.get("output", "sigmoid" if spec.is_image else "linear")
        hidden = settings.get("hidden", default_hidden(math.prod(spec.shape)))
        return {
            "hidden": checks.widths("hidden", hidden),
            "output": checks.choice("output", output, OUTPUTS),
        }

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes, (B, hidden[-1]), each value in (-1, 1)."""
        code: Tensor = self.encoder(x.flatten(1)).tanh()  # (B, hidden[-1])
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        flat: Tensor = self.squash(self.decoder(code))  # (B, d)
        return flat.reshape(-1, *self.shape)  # (B, *shape)


def default_hidden(d: int) -> list[int]:
    """Widths for records of d values: powers of two down to a code of about sqrt(d).

    784 -> 512, 256, 128, 64, 28; 52 -> 64, 32, 16, 7; 6 -> 16, 8, 4, 2; 1 -> 16, 8, 4, 2, 1.
    """
    code = min(64, math.isqrt(d))
    width = min(512, max(16, 1 << round(math.log2(d))))
    hidden = []
    while width >= 2 * code:
        hidden.append(width)
        width //= 2
    return [*hidden, code]


def _stack(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers through these sizes, with LeakyReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [_linear(inputs, outputs), nn.LeakyReLU(NEGATIVE_SLOPE)]
    return nn.Sequential(*layers[:-1])


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer that keeps the signal's variance: torch's own start makes deep stacks fade out."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, a=NEGATIVE_SLOPE)
    nn.init.zeros_(layer.bias)
    return layer
