"""When no drift alert leaves: stretches of time that are planned, once or every week, or by hand.

Nothing here has a clock: whoever asks says what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from monitor.process.text import escaped, printable_line

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS: Final = 86400
LONGEST_SECONDS: Final = 31 * DAY_SECONDS
"""No mute lasts longer: what is muted for ever is forgotten."""
LONGEST_REASON: Final = 300
"""Characters of a reason."""
BY_HAND: Final = "by hand"
"""The name of a mute that the configuration does not have."""
SKEW_SECONDS: Final = 60.0
"""A mute by hand counts so long before it begins: clocks of two machines differ."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY_SECONDS}
_LENGTH: Final = re.compile(r"([1-9]\d{0,6})([smhd])")
_AT: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Mute:
    """No drift alert leaves until then. until: seconds since the epoch.

    name: of its entry in the configuration, or BY_HAND. reason: one printable line.
    """

    name: str
    reason: str
    until: float


class Planned(Protocol):
    """What mutes at certain times."""

    def at(self, now: float) -> Mute | None:
        """The mute that is in force; None if there is none. now: seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Once:
    """From `begin` on, and no longer at `until`: seconds since the epoch.

    Raises ValueError for a stretch that is empty or longer than LONGEST_SECONDS.
    """

    name: str
    reason: str
    begin: float
    until: float

    def __post_init__(self) -> None:
        if not self.begin < self.until:
            raise ValueError("it ends before it begins")
        if self.until - self.begin > LONGEST_SECONDS:
            raise ValueError("it lasts longer than 31 days, the longest that is allowed")

    def at(self, now: float) -> Mute | None:
        """See `Planned`."""
        early = SKEW_SECONDS if self.name == BY_HAND else 0.0
        if not self.begin - early <= now < self.until:
            return None
        return Mute(self.name, shown(self.reason), self.until)


@dataclass(frozen=True, slots=True)
class Weekly:
    """On some days of the week from a time of the day on, for so many seconds that pass.

    days: 0 is Monday. at: in the zone. Where the clock is set forward over it, it begins as much
    later as the clock was set; where that time comes twice, with the first. Raises ValueError for
    no day, and for a calendar that leaves no time between two of its mutes.
    """

    name: str
    reason: str
    days: frozenset[int]
    at_time: time
    seconds: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not self.days:
            raise ValueError("days must not be empty")
        first, *_ = days = sorted(self.days)
        apart = max(after - before for before, after in pairwise([*days, first + 7]))
        if self.seconds >= apart * DAY_SECONDS:
            raise ValueError("it would never end: for must be shorter than the time between days")

    def at(self, now: float) -> Mute | None:
        """See `Planned`."""
        here = datetime.fromtimestamp(now, self.zone).date()
        back = self.seconds // DAY_SECONDS + 2
        ends = [
            begin + self.seconds
            for begin in (self._begin(here - timedelta(days)) for days in range(back))
            if begin is not None and begin <= now < begin + self.seconds
        ]
        return Mute(self.name, shown(self.reason), max(ends)) if ends else None

    def _begin(self, day: date) -> float | None:
        """Seconds since the epoch at which it begins on a day; None if it does not."""
        if day.weekday() not in self.days:
            return None
        return datetime.combine(day, self.at_time, self.zone).timestamp()


def mute_at(planned: Iterable[Planned], now: float) -> Mute | None:
    """The mute that lasts longest of those in force. now: seconds since the epoch."""
    found = [mute for each in planned if (mute := each.at(now)) is not None]
    return max(found, key=lambda mute: mute.until, default=None)


def seconds_of(text: str) -> int:
    """The seconds of a length such as 90s, 30m, 2h or 1d.

    Raises ValueError for what is none, or more than LONGEST_SECONDS.
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ValueError(f"must be a number and s, m, h or d, such as 2h, got {shown(text)!r}")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"must be at most 31d, got {text}")
    return seconds


def time_of_day(text: str) -> time:
    """A time such as 02:00. Raises ValueError for what is none."""
    found = _AT.fullmatch(text)
    if found is None:
        raise ValueError(f"must be a time of the day such as '02:00', got {shown(text)!r}")
    return time(int(found[1]), int(found[2]))


def moment(text: str) -> float:
    """Seconds since the epoch of a time in ISO 8601. Raises ValueError for one without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"must be a time such as 2026-03-01T02:00:00+01:00, got {shown(text)!r}"
        ) from None
    if found.tzinfo is None:
        raise ValueError(f"has no zone: write {text} with Z or an offset such as +01:00")
    return found.timestamp()


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name. Raises ValueError if there is none such."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError(
            f"must be the name of a time zone such as Europe/Berlin or UTC, got {shown(name)!r}"
        ) from None


def shown(text: str) -> str:
    """As one printable line of bounded length."""
    return printable_line(text, 4 * LONGEST_REASON, escaped)
