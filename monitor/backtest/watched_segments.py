"""The daemon's segments of the stream, which here also keep all that was found, and where it came.

What is judged together, and so with which record something is told, follows from the records alone,
but for a daemon to which nothing comes for a while: that one judges at once what waits. Silence of
a whole partition does not follow from them: a daemon goes by its clock, a backtest by that of the
records, in which each partition is always read to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.backtest.alarms import Noted
from monitor.backtest.given_rows import GivenRows
from monitor.config import Config
from monitor.daemon.assembly.segments import build_naming
from monitor.drift.segments.segmented import Found, Segments
from monitor.errors import UserError
from monitor.pipeline.segment_names import Naming
from monitor.pipeline.segmented import SegmentedStream
from monitor.retraining.past_episode import Episode
from monitor.stream.columns import Index
from monitor.stream.records import Partition

LOOK_RECORDS: Final = 256
"""Records between two looks for segments that are silent with their partition."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which segments are judged. column: of a table, that names them; "" for what the configuration
    says. left_out: none are."""

    column: str = ""
    left_out: bool = False


CONFIGURED: Final = Asked()


class WatchedSegments(SegmentedStream):
    """Judges as the daemon's does, and looks on.

    noted: all changes of states of segments, in order.
    """

    def __init__(self, naming: Naming, segments: Segments) -> None:
        super().__init__(naming, segments)
        self.noted: list[Noted] = []
        self._episodes: dict[str, Episode] = {}
        self._ends: Index = np.empty(0, dtype=np.int64)
        self._before = 0

    def expect(self, rows: Index, rows_before: int, before: int) -> None:
        """These are judged next. rows: of each record (n,). rows_before: that were judged before.
        before: how many records had come by then."""
        self._ends, self._before = rows_before + rows.cumsum(), before

    def keep(self, found: list[Found], mute: str | None) -> None:
        """Remember what was found, as the daemon does."""
        super().keep(found, mute)
        for at, _, change in found:
            episode = "" if change.alert is None else change.alert.episode
            self.noted.append(Noted(self._come(at), change, episode))
        if found:
            self._episodes |= {each.id: each for each in self.history.episodes}

    def _come(self, rows: int) -> int:
        """How many records had come with so many rows."""
        upto = int(self._ends.searchsorted(rows)) + 1
        return self._before + min(upto, self._ends.size)

    def look(self, newest: int, partitions: Iterable[Partition], rows: int) -> None:
        """Find those that are silent with their partition. newest: milliseconds, of all records.
        rows: of the stream."""
        self.at_end(newest / 1000, partitions, rows, None)

    def finish(self, records: int) -> None:
        """No more come. records: in all."""
        self.expect(self._ends[:0], 0, records)
        self.rest(None)

    def within(self, records: int) -> tuple[Noted, ...]:
        """All changes within so many records, in order."""
        return tuple(each for each in self.noted if each.records <= records)

    def episodes(self, noted: tuple[Noted, ...]) -> tuple[Episode, ...]:
        """Those of some changes, as they were left, in order."""
        ids = dict.fromkeys(each.episode for each in noted if each.episode)
        return tuple(self._episodes[each] for each in ids)


def column_of(config: Config, asked: Asked, series: str) -> str:
    """The column that names the segment of each row of a file, "" where none are judged.

    series: the column that says which series each is of, or "". Raises UserError if none is known,
    or if there are no segments to name.
    """
    by = config.segments.by
    if asked.left_out or (by is None and not asked.column):
        return ""
    if by is None:
        raise UserError(
            f"--segment-column {asked.column}: the configuration has no segments. Set segments.by"
        )
    found = asked.column or config.segments.field or (series if by == "key" else "")
    if not found:
        raise UserError(
            f"segments.by is {by}, which rows of a file do not have: say which column names the"
            " segment of each (--segment-column NAME), or judge none (--no-segments)"
        )
    return found


def watching(
    config: Config, asked: Asked, given: GivenRows | None
) -> Callable[[Segments | None], WatchedSegments | None]:
    """What watches the judges of segments, where there are some and they are wanted.

    given: the rows of a file, None if payloads are decoded.
    """
    naming = build_naming(config) if given is None else Naming(given.segments)

    def watched(segments: Segments | None) -> WatchedSegments | None:
        if segments is None or naming is None or asked.left_out:
            return None
        return WatchedSegments(naming, segments)

    return watched
