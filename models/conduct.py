"""Conduct: how a training is run and told of. None of it changes the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.training import Listener


@dataclass(frozen=True)
class Conduct:
    """How a training is run.

    progress: called after each epoch. card: write the model card, which takes some seconds.
    choice: what a preset compared and chose, as `Choice.to_json` gives it, for the model card.
    """

    progress: Listener | None = None
    card: bool = True
    choice: Mapping[str, Any] | None = None
