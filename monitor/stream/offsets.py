"""Offsets that a consumer group has stored, and the bounds of a partition given to us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Committed:
    """What the consumer group has stored for a partition: the next offset, and a note."""

    offset: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition that is ours from now on.

    committed: what the group has stored for it, if anything. earliest, latest: its first offset,
    and one past its last.
    """

    committed: Committed | None
    earliest: int
    latest: int
