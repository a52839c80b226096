"""Alarms beside the budget: what it comes to in records and in days, at the rate that there was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from monitor.backtest.result import Judged, Result
from monitor.daemon.assembly.judge import judge_settings
from monitor.drift.segments.silence import SILENT

DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Against:
    """judged: what one judge said. result: of the replay that it was part of."""

    judged: Judged
    result: Result

    @property
    def budget_records(self) -> float:
        """Records in which one false alarm is allowed, at the rate of these."""
        rate = self.result.rate
        budget = judge_settings(self.judged.config).budget
        return budget.records_per_false_alarm(rate if math.isfinite(rate) else math.inf)

    @property
    def days(self) -> float:
        """From the first record to the last."""
        return self.result.seconds / DAY

    @property
    def alarms(self) -> int:
        """Episodes that fired, of the whole stream and of segments, and those that fell silent."""
        return self.judged.count("firing") + self.judged.count(SILENT)

    @property
    def alarms_of_segments(self) -> int:
        """Those of them that are of segments."""
        return sum(each.event in ("firing", SILENT) for each in self.judged.of_segments)

    @property
    def alarms_a_day(self) -> float:
        """nan if all records came at once."""
        return self.alarms / self.days if self.days else math.nan

    @property
    def allowed(self) -> float:
        """False alarms that the budget allows in all records."""
        return self.result.records / self.budget_records

    @property
    def allowed_a_day(self) -> float:
        """The same a day; nan if all records came at once."""
        return self.allowed / self.days if self.days else math.nan
