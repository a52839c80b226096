"""Places where a test may have the daemon die, fail or hang: proof that a fault there is harmless.

Nothing happens unless the environment variable AEAD_FAILPOINTS names a file. Each line of the
file is the name of a place and what shall happen there: `kill`, `fail` or `hang`. The file is
read anew at every place, so that a test can change it while the daemon runs.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

VARIABLE: Final = "AEAD_FAILPOINTS"
SWAP_PLACES: Final = ("swap_begun", "model_replaced", "parting_told", "swap_done")
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
LONGEST_HANG_SECONDS: Final = 60.0
_FILE: Final = os.environ.get(VARIABLE)


def reach(place: str) -> None:
    """Die here, raise OSError or hang, if the file says so."""
    if _FILE is not None:
        _obey(place, Path(_FILE))


def _obey(place: str, orders: Path) -> None:
    action = _ordered(place, orders)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "fail":
        raise OSError(28, "failpoint: no space left on device", place)
    deadline = time.monotonic() + LONGEST_HANG_SECONDS
    while action == "hang" and time.monotonic() < deadline:
        time.sleep(0.05)
        action = _ordered(place, orders)


def _ordered(place: str, orders: Path) -> str:
    if not orders.exists():
        return ""
    lines = [line.split() for line in orders.read_text(encoding="utf-8").splitlines()]
    return next((line[1] for line in lines if len(line) == 2 and line[0] == place), "")
