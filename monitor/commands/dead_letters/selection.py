"""Which dead letters are meant: filters, each record once, and the newest of them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from monitor.commands.dead_letters.view import DeadLetterView, view_of
from monitor.errors import UserError
from monitor.stream.records import Record

REMEMBERED = 1_000_000
"""Most addresses kept to recognise repeats: about 70 MB."""
HELD_BYTES = 256 * 2**20
"""Most memory for the dead letters that are to be shown."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(option: str, text: str | None) -> int | None:
    """A time of the command line in milliseconds since the epoch; UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"{option} {text}: not a time. Write it as 2026-03-01, 2026-03-01T12:30 (UTC)"
            " or 2026-03-01T12:30+01:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters, all of which must hold; an unset one always does.

    since, until: when the record became a dead letter, in milliseconds since the epoch, since <=
    time < until. partition: the record's.
    """

    reasons: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    partition: int | None = None

    def takes(self, view: DeadLetterView) -> bool:
        """Whether a dead letter is meant."""
        return (
            (not self.reasons or view.reason in self.reasons)
            and (self.since is None or view.time >= self.since)
            and (self.until is None or view.time < self.until)
            and (self.partition is None or view.partition == self.partition)
        )


class Seen:
    """The addresses that came last: at least half of `most`, and never more than `most`."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._half = max(1, most // 2)
        self._new: dict[tuple[str, int], set[int]] = {}
        self._old: dict[tuple[str, int], set[int]] = {}
        self._count = 0
        self.forgot = False

    def first(self, view: DeadLetterView) -> bool:
        """True if its address has not come before, as far as is remembered."""
        source = view.topic, view.partition
        if any(view.offset in kept.get(source, ()) for kept in (self._new, self._old)):
            return False
        self._new.setdefault(source, set()).add(view.offset)
        self._count += 1
        if self._count >= self._half:
            self.forgot = self.forgot or bool(self._old)
            self._old, self._new, self._count = self._new, {}, 0
        return True


@dataclass(slots=True)
class Tally:
    """What was found: dead letters by reason, repeats of these, and messages of others.

    forgot: repeats far apart were not noticed. filtered: there may be more that were not meant.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    foreign: int = 0
    forgot: bool = False
    filtered: bool = False

    @property
    def count(self) -> int:
        """Dead letters that were meant, each once."""
        return self.reasons.total()


def chosen(
    messages: Iterable[Record], selection: Selection, tally: Tally, most: int = REMEMBERED
) -> Iterator[DeadLetterView]:
    """The dead letters that are meant, in the topic's order, each once; counted in `tally`."""
    seen = Seen(most)
    tally.filtered = selection != Selection()
    for message in messages:
        view = view_of(message)
        if view is None:
            tally.foreign += 1
        elif selection.takes(view) and seen.first(view):
            tally.reasons[view.reason] += 1
            yield view
        elif selection.takes(view):
            tally.repeats += 1
        tally.forgot = seen.forgot


class Newest:
    """The newest dead letters: at most `limit`, and fewer if they hold more than `max_bytes`."""

    def __init__(self, limit: int, max_bytes: int = HELD_BYTES) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._heap: list[tuple[tuple[int, int, int], DeadLetterView]] = []
        self._bytes = 0
        self._floor: tuple[int, int, int] | None = None

    def add(self, view: DeadLetterView) -> None:
        """Keep it if it belongs to the newest."""
        if self._floor is not None and view.order < self._floor:
            return
        heapq.heappush(self._heap, (view.order, view))
        self._bytes += view.held_bytes
        while len(self._heap) > self._limit or self._bytes > self._max_bytes:
            self._floor, oldest = heapq.heappop(self._heap)
            self._bytes -= oldest.held_bytes

    def views(self) -> list[DeadLetterView]:
        """What was kept, newest last."""
        return [view for _, view in sorted(self._heap, key=lambda item: item[0])]
