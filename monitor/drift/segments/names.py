"""Which segments are told apart: the first so many that are seen; all others are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]

OTHER: Final = "other"
"""The segment of all that came when there was no room for another."""
NONE: Final = "(none)"
"""The segment of records that do not tell theirs."""


class Names:
    """Gives each segment a slot, for as long as it is remembered. The last slot is OTHER's.

    at_most: segments that have one of their own. A silent one keeps its slot: whoever took it
    would begin anew, and so would the silent one when it comes back.
    """

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._slots: dict[str, int] = {}
        self.pooled = False

    def __len__(self) -> int:
        """Segments that are judged."""
        return len(self._slots) + self.pooled

    def __iter__(self) -> Iterator[str]:
        """Their names, in the order in which they were seen, and OTHER at last."""
        yield from self._slots
        if self.pooled:
            yield OTHER

    def of(self, slot: int) -> str:
        """The name of a slot that is taken."""
        return OTHER if slot == self.at_most else list(self._slots)[slot]

    def slot(self, name: str) -> int | None:
        """The slot of a name; None if it is not known."""
        if name == OTHER:
            return self.at_most if self.pooled else None
        return self._slots.get(name)

    def slots(self, names: Sequence[str], number: Index) -> Index:
        """The slot of each record, (n,). number: (n,), of its name among `names`.

        New names get theirs in the order of their first records.
        """
        known = np.array([self._slots.get(name, -1) for name in names], dtype=np.int64)
        found = known.take(number)
        if found.min(initial=0) >= 0:
            return found
        unknown = number[found < 0]
        if len(self._slots) < self.at_most:
            for i in dict.fromkeys(unknown.tolist()):
                if names[i] != OTHER and len(self._slots) < self.at_most:
                    known[i] = self._slots.setdefault(names[i], len(self._slots))
        known[known < 0] = self.at_most
        found = known.take(number)
        self.pooled |= bool((found == self.at_most).any())
        return found

    def state(self) -> list[str]:
        """Everything that `restore` needs."""
        return list(self)

    def restore(self, state: Sequence[str]) -> None:
        """Go on where `state` was called."""
        self.pooled = OTHER in state
        self._slots = {name: slot for slot, name in enumerate(n for n in state if n != OTHER)}
