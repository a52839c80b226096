"""Places between two effects, where a test may have the process die, fail or hang.

The product does nothing there, whatever its environment says: only a test puts a function of its
own in place of `obey` (tests/failpoints.py), and so proves that a fault at that place is harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SWAP_PLACES: Final = ("swap_begun", "model_replaced", "handover_told", "swap_done")
"""Reached only when a model is replaced."""
PLACES: Final = (
    "batch_decided",
    "events_published",
    "events_flushed",
    "snapshot_half_written",
    "snapshot_written",
    "offsets_committed",
    "snapshot_accepted",
    "snapshot_write",
    "sink",
    *SWAP_PLACES,
)
REGISTRY_PLACES: Final = (
    "bundle_half_copied",
    "bundle_copied",
    "bundle_added",
    "aliases_half_written",
    "aliases_switched",
    "history_half_written",
    "history_written",
    "link_moved",
)
"""Reached by those who write to the embedded registry."""
MLFLOW_PLACES: Final = ("run_written", "promotion_recorded", "previous_set")
"""Reached by those who write to a registry in MLflow."""


def nothing(place: str) -> None:
    """What happens at every place of the installed product."""


obey: Callable[[str], None] = nothing
"""What happens at a place. Read at every place, so that a test can replace it at any time."""


def reach(place: str) -> None:
    """Say that a place is reached. Raises what `obey` raises: nothing outside tests."""
    obey(place)
