"""How long the daemon may take to stop: what stop_grace_period and its like must exceed."""

from __future__ import annotations

INTERPRETER_SECONDS = 2.0
"""Until Python has ended; tests/kafka/test_stops.py measures it."""


def longest_seconds(shutdown_seconds: float) -> float:
    """From the signal to the end of the process, whatever is wrong."""
    return shutdown_seconds + INTERPRETER_SECONDS
