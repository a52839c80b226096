"""The model in use, and the one that waits to take its place: what two threads share."""

from __future__ import annotations

import threading

from monitor.pipeline.loaded_model import LoadedModel


class ModelSlot:
    """Holds at most one model that waits; nobody is kept here for longer than an assignment takes.

    current: the model in use. Only the run loop sets it. Nothing else may keep a model that was
    replaced: its memory is to be free again.
    """

    def __init__(self, current: LoadedModel) -> None:
        self.current = current
        self._lock = threading.Lock()
        self._waiting: LoadedModel | None = None

    @property
    def version(self) -> str | None:
        """Version of the model that waits."""
        waiting = self._waiting
        return None if waiting is None else waiting.version

    def put(self, model: LoadedModel) -> None:
        """Offer a model, instead of the one that waits."""
        with self._lock:
            self._waiting = model

    def withdraw(self) -> bool:
        """Offer nothing; false if what was offered has been taken."""
        return self.take() is not None

    def take(self) -> LoadedModel | None:
        """Return the model that waits, if it still does, and forget it."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        return waiting
