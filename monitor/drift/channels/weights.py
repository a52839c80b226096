"""How the channels' half of the evidence is shared among them.

    S_channels = sum of w_c S_c        w_c = weight of the channel's group / sum of all channels'

A mean with any fixed weights that add up to 1 keeps the budget, as an equal one does. A channel of
twice the weight needs half the capital: ln 2 = 0.7 nats of evidence less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.channel_groups import GROUPS

if TYPE_CHECKING:  # the configuration is read without torch
    from models.channels import Channels

LEAST: Final = 0.01
MOST: Final = 100.0

Weights = Mapping[str, float]
"""Of each channel of a group, against 1 for those of groups that are not named."""

EQUAL: Final[Weights] = {}


def check(weights: Weights) -> None:
    """Raise ValueError for a group that there is not, or a weight out of bounds."""
    for group, weight in weights.items():
        if group not in GROUPS:
            raise ValueError(f"there is no group {group!r:.80}; groups are {', '.join(GROUPS)}")
        if not math.isfinite(weight) or not LEAST <= weight <= MOST:
            raise ValueError(
                f"the weight of {group} must be from {LEAST:g} to {MOST:g}, got {weight:g}"
            )


def check_fit(weights: Weights, channels: Channels) -> None:
    """Raise ValueError for the weight of a group of which no channel is watched."""
    watched = {view.group for view in channels.each}
    for group in weights:
        if group not in watched:
            raise ValueError(
                f"no channel of group {group} is watched; of this model these are:"
                f" {', '.join(name for name in GROUPS if name in watched)}"
            )


def divisors(weights: Weights, channels: Channels) -> NDArray[np.float64]:
    """1 / w_c of each channel, (C,): their number for all, where no weights are given."""
    each = np.array([weights.get(view.group, 1.0) for view in channels.each])
    return np.asarray(each.sum() / each)
