"""The false-alarm budget: what the user states, and what each stage of the test gets of it.

The user says "1 per 30d" or "1 per 5000000 records". In time, it is converted with the measured
rate of the stream. A records per false alarm are split in two: drift is suspected once in
A^(2/3) records at most, and a suspicion confirmed wrongly with a chance of A^(-1/3) at most.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from monitor.stream.records import Promise

FEWEST_RECORDS: Final = 1000.0
MOST_RECORDS: Final = 1e12
"""Bounds of what a budget may come to, whatever the rate."""
ALLOWANCE_EVERY: Final = 64
"""Evaluations between two conversions of the budget: the rate changes slowly."""
ASSUMED_RATE: Final = 1000.0
"""Records per second, until the stream has shown its own."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_FORM: Final = re.compile(
    r"\s*(?P<alarms>\d+(?:\.\d+)?)\s+per\s+(?P<amount>\d+(?:\.\d+)?(?:e\+?\d+)?)"
    r"\s*(?P<unit>s|m|h|d|w|y|records?)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `alarms` false alarms in `records` records, or else in `seconds` of stream time.

    streams: how many monitored streams share it; each gets an equal part.
    """

    alarms: float
    records: float | None
    seconds: float | None
    streams: int = 1

    @classmethod
    def parse(cls, text: str, streams: int = 1) -> Budget:
        """The budget of a text such as "1 per 30d" or "2 per 1e6 records"; else ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no budget. Write N per TIME or N per M records, for example"
                " '1 per 30d', '2 per 1w' or '1 per 1000000 records'"
            )
        alarms, amount = float(match["alarms"]), float(match["amount"])
        unit = match["unit"].lower()
        counted = unit.startswith("record")
        records = amount if counted else None
        seconds = None if counted else amount * _UNITS[unit]
        if alarms <= 0 or amount <= 0:
            raise ValueError(f"{text!r}: both numbers must be more than 0")
        if records is not None and records / alarms < FEWEST_RECORDS:
            raise ValueError(f"{text!r}: allow at most 1 in {FEWEST_RECORDS:g} records")
        return cls(alarms, records, seconds, streams)

    def records_per_false_alarm(self, rows_per_second: float) -> float:
        """The budget in records at this rate; an unknown rate (infinite) counts as ASSUMED_RATE."""
        if self.records is not None:
            granted = self.records
        else:
            rate = rows_per_second if math.isfinite(rows_per_second) else ASSUMED_RATE
            granted = (self.seconds or 0.0) * rate
        return min(max(granted * self.streams / self.alarms, FEWEST_RECORDS), MOST_RECORDS)


@dataclass(frozen=True, slots=True)
class Levels:
    """Records within which drift is suspected once, and odds at which it is confirmed."""

    records: float
    odds: float

    @classmethod
    def of(cls, records_per_false_alarm: float) -> Levels:
        """The split of a budget; the product of both is the budget."""
        return cls(records_per_false_alarm ** (2 / 3), records_per_false_alarm ** (1 / 3))


class Allowance:
    """What the budget comes to at the stream's rate.

    asked: records per false alarm. levels: of what is asked and can be kept.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.asked = budget.records_per_false_alarm(math.inf)
        self.levels = Levels.of(self.asked)
        self._promised: tuple[tuple[float, ...], Promise] | None = None

    def renew(self, rows_per_second: float, supported: float) -> None:
        """Take the rate into account. supported: the most that the detector can keep to."""
        self.asked = self._budget.records_per_false_alarm(rows_per_second)
        self.levels = Levels.of(min(self.asked, supported))

    def promise(
        self, supported: float, tolerance: float, floor: float, dependence: float
    ) -> Promise:
        """What is promised of it: see `Promise`. supported: the most that can be kept to."""
        given = self.asked, supported, tolerance, floor, dependence
        if self._promised is None or self._promised[0] != given:
            kept = min(self.asked, supported)
            self._promised = given, Promise(self.asked, kept, tolerance, floor, dependence)
        return self._promised[1]
