"""JudgeSettings: every knob of the judge, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.drift.budget import Budget

DEFAULT_BUDGET: Final = Budget(alarms=1, records=1e6, seconds=None)


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge judges; the configuration says what each means.

    window_seconds: a window by stream time instead of by rows, or None. advisory: name of a
    detector whose signal is shown and never pages, or None. channel_weights: see
    `channels.weights`.
    """

    budget: Budget = DEFAULT_BUDGET
    detector: str = "betting"
    advisory: str | None = None
    tolerance: float = 0.05
    guard_seconds: float = 5.0
    cooldown_seconds: float = 600.0
    evaluation_rows: int = 64
    evaluation_seconds: float = 60.0
    window_rows: int = 5120
    window_panes: int = 20
    window_seconds: float | None = None
    quantiles: tuple[float, ...] = (0.5, 0.9, 0.99, 0.999)
    channel_weights: Mapping[str, float] = field(default_factory=dict)
