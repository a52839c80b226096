"""The groups of channels, by what each is of: see `views.View`."""

from __future__ import annotations

from typing import Final

GROUPS: Final = (
    "input", "residual", "code", "distance", "direction", "picture", "cell", "series",
)  # fmt: skip
