"""What the web server answers to, and what /api/status says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from monitor.web.app import build_app
from tests.public_words.shape import section, shape


def lines(status: Any, evidence: Any) -> Iterator[str]:
    """status: what the board of a daemon that has seen everything publishes. evidence: the same."""
    app = build_app(CollectorRegistry(), dict)
    paths = [f"{', '.join(sorted(route.methods))} {route.path}" for route in app.routes]
    yield from section("paths", sorted(paths))
    yield from section("/api/status", shape(status))
    yield from section("/api/evidence", shape(evidence))
