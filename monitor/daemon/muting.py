"""Whether drift alerts are withheld now: by the configuration's calendar, or by hand.

The run loop asks before each batch. What the answer was is part of what the batch led to, and so
of the snapshot; it is not asked again for a batch whose work is final.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from monitor.metrics import Metrics
from monitor.state.mute_file import MuteFile
from monitor.state.mutes import Mute, Once, Planned, mute_at
from monitor.stream.json_values import isoformat
from monitor.web.status import StatusBoard

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
"""The file of the mute by hand is read so often, whoever asks in between."""


class Muting:
    """Says whether alerts are withheld, and shows it. Asked by the main thread.

    planned: by the configuration. file: of the mute by hand, or None where there is no state. now:
    seconds since the epoch; clock: monotonic seconds.

    `current` is what was found last; other threads may read it.
    """

    def __init__(
        self,
        planned: Sequence[Planned],
        file: MuteFile | None,
        metrics: Metrics,
        board: StatusBoard,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._planned = planned
        self._file = file
        self._metrics = metrics
        self._board = board
        self._now = now
        self._clock = clock
        self._by_hand: Once | None = None
        self._read_at = float("-inf")
        self.damage = ""
        self.current: Mute | None = None
        self.look()

    def look(self) -> Mute | None:
        """What mutes now, or None."""
        if self._file is not None and self._clock() - self._read_at >= LOOK_SECONDS:
            self._read_at = self._clock()
            self._read(self._file)
        by_hand = () if self._by_hand is None else (self._by_hand,)
        found = mute_at((*self._planned, *by_hand), self._now())
        if found != self.current:
            _tell(found)
            self.current = found
            self._show()
        return found

    def reason(self) -> str | None:
        """Why alerts are withheld now, or None."""
        found = self.look()
        return None if found is None else found.reason

    def _read(self, file: MuteFile) -> None:
        try:
            self._by_hand, damage = file.read(), ""
        except (ValueError, OSError) as error:
            self._by_hand, damage = None, f"{file.path}: {error}"
        if damage != self.damage:
            self.damage = damage
            if damage:
                log.error(
                    "the file of the mute by hand cannot be used, and mutes nothing; `aead-monitor"
                    " unmute` removes it",
                    error=damage,
                )
            self._show()

    def _show(self) -> None:
        mute = self.current
        self._metrics.mutes.muted.set(mute is not None)
        self._metrics.mutes.file_damaged.set(bool(self.damage))
        self._board.mute_damage = self.damage or None
        self._board.muted = (
            None
            if mute is None
            else {"name": mute.name, "reason": mute.reason, "until": isoformat(_ms(mute.until))}
        )


def _tell(mute: Mute | None) -> None:
    if mute is None:
        log.warning("no longer muted: drift alerts leave again")
    else:
        until = isoformat(_ms(mute.until))
        log.warning("muted: no drift alert leaves", name=mute.name, reason=mute.reason, until=until)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
