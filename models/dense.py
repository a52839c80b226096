"""Dense: a fully connected autoencoder for vectors of any length, and for small images.

    d -> hidden[0] -> ... -> hidden[-1] (the code) -> ... -> hidden[0] -> d

The code is bounded by tanh. Without a bound the network goes on linearly outside its training
range, and a stream that wanders off along a learned direction keeps being reproduced; with it
the reconstruction stays where the training data was and the error grows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models import checks
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.layers import OUTPUTS, default_hidden, squash, stack


class Dense(Autoencoder):
    """Settings: hidden, the widths from the first layer to the code, mirrored by the decoder
    (default: halving from the input's size to its square root); output, "linear" (vectors) or
    "sigmoid" (images).
    """

    architecture = "dense"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        sizes = [math.prod(spec.shape), *settings["hidden"]]
        self.encoder = stack(sizes)
        self.decoder = stack(sizes[::-1])
        self.squash = squash(settings["output"])

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
