"""Builds what asks for a new model, and sees to it that the request arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from monitor.config import Config
from monitor.daemon.assembly.receivers import build_receivers, holding
from monitor.metrics import Metrics
from monitor.retraining.delivery import DeliveryWorkers
from monitor.retraining.outbox import Outbox
from monitor.retraining.policy import Policy
from monitor.retraining.request import RetrainRequest, to_json
from monitor.stream.kafka_options import Connection

log = structlog.get_logger(__name__)

FOLDER = "requests"
"""In the state's directory."""


def retraining_policy(config: Config) -> Policy:
    """When to ask for a new model."""
    section = config.retraining
    return Policy(
        mode=section.policy,
        model=section.model_name or config.kafka.topic,
        min_evidence=section.min_evidence,
        min_records=section.min_records,
        cooldown_seconds=section.cooldown_seconds,
        per_day=section.per_day,
        links=dict(section.links),
    )


def build_delivery(
    config: Config, connection: Connection, metrics: Metrics, paused: Callable[[], bool]
) -> tuple[DeliveryWorkers, HandOver]:
    """What delivers requests while it is not paused, and what to call with those that are final."""
    receivers = config.retraining.receivers
    outbox = Outbox(config.state.directory / FOLDER, holding(receivers))
    delivery = DeliveryWorkers(
        outbox, build_receivers(receivers, connection), metrics.requests, paused=paused
    )
    return delivery, HandOver(outbox, delivery.wake)


class HandOver:
    """Puts final requests into the outbox, each once. wake: called when one is new."""

    def __init__(self, outbox: Outbox, wake: Callable[[], None]) -> None:
        self._outbox = outbox
        self._wake = wake
        self._kept: set[str] = set()

    def __call__(self, requests: Sequence[RetrainRequest]) -> None:
        """Keep them. What cannot be written now is written with the next call."""
        for request in requests:
            if request.id in self._kept:
                continue
            try:
                new = self._outbox.put(to_json(request))
            except (OSError, ValueError) as error:
                log.error(
                    "cannot keep a retraining request; trying again",
                    request=request.id,
                    folder=str(self._outbox.folder),
                    error=str(error),
                )
                break  # the others would wait for the same lock or disk
            self._kept.add(request.id)
            if new:
                self._wake()
