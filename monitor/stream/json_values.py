"""Numbers and times as JSON values: what is not known is null, times are ISO 8601 in UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from monitor.stream.records import Estimate


def number_json(value: float) -> float | None:
    """A number, or None if it is not finite."""
    return value if math.isfinite(value) else None


def interval_json(estimate: Estimate) -> list[float | None]:
    """The ends of its confidence interval."""
    return [number_json(estimate.low), number_json(estimate.high)]


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """An estimate with its confidence interval."""
    low, high = interval_json(estimate)
    return {"value": number_json(estimate.value), "low": low, "high": high}


def isoformat(milliseconds: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC; Kafka's -1 (no time) as the epoch."""
    try:
        moment = datetime.fromtimestamp(max(milliseconds, 0) / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        # A producer may write any 64-bit number; a wild one must not stop the daemon.
        return f"{milliseconds}ms"
    return moment.isoformat(timespec="milliseconds")
