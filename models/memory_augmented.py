"""Memory: a dense autoencoder that reconstructs records from few remembered codes.

    d -> hidden -> query -> weights over N remembered codes -> their weighted sum -> hidden -> d

Gong, Liu, Le, Saha, Mansour, Venkatesh and van den Hengel, Memorizing normality to detect anomaly
(ICCV 2019). A network with a code of its own may reproduce what it never saw; here only codes that
were normal in training are there to be put together. The weights are a softmax of cosine
similarities (equations 4 and 5), of which those of at most 1 / N become zero, and the entropy of
the rest is made small (9), so that each record uses few. Where they set a weight to zero (6 and 7),
1 / N is taken from all: else an error would jump with the last digit of a similarity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from models import checks
from models.autoencoder import Distance
from models.dense import Dense
from models.input_spec import InputSpec

REMEMBERED: Final = 100
ENTROPY: Final = 0.0002
MAX_ENTROPY: Final = 1000.0
_TINY: Final = 1e-12


class MemoryAugmented(Dense):
    """Settings: hidden, output, as for dense; remembered, the number of codes; entropy, the weight
    of the entropy of a record's weights.
    """

    architecture = "memory"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.entropy: float = settings["entropy"]
        self.remembered: int = settings["remembered"]
        memory = torch.empty(self.remembered, settings["hidden"][-1])  # (N, hidden[-1])
        self.memory = nn.Parameter(memory if memory.is_meta else nn.init.xavier_uniform_(memory))

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings; ValueError for those that do not fit."""
        own = {
            "remembered": checks.width("remembered", settings.get("remembered", REMEMBERED)),
            "entropy": checks.number("entropy", settings.get("entropy", ENTROPY), MAX_ENTROPY),
        }
        return {**super().check(spec, checks.without(settings, own)), **own}

    def weights(self, x: Tensor) -> Tensor:
        """How much each remembered code counts for each record, (B, N), each row with sum 1."""
        query = nn.functional.normalize(super().encode(x), dim=1)  # (B, hidden[-1])
        similarity = query @ nn.functional.normalize(self.memory, dim=1).t()  # (B, N)
        weights = similarity.softmax(1)
        return nn.functional.normalize((weights - 1 / self.remembered).relu(), p=1, dim=1)

    def encode(self, x: Tensor) -> Tensor:
        """Return the weighted sums of remembered codes, (B, hidden[-1])."""
        return self.weights(x) @ self.memory

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """Return the distance of the reconstruction, and the weighted mean entropy in nats."""
        weights = self.weights(x)  # (B, N)
        entropy = -(weights * (weights + _TINY).log()).sum(1).mean()
        return distance(x, self.decode(weights @ self.memory)) + self.entropy * entropy
