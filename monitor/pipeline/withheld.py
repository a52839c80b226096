"""Drift alerts that must not leave while a mute lasts, kept until they may.

An episode is told whole or not at all. What was withheld of one that still fires when the mute
ends leaves then; so does the end of one whose beginning had left before. One that began and ended
unheard is told to nobody: history has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.drift.judge import Change
from monitor.pipeline.events import alert_json, alert_message
from monitor.pipeline.outcome import Late
from monitor.stream.events import Event
from monitor.stream.records import Alert


@dataclass(frozen=True, slots=True)
class _Waiting:
    episode: str
    event: str
    message: Event
    segment: str = ""


_ENDS: Final = {"resolved": "firing", "returned": "silent"}
"""Events that end an episode, and those that began it."""


class Withheld:
    """The alerts that wait, in the order in which they came: of two episodes at most, of the whole
    stream and of each segment.

    It is part of the pipeline's memory: work that is taken back takes them back, too.
    """

    def __init__(self, pages: str = "") -> None:
        """pages: see `alert_json`."""
        self._pages = pages
        self._waiting: list[_Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def through(
        self, changes: Iterable[Change], mute: str | None
    ) -> tuple[list[Change], list[Alert]]:
        """The changes as they may leave, and the alerts that were taken from them.

        mute: the reason for which alerts are withheld now; None while nothing is muted.
        """
        let, withheld = [], []
        for change in changes:
            alert = change.alert
            if alert is not None and (mute is not None or self._unheard(alert)):
                self._keep(alert, mute)
                withheld.append(alert)
                change = replace(change, alert=None)
            let.append(change)
        return let, withheld

    def _unheard(self, alert: Alert) -> bool:
        """Whether it ends an episode of whose beginning nobody has heard."""
        return alert.event in _ENDS and self._waits(alert.episode, _ENDS[alert.event])

    def _waits(self, episode: str, event: str) -> bool:
        return any((each.episode, each.event) == (episode, event) for each in self._waiting)

    def _keep(self, alert: Alert, mute: str | None) -> None:
        over, unheard = alert.event in _ENDS, self._unheard(alert)
        self._waiting = [
            each
            for each in self._waiting
            if each.episode != alert.episode or not (over or each.event == alert.event)
        ]
        if not unheard:
            message = alert_message({**alert_json(alert, self._pages), "muted": mute})
            segment = alert.verdict.segment
            self._waiting.append(_Waiting(alert.episode, alert.event, message, segment))

    def release(self, *lasting: str | None) -> tuple[Late, ...]:
        """What may leave now that nothing is muted, the oldest first; nothing waits any more.

        lasting: the episodes that fire now. Another one that did not end by itself (detection began
        anew) is not told.
        """
        waiting, self._waiting = self._waiting, []
        return tuple(
            Late(each.event, each.message, each.segment)
            for each in waiting
            if each.event in _ENDS or each.episode in lasting
        )

    def state(self) -> list[list[str]]:
        """Everything that `restore` needs, as plain values: messages as they will be, to a byte."""
        return [
            [each.episode, each.event, (each.message.value or b"").decode()]
            for each in self._waiting
        ]

    def restore(self, state: Iterable[Sequence[str]]) -> None:
        """Go on where `state` was called."""
        self._waiting = [
            _Waiting(episode, event, alert_message(body), str(body.get("segment", "")))
            for episode, event, body in ((e, event, json.loads(t)) for e, event, t in state)
        ]
