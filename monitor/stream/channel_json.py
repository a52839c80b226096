"""How a channel has moved, as JSON values."""

from __future__ import annotations

from typing import Any

from monitor.stream.json_values import estimate_json, isoformat
from monitor.stream.records import ChannelDrift


def channel_json(each: ChannelDrift, *, shares: bool = False) -> dict[str, Any]:
    """One channel. shares: with its values in bins, usual and now, where they are known."""
    binned = each.shares if shares else None
    return {
        "channel": each.channel,
        "group": each.group,
        "feature": each.feature or None,
        "direction": each.direction,
        "effect": estimate_json(each.effect),
        "spread": each.spread,
        "value": each.value,
        "usual": each.usual,
        "usual_spread": each.usual_spread,
        "evidence": each.evidence,
        "since": isoformat(each.since),
        **(
            {}
            if binned is None
            else {
                "bins": {
                    "edges": list(binned.edges),
                    "usual": list(binned.usual),
                    "now": list(binned.now),
                }
            }
        ),
    }
