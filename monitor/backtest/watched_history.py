"""The daemon's memory of episodes, which here also keeps all of them, and where each came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.backtest.alarms import Noted
from monitor.drift.judge import Change, Judge
from monitor.retraining.history import History
from monitor.retraining.past_episode import Episode
from monitor.retraining.policy import Policy
from monitor.retraining.request import RetrainRequest
from monitor.stream.columns import Columns


class WatchedHistory(History):
    """Notes as the daemon's does, and looks on.

    noted: all changes of state. ended: all episodes that are over.
    """

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._coming, self._before = Columns.none(), 0
        self.noted: list[Noted] = []
        self.ended: list[Episode] = []

    def expect(self, records: Columns, before: int) -> None:
        """These are judged next. before: how many had come by then."""
        self._coming, self._before = records, before

    def note(
        self, judge: Judge, changes: Sequence[Change], newest: int, mute: str | None = None
    ) -> tuple[RetrainRequest, ...]:
        """Take into account what the judge has counted, as the daemon does."""
        made = super().note(judge, changes, newest, mute)
        for change in changes:
            records = self._come(judge)
            episode = "" if change.alert is None else change.alert.episode
            self.noted.append(Noted(records, change, episode))
            if change.transition.event == "resolved":
                self.ended.append(self.episodes[-1])
        return made

    def _come(self, judge: Judge) -> int:
        """How many records had come when it judged last."""
        coming = self._coming
        judged = np.array([judge.next_offset(each) for each in coming.partitions])
        return self._before + int((coming.offsets < judged[coming.partition]).sum())

    @property
    def all_episodes(self) -> list[Episode]:
        """Those that are over, and the one that lasts, if any."""
        return [*self.ended, *([] if self.open is None else [self.open])]
