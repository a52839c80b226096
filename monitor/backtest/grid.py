"""Budgets, tolerances and models side by side: each model scores once, each judge listens."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from monitor.backtest.against import Against
from monitor.backtest.result import Result
from monitor.config import Config
from monitor.drift.budget import Budget
from monitor.errors import UserError

KEYS: Final = ("false-alarms", "tolerance", "model")
MOST: Final = 200
"""Combinations, in all."""
_EXAMPLE: Final = 'for example --grid false-alarms="1 per 7d,1 per 30d" tolerance=0.05,0.1'


@dataclass(frozen=True, slots=True)
class Grid:
    """What was asked for; empty where the configuration's own is meant."""

    budgets: tuple[str, ...] = ()
    tolerances: tuple[float, ...] = ()
    models: tuple[Path, ...] = ()

    def lanes(self, config: Config) -> list[Config]:
        """The combinations of one model, in order."""
        drift = config.drift
        return [
            config.model_copy(
                update={
                    "drift": drift.model_copy(
                        update={"false_alarms": budget, "tolerance": tolerance}
                    )
                }
            )
            for budget, tolerance in product(
                self.budgets or (drift.false_alarms,), self.tolerances or (drift.tolerance,)
            )
        ]


def parse(texts: Sequence[str]) -> Grid:
    """From texts such as tolerance=0.05,0.1; raises UserError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, sign, values = text.partition("=")
        if key not in KEYS or not sign:
            raise UserError(
                f"--grid {text!r:.80}: write KEY=VALUE,VALUE where KEY is one of"
                f" {', '.join(KEYS)}, {_EXAMPLE}"
            )
        if key in found:
            raise UserError(f"--grid {key}: is given twice. Put all values behind one {key}=")
        found[key] = [value.strip() for value in values.split(",")]
        _check_values(key, found[key])
    grid = Grid(
        tuple(_budget(each) for each in found.get("false-alarms", ())),
        tuple(_tolerance(each) for each in found.get("tolerance", ())),
        tuple(Path(each) for each in found.get("model", ())),
    )
    count = math.prod(map(len, found.values()))
    if count > MOST:
        raise UserError(f"--grid: {count:,} combinations, at most {MOST} are possible")
    return grid


def _check_values(key: str, values: list[str]) -> None:
    if not all(values):
        raise UserError(f"--grid {key}: a value is empty, {_EXAMPLE}")
    if len(set(values)) < len(values):
        raise UserError(f"--grid {key}: a value is given twice")


def _budget(text: str) -> str:
    try:
        Budget.parse(text)
    except ValueError as error:
        raise UserError(f"--grid false-alarms: {error}") from None
    return text


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise UserError(f"--grid tolerance: must be a number from 0 to 1, got {text!r:.80}")
    return value


@dataclass(frozen=True, slots=True)
class Row:
    """One combination. model: as it was named. version: of its bundle."""

    model: str
    version: str
    against: Against

    @property
    def delays(self) -> list[int]:
        """Records to the alarm, of the true changes that were found."""
        found = self.against.judged.comparison
        return [] if found is None else [t.delay for t in found.told if t.delay is not None]

    @property
    def median_delay(self) -> float | None:
        """None if none was found."""
        return statistics.median(self.delays) if self.delays else None


def rows_of(model: str, version: str, result: Result) -> list[Row]:
    """Those of one model: of each lane, in order."""
    return [Row(model, version, Against(judged, result)) for judged in result.lanes]


def row_json(row: Row) -> dict[str, Any]:
    """One row, as docs/schemas/replay.json describes it."""
    against, comparison = row.against, row.against.judged.comparison
    drift = against.judged.config.drift
    body: dict[str, Any] = {
        "model": row.model,
        "model_version": row.version,
        "false_alarms": drift.false_alarms,
        "tolerance": drift.tolerance,
        "records_per_false_alarm": against.budget_records,
        "allowed": against.allowed,
        "allowed_a_day": finite(against.allowed_a_day),
        "alarms": against.alarms,
        "alarms_a_day": finite(against.alarms_a_day),
        "passing_suspicions": against.judged.count("transient"),
    }
    if comparison is None:
        return body
    return body | {
        "found": comparison.count("found"),
        "missed": comparison.count("missed"),
        "in_alarm": comparison.count("in alarm"),
        "not_in_the_data": comparison.count("not in the data"),
        "alarms_unexplained": len(comparison.false),
        "median_delay_records": row.median_delay,
        "delays_records": [told.delay for told in comparison.told],
    }


def finite(value: float) -> float | None:
    """None for what is not a number."""
    return value if math.isfinite(value) else None
