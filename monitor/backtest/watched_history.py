"""The daemon's memory of episodes, which here also keeps all of them, and where each came."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.backtest.alarms import Noted
from monitor.drift.judge import Change, Judge
from monitor.retraining.history import History
from monitor.retraining.past_episode import Episode
from monitor.retraining.policy import Policy
from monitor.retraining.request import RetrainRequest
from monitor.stream.records import Partition


class WatchedHistory(History):
    """Notes as the daemon's does, and looks on. place: the partition of all records.

    noted: all changes of state. ended: all episodes that are over.
    """

    def __init__(self, policy: Policy, place: Partition) -> None:
        super().__init__(policy)
        self._place = place
        self.noted: list[Noted] = []
        self.ended: list[Episode] = []

    def note(
        self, judge: Judge, changes: Sequence[Change], newest: int, mute: str | None = None
    ) -> tuple[RetrainRequest, ...]:
        """Take into account what the judge has counted, as the daemon does."""
        made = super().note(judge, changes, newest, mute)
        records = judge.next_offset(self._place)
        for change in changes:
            episode = "" if change.alert is None else change.alert.episode
            self.noted.append(Noted(records, change, episode))
            if change.transition.event == "resolved":
                self.ended.append(self.episodes[-1])
        return made

    @property
    def all_episodes(self) -> list[Episode]:
        """Those that are over, and the one that lasts, if any."""
        return [*self.ended, *([] if self.open is None else [self.open])]
