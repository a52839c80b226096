"""Another budget or tolerance over the same scores: neither changes what a record's error is."""

from __future__ import annotations

from collections.abc import Callable

from models.bundle import Bundle
from monitor.backtest.alarms import Noted
from monitor.backtest.watched_history import WatchedHistory
from monitor.backtest.watched_segments import WatchedSegments
from monitor.config import Config
from monitor.daemon.assembly.judge import channels_of, judge_settings, whole_settings
from monitor.daemon.assembly.retraining import retraining_policy
from monitor.daemon.assembly.segments import build_segments
from monitor.drift.judge import Change, Judge
from monitor.drift.judged_records import JudgedRecords
from monitor.drift.segments.segmented import Segments
from monitor.errors import ConfigError
from monitor.pipeline.scored import Scored


class Lane:
    """Judges as the daemon of a configuration would; keeps nothing but changes of state.

    new_segments: watches judges of segments. segments: those that are judged, or None. Raises
    ConfigError if bundle and configuration do not fit.
    """

    def __init__(
        self, config: Config, bundle: Bundle,
        new_segments: Callable[[Segments | None], WatchedSegments | None],
    ) -> None:  # fmt: skip
        self.config = config
        try:
            settings, channels = whole_settings(config), channels_of(config, bundle)
            self._judge = Judge(bundle.version, bundle.judged, settings, channels)
            own = build_segments(config, bundle, judge_settings(config), channels)
        except ValueError as error:
            raise ConfigError(f"drift: {error}") from None
        self._history = WatchedHistory(retraining_policy(config))
        self.segments = new_segments(own)

    def take(self, judged: JudgedRecords, scored: Scored, before: int) -> None:
        """Judge a batch. judged: what of it was scored. before: how many records had come."""
        self._history.expect(scored.records, before)
        if self.segments is not None:
            self.segments.expect(scored.rows, self._judge.rows, before)
            self.segments.watch(self._judge.uncounted(judged), self._judge.rows)
        if len(judged):
            self._judge.watch(judged, self._note, self._history.calm_until)

    def noted(self, records: int) -> tuple[Noted, ...]:
        """All changes of state within so many records, in order."""
        return tuple(each for each in self._history.noted if each.records <= records)

    def _note(self, changes: list[Change], newest: int) -> None:
        if self.segments is not None:
            self.segments.note(self._judge.rows, None)
        self._history.note(self._judge, changes, newest)
