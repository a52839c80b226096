"""Rows of one drift episode: typical ones from before its onset, and from after it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.pipeline.picks import Pick, Seen
from monitor.stream.records import Partition, Verdict

CHANNELS: Final = 5
"""Drifted channels of which rows are kept, at most."""
NAME_LENGTH: Final = 1000


@dataclass(slots=True)
class Slot:
    """Rows of one channel, or of the error. before: ids. after: pairs of number and id.

    middle: the median of such numbers since the onset.
    """

    before: list[str] = field(default_factory=list)
    after: list[tuple[float, str]] = field(default_factory=list)
    middle: float = 0.0

    @property
    def after_ids(self) -> list[str]:
        """Of the rows after the onset, the most typical first."""
        return [id for _, id in self.after]


@dataclass(slots=True)
class EpisodeRows:
    """What is kept of an episode.

    first: the first drifted offset of each partition. partition: the one that drifts, or None.
    slots: by the channel's name; "" is the error. open: whether it fires.
    """

    id: str
    model_version: str
    partition: Partition | None
    first: dict[Partition, int]
    slots: dict[str, Slot] = field(default_factory=dict)
    open: bool = True

    def follow(self, channels: Sequence[str]) -> list[str]:
        """Keep rows of the error and of these channels, too; those that were not kept before."""
        new = [name for name in dict.fromkeys(("", *channels)) if name not in self.slots]
        new = new[: 1 + CHANNELS - len(self.slots)]
        self.slots |= {name: Slot() for name in new}
        return new

    def take(self, pick: Pick, most: int) -> None:
        """Keep a row if it is among the `most` that are nearest to the median."""
        slot = self.slots.get(pick.channel)
        if slot is None:
            return
        slot.middle = pick.middle
        found = {id: number for number, id in slot.after} | {pick.seen.id: pick.tag}
        nearest = sorted(found.items(), key=lambda pair: abs(pair[1] - slot.middle))[:most]
        slot.after = [(number, id) for id, number in nearest]

    def ids(self) -> Iterator[str]:
        """Of all rows."""
        for slot in self.slots.values():
            yield from slot.before
            yield from slot.after_ids


def channels_of(verdict: Verdict) -> tuple[str, ...]:
    """The channels that have moved, the likeliest cause first; none whose name is endless."""
    names = (each.channel for each in verdict.channels[:CHANNELS])
    return tuple(name for name in names if len(name) <= NAME_LENGTH)


def before(candidates: Sequence[Seen], channel: str, most: int) -> list[str]:
    """Ids of the candidates that are nearest to the median of a channel, "" being the error.

    By their errors, if their values of the channel are not known any more.
    """
    known = [(seen.number(channel), seen) for seen in candidates]
    found = [(number, seen.id) for number, seen in known if number is not None]
    if not found:
        found = [(seen.error, seen.id) for seen in candidates]
    middle = statistics.median(number for number, _ in found) if found else 0.0
    return [id for _, id in sorted(found, key=lambda pair: abs(pair[0] - middle))[:most]]
