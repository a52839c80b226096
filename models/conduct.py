"""Conduct: how a training is run and told of. None of it changes the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.training import Listener


@dataclass(frozen=True)
class Conduct:
    """How a training is run.

    progress: called after each epoch. card: write the model card, which takes some seconds.
    choice: what a preset compared and chose, as `Choice.to_json` gives it, for the model card.
    checkpoint: where an interrupted training by gradients leaves what it can go on from, a folder;
    one that is there is removed when the training is done. resume: go on from it.
    """

    progress: Listener | None = None
    card: bool = True
    choice: Mapping[str, Any] | None = None
    checkpoint: Path | None = None
    resume: bool = False
