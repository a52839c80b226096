"""What fully connected stacks are made of: for architectures that have one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from torch import nn

NEGATIVE_SLOPE: Final = 0.1
OUTPUTS: Final = ("linear", "sigmoid")
"""What may follow the last layer: nothing (vectors), or a bound to (0, 1) (images)."""


def stack(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers through these sizes, with LeakyReLU between them: (B, first) to (B, last)."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [linear(inputs, outputs), nn.LeakyReLU(NEGATIVE_SLOPE)]
    return nn.Sequential(*layers[:-1])


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer that keeps the signal's variance: torch's own start makes deep stacks fade out."""
    layer = nn.Linear(inputs, outputs)
    # An outline has nothing to fill, and torch would import its compiler to find that out (3 s).
    if layer.weight.is_meta:
        return layer
    nn.init.kaiming_normal_(layer.weight, a=NEGATIVE_SLOPE)
    nn.init.zeros_(layer.bias)
    return layer


def squash(output: str) -> nn.Module:
    """What one of OUTPUTS names."""
    return nn.Sigmoid() if output == "sigmoid" else nn.Identity()


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
