"""What a backtest found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from monitor.backtest.alarms import Comparison, Noted
from monitor.backtest.course import Course
from monitor.backtest.dead import Dead
from monitor.backtest.strangest import Strangest
from monitor.config import Config
from monitor.drift.segments.silence import SILENT
from monitor.retraining.past_episode import Episode
from monitor.retraining.request import RetrainRequest
from monitor.stream.records import Verdict

NO_ALARMS: Final = {"alarms": 0, "silences": 0}
_COUNTED: Final = {"firing": "alarms", SILENT: "silences"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What one judge said of them, and those of segments beside it.

    config: as it was asked. noted, of_segments: changes of state, in order.
    """

    config: Config
    noted: tuple[Noted, ...]
    comparison: Comparison | None
    of_segments: tuple[Noted, ...] = ()

    @property
    def all_noted(self) -> list[Noted]:
        """Of the whole stream and of segments, in order."""
        return sorted([*self.noted, *self.of_segments], key=lambda each: each.records)

    @property
    def alarms_by_segment(self) -> dict[str, dict[str, int]]:
        """How often each segment has drifted and fallen silent, of those that did."""
        found: dict[str, dict[str, int]] = {}
        for each in self.of_segments:
            if each.event in _COUNTED:
                mine = found.setdefault(each.change.verdict.segment, dict(NO_ALARMS))
                mine[_COUNTED[each.event]] += 1
        return found

    def count(self, event: str) -> int:
        """How many changes of state were this event, those of segments included."""
        return sum(each.event == event for each in (*self.noted, *self.of_segments))


@dataclass(frozen=True, slots=True)
class Result:
    """What a daemon would have seen and said. Times are in milliseconds since the epoch.

    records: replayed. rows: scored, one each but for steps that complete no window. first, last:
    times, None if there is no record. judged: by the configuration. lanes: by others, over the
    same scores. episodes: of the whole stream; segment_episodes: of segments. verdict: at the
    end; segments: then, as JSON values, None if none were judged. complete: all records were
    replayed; stopped: why the daemon would have read no further, or "". unlike: why the first rows
    are not like those that the model knows, or "".
    """

    records: int
    rows: int
    anomalous: int
    dead: Dead
    first: int | None
    last: int | None
    judged: Judged
    lanes: tuple[Judged, ...]
    episodes: tuple[Episode, ...]
    segment_episodes: tuple[Episode, ...]
    requests: tuple[RetrainRequest, ...]
    verdict: Verdict
    segments: Mapping[str, Any] | None
    course: Course
    strangest: Strangest
    complete: bool
    stopped: str
    unlike: str

    @property
    def noted(self) -> tuple[Noted, ...]:
        """Changes of state of the whole stream, in order."""
        return self.judged.noted

    @property
    def comparison(self) -> Comparison | None:
        """Of alarms and true changes; None if nobody said what happened."""
        return self.judged.comparison

    @property
    def seconds(self) -> float:
        """From the first record to the last."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1000

    @property
    def rate(self) -> float:
        """Records a second; nan if all came at once."""
        return (self.records - 1) / self.seconds if self.seconds else np.nan

    def count(self, event: str) -> int:
        """How many changes of state were this event, those of segments included."""
        return self.judged.count(event)
