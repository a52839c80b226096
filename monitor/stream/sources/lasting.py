"""States that a client of Kafka stays in for ever, unless somebody throws it away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

NO_CONNECTION: Final = "no connection to a broker"
NO_MEMBERSHIP: Final = "no place in the group"
NO_COORDINATOR: Final = "no answer of the group's coordinator"
ENDLESS_COMMIT: Final = "a commit that does not end"
NOTHING_COMES: Final = "nothing comes although records wait"
UNBALANCED: Final = "the group leaves partitions without a member"

LIMITS: Final[Mapping[str, float]] = {
    # What Java calls rebootstrap: the brokers may be behind other addresses by now.
    NO_CONNECTION: 60.0,
    NO_MEMBERSHIP: 180.0,
    NO_COORDINATOR: 180.0,
    ENDLESS_COMMIT: 180.0,
    NOTHING_COMES: 180.0,
    UNBALANCED: 10.0,  # it has lasted by then: see `owners`
}
"""Seconds after which a client in such a state is thrown away."""
LONGEST_SECONDS: Final = 3600.0


class Lasting:
    """Says when one of `LIMITS` has lasted too long.

    Each time that throwing away has not helped, more patience is taken: a transaction that
    somebody left open also looks like records that wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = ""
        self._since = 0.0
        self._factors: dict[str, int] = {}

    def progress(self) -> None:
        """Records came: all is well."""
        self._factors.clear()

    def too_long(self, state: str) -> bool:
        """True if the client has been in this state for too long; empty: in none of them."""
        now = self._clock()
        if state != self._state:
            self._state, self._since = state, now
        if not state:
            return False
        factor = self._factors.get(state, 1)
        if now - self._since < min(LIMITS[state] * factor, LONGEST_SECONDS):
            return False
        self._since = now
        self._factors[state] = 2 * factor
        return True
