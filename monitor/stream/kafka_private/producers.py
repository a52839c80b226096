"""What we need of a producer of kafka-python."""

from __future__ import annotations

from typing import Any


def give_up(producer: Any) -> None:
    """Have a producer send nothing more, whatever it holds; its `close` returns soon after.

    `close` alone fails in its flush while something is under way, and ends nothing then (3.0.12):
    the thread would go on sending what somebody else sends again.
    """
    producer._sender.force_close()
