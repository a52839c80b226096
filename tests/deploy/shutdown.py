"""How long the daemon may take to stop: what stop_grace_period and its like must exceed."""

from __future__ import annotations

import inspect

from monitor.model_in_use import follower
from monitor.retraining.delivery import DeliveryWorkers
from monitor.stream.sinks import kafka as sink
from monitor.stream.sources import group_offsets, link
from monitor.web import reload, server


def longest_seconds(shutdown_seconds: float) -> float:
    """shutdown_seconds for the work begun, one delivery that began just before its end, a commit,
    and the closing of each part (see Daemon._drain and _close).
    """
    delivery = inspect.signature(DeliveryWorkers.stop).parameters["seconds"].default
    # Two servers: for all there is to see, and for health alone.
    web = 2 * (reload.STOP_SECONDS + server.STOP_SECONDS)
    closing = follower.STOP_SECONDS + link.CLOSE_SECONDS + delivery + web
    return float(shutdown_seconds + sink.DELIVERY_SECONDS + group_offsets.COMMIT_SECONDS + closing)
