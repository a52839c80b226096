"""The series that a daemon really exports, with all that can make one appear."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families as parse

from monitor.config import Config
from monitor.daemon.assembly.model import build_metrics
from monitor.stream.records import ChannelDrift, Estimate, Partition
from tests.monitor.builders import candidate, counted, judge, normal_errors, records

TARGET_LABELS = ("job", "model", "instance")
"""What Prometheus adds when it scrapes."""

MOVED = ChannelDrift(
    "flow", "input", "flow", "lower", Estimate(-1.0, -1.2, -0.8), 1.0, 3.0, 4.0, 1.0, 5.0, 0
)

Series = dict[str, dict[str, set[str]]]
"""The values of each label, by the name of the series."""


def exported() -> Series:
    """Of a daemon with a model, a shadow, a partition, a receiver, and a channel that moved."""
    config = Config.model_validate(
        {"model": "model", "kafka": {"topic": "in"}, "codec": {"name": "raw"}}
    )
    metrics = build_metrics(config)
    metrics.show_model(candidate())
    counted(metrics, records(normal_errors(64)))
    metrics.shadow.begin("2", 1.0)
    metrics.show(replace(judge().verdict, kind="input", channels=(MOVED,)))
    metrics.lag.now = lambda: {Partition("in", 0): (0, 0.0)}
    metrics.requests.follow(["trainer"])
    found: Series = {}
    for family in parse(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


def of_prometheus() -> Series:
    """What Prometheus itself adds, as far as the dashboards ask for it."""
    alerts = {"alertname": set[str](), "severity": set[str](), "alertstate": {"pending", "firing"}}
    return {"up": {}, "ALERTS": alerts}
