"""Resuming: which training a checkpoint belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

import torch
from numpy.typing import NDArray

from models.checkpoint import Identity, Keeper, check_target
from models.conduct import Conduct
from models.description import Description
from models.settings import TrainingSettings
from models.splits import Split, fingerprint


def keeper_for(
    records: NDArray[Any],
    parts: Split,
    settings: TrainingSettings,
    conduct: Conduct,
    described: Description,
) -> Keeper | None:
    """What keeps the state of this training, with that to go on from, if asked for.

    None if no checkpoint is to be left. Raises TrainingError.
    """
    if conduct.checkpoint is None:
        return None
    check_target(conduct.checkpoint)
    identity = _identity(records, parts, settings, described)
    keeper = Keeper(conduct.checkpoint, identity, conduct.choice)
    if conduct.resume:
        keeper.state = keeper.read()
    return keeper


def _identity(
    records: NDArray[Any], parts: Split, settings: TrainingSettings, described: Description
) -> Identity:
    """Another version of torch counts, too: it may round otherwise."""
    rows = {name: hashlib.sha256(part.tobytes()).hexdigest() for name, part in vars(parts).items()}
    return {
        "settings": settings.to_json(),
        "data": fingerprint(records),
        "schema": described.schema.to_json(),
        "layout": described.layout,
        "window": None if described.window is None else asdict(described.window),
        "parts": rows,
        "torch": torch.__version__,
    }
