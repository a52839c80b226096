"""The groups of measurements, in the order of the report."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from benchmarks.bench import (
    decoding,
    end_to_end,
    endurance,
    files,
    in_memory,
    judging,
    latency,
    pages,
    profile,
    scoring,
)

GROUPS: Final[dict[str, ModuleType]] = {
    "end_to_end": end_to_end,
    "in_memory": in_memory,
    "scoring": scoring,
    "decoding": decoding,
    "judging": judging,
    "latency": latency,
    "pages": pages,
    "profile": profile,
    "endurance": endurance,
    "files": files,
}
"""Each module has TITLE and `run(Run) -> Result`."""
ON_DEMAND: Final = frozenset({"endurance", "files"})
"""Those that take long, and are measured only when they are named."""
