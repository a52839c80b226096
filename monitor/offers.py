"""Where a new model waits until the run loop takes it: the one place that two threads share."""

from __future__ import annotations

import threading

from monitor.candidate import Candidate


class Offers:
    """Holds at most one model; nobody ever waits here for longer than an assignment takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._candidate: Candidate | None = None

    @property
    def version(self) -> str | None:
        """Version of the model that waits."""
        candidate = self._candidate
        return None if candidate is None else candidate.version

    def put(self, candidate: Candidate) -> None:
        """Offer a model, instead of the one that waits."""
        with self._lock:
            self._candidate = candidate

    def withdraw(self) -> bool:
        """Offer nothing; false if what was offered has been taken."""
        return self.take() is not None

    def take(self) -> Candidate | None:
        """Return the model that waits, if it still does, and forget it."""
        with self._lock:
            candidate, self._candidate = self._candidate, None
        return candidate
