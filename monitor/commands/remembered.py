"""What the newest snapshot of a daemon remembers of its episodes, for the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def remembered(folder: Path) -> Mapping[str, Any]:
    """As `History.state` has it, with the episodes of segments; the daemon may run.

    Raises UserError if there is no snapshot. folder: its state.directory.
    """
    from monitor.drift.judge_state import decode
    from monitor.errors import UserError
    from monitor.pipeline.step import MEMORY_SCHEMA
    from monitor.state.folder import newest

    snapshot = newest(folder)
    if snapshot is None:
        raise UserError(
            f"no snapshot that can be read in {folder}. The daemon writes one every few seconds;"
            " look at state.directory."
        )
    memory = decode(snapshot.memory, MEMORY_SCHEMA)
    found = dict(memory.get("chronicle", {"episodes": []}))
    if "segments" in memory:
        both = [*found["episodes"], *memory["segments"]["history"]["episodes"]]
        found["episodes"] = sorted(both, key=lambda episode: episode["fired_at"])
    return found
