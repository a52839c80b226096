"""What was alarmed, and how that fits changes that are known to have happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from monitor.backtest.true_changes import Places, TrueChange
from monitor.drift.judge import Change
from monitor.drift.segments.silence import RETURNED, SILENT

Fate = Literal["found", "missed", "in alarm", "not in the data"]
FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Noted:
    """A change of the drift state. records: how many had come by then. episode: its id, or ""."""

    records: int
    change: Change
    episode: str

    @property
    def event(self) -> str:
        """What happened."""
        return self.change.transition.event


@dataclass(frozen=True, slots=True)
class Alarm:
    """Drift that was confirmed, or that turned. suspected, raised: records that had come by then.
    resolved: the same, FOREVER while it lasts. segment: that it is of, "" for the whole stream.
    silent: the segment fell silent."""

    episode: str
    suspected: int
    raised: int
    resolved: int
    turned: bool = False
    segment: str = ""
    silent: bool = False

    @property
    def event(self) -> str:
        """What its alert says."""
        return SILENT if self.silent else "turned" if self.turned else "firing"


def alarms_of(noted: Iterable[Noted]) -> list[Alarm]:
    """The alarms among changes of state, of the whole stream and of segments, in order; what turns
    is one more."""
    parts: dict[str, list[Noted]] = {}
    for each in noted:
        parts.setdefault(each.change.verdict.segment, []).append(each)
    found = [a for name, of in parts.items() for a in (*_drifts(of, name), *_silences(of, name))]
    return sorted(found, key=lambda each: each.raised)


def _silences(noted: Iterable[Noted], segment: str) -> list[Alarm]:
    """Those of one segment."""
    found: list[Alarm] = []
    for each in noted:
        at = each.records
        if each.event == SILENT:
            found.append(Alarm(each.episode, at, at, FOREVER, segment=segment, silent=True))
        elif each.event == RETURNED:
            found[-1] = replace(found[-1], resolved=at)
    return found


def _drifts(noted: Iterable[Noted], segment: str) -> list[Alarm]:
    """Those of one judge."""
    found: list[Alarm] = []
    open_from, suspected = 0, 0
    for each in noted:
        if each.event == "pending":
            suspected = each.records
        elif each.event == "firing":
            open_from = len(found)
            at = suspected, each.records, FOREVER
            found.append(Alarm(each.episode, *at, segment=segment))
        elif each.event == "turned":
            at = each.records, each.records, FOREVER
            found.append(Alarm(each.episode, *at, turned=True, segment=segment))
        elif each.event == "resolved":
            found[open_from:] = [replace(a, resolved=each.records) for a in found[open_from:]]
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a true change. begin, end: rows, None if they are not in the data, or it
    lasts. delay: records from its first one to the alarm, None without one. again: further
    alarms that it brought."""

    change: TrueChange
    begin: int | None
    end: int | None
    fate: Fate
    delay: int | None = None
    alarm: Alarm | None = None
    again: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """True changes and alarms side by side. false: alarms that no true change explains."""

    told: tuple[Told, ...] = ()
    false: tuple[Alarm, ...] = field(default=())

    def count(self, fate: Fate) -> int:
        """How many changes fared like this."""
        return sum(each.fate == fate for each in self.told)


def compared(
    changes: Sequence[TrueChange], places: Places, alarms: Sequence[Alarm], records: int
) -> Comparison:
    """Which alarm belongs to which change.

    An alarm belongs to a change if it was raised after the change's first record, and suspected
    before its end: that of the file, or else the next change; and if it is of the whole stream, or
    of the segment that has changed, where one is named. Of several the first one counts.
    What turns while an alarm lasts counts only where a change has no alarm of its own. records:
    in all.
    """
    begins = [_within(places.row(each.begin), records) for each in changes]
    taken: set[Alarm] = set()
    told: list[Told] = []
    for i, (change, begin) in enumerate(zip(changes, begins, strict=True)):
        end = None if change.end is None else places.row(change.end)
        if begin is None:
            told.append(Told(change, None, end, "not in the data"))
            continue
        later = zip(changes[i + 1 :], begins[i + 1 :], strict=True)
        those = (b for c, b in later if b is not None and change.concerns(c.segment))
        following = next(those, FOREVER)
        until = following if change.end is None else FOREVER if end is None else end
        told.append(_told(change, begin, end, until, alarms, taken))
    false = tuple(each for each in alarms if each not in taken and not each.turned)
    return Comparison(tuple(told), false)


def _told(
    change: TrueChange,
    begin: int,
    end: int | None,
    until: int,
    alarms: Sequence[Alarm],
    taken: set[Alarm],
) -> Told:
    alarms = [each for each in alarms if change.concerns(each.segment)]
    fitting = [a for a in alarms if a.raised > begin and a.suspected <= until and a not in taken]
    own = [a for a in fitting if not a.turned] or fitting[:1]
    taken.update(own)
    if own:
        first = own[0]
        return Told(change, begin, end, "found", first.raised - begin, first, len(own) - 1)
    lasting = any(a.raised <= begin < a.resolved for a in alarms)
    return Told(change, begin, end, "in alarm" if lasting else "missed")


def _within(row: int | None, records: int) -> int | None:
    return row if row is not None and row < records else None
