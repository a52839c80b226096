"""Retraining requests for tests."""

from __future__ import annotations

from typing import Any

from monitor.retraining.request import RetrainRequest, Statistics, Stretch, to_json
from monitor.stream.records import Estimate, Partition

NOON = 1_772_366_400_000


def document(number: int = 1, policy: str = "auto", **changes: Any) -> dict[str, Any]:
    """A request as the daemon hands it over."""
    request = RetrainRequest(
        model=changes.pop("model", "digits"),
        model_version="0123456789abcdef",
        number=number,
        policy=policy,
        episode="0123456789ab",
        reason=changes.pop("reason", "errors are larger"),
        timestamp=NOON + 9_000,
        statistics=Statistics(7.5, 6.0, "larger", Estimate(1.8, 1.7, 1.9), 0.01, 0.018),
        drifted=Stretch(
            {Partition("in", i): (100, 200) for i in range(changes.pop("partitions", 2))},
            200,
            NOON,
            NOON + 9_000,
        ),
        good=None,
        links=changes.pop("links", {"runbook": "https://example.com/runbook"}),
    )
    return {**to_json(request), **changes}
