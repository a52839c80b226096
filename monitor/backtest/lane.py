"""Another budget or tolerance over the same scores: neither changes what a record's error is."""

from __future__ import annotations

from models.bundle import Bundle
from monitor.backtest.alarms import Noted
from monitor.backtest.watched_history import WatchedHistory
from monitor.config import Config
from monitor.daemon.assembly.judge import channels_of, judge_settings
from monitor.daemon.assembly.retraining import retraining_policy
from monitor.drift.judge import Change, Judge
from monitor.drift.judged_records import JudgedRecords
from monitor.errors import ConfigError
from monitor.stream.columns import Columns


class Lane:
    """Judges as the daemon of a configuration would; keeps nothing but changes of state.

    Raises ConfigError if bundle and configuration do not fit.
    """

    def __init__(self, config: Config, bundle: Bundle) -> None:
        self.config = config
        try:
            settings, channels = judge_settings(config), channels_of(config, bundle)
            self._judge = Judge(bundle.version, bundle.judged, settings, channels)
        except ValueError as error:
            raise ConfigError(f"drift: {error}") from None
        self._history = WatchedHistory(retraining_policy(config))

    def take(self, judged: JudgedRecords, records: Columns, before: int) -> None:
        """Judge a batch. judged: what of its records was scored. before: how many had come."""
        self._history.expect(records, before)
        if len(judged):
            self._judge.watch(judged, self._note, self._history.calm_until)

    def noted(self, records: int) -> tuple[Noted, ...]:
        """All changes of state within so many records, in order."""
        return tuple(each for each in self._history.noted if each.records <= records)

    def _note(self, changes: list[Change], newest: int) -> None:
        self._history.note(self._judge, changes, newest)
