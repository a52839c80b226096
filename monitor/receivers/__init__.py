"""Who is told of a retraining request, one kind a file."""

from __future__ import annotations

from typing import Any, Protocol


class Receiver(Protocol):
    """Takes retraining requests. The same one may come twice: its id tells."""

    def deliver(self, document: dict[str, Any]) -> str:
        """Hand over a request, within a bounded time; returns the answer in a few words.

        Raises ReceiverError if it was not taken.
        """

    def close(self) -> None:
        """Free what is held; a delivery under way on another thread may fail."""
