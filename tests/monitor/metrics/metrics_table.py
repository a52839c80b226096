"""Writes docs/metrics.md from the registry: `python -m tests.monitor.metrics.metrics_table`."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from monitor.metrics import PREFIX, Metrics
from monitor.metrics.clocks import ClockMetrics
from monitor.metrics.context import ContextMetrics
from monitor.metrics.drift import DriftMetrics
from monitor.metrics.explanations import ExplanationMetrics
from monitor.metrics.lag import LagMetrics
from monitor.metrics.model import ModelMetrics
from monitor.metrics.mutes import MuteMetrics
from monitor.metrics.requests import RequestMetrics
from monitor.metrics.shadow import ShadowMetrics
from monitor.metrics.web import WebMetrics

PARTS = (
    ClockMetrics, ContextMetrics, DriftMetrics, ExplanationMetrics, LagMetrics, ModelMetrics,
    MuteMetrics, RequestMetrics, ShadowMetrics, WebMetrics,
)  # fmt: skip
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
HEAD = """\
# Metrics

Served at `/metrics`, in Prometheus or OpenMetrics form as the client asks. Every series exists from the start, so that rates begin at zero; only the lag series come and go with their partitions, and the request series need a receiver. Besides these there are the usual `process_*` and `python_info` of prometheus-client.

`error_quantile` and the drift gauges are of one process: do not average them over replicas. Sum the buckets of `error_ratio` instead, for example the 99th percentile of error over threshold in all replicas:

    histogram_quantile(0.99, sum by (le) (rate(aead_monitor_error_ratio_bucket[5m])))

This table is written from the code by `make docs`; a test compares the two.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The page as it should be."""
    registry = CollectorRegistry()
    labels = _labels(Metrics(registry, (0.5,)))
    rows = []
    for family in registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        label_text = ", ".join(f"`{label}`" for label in labels.get(family.name, ()))
        rows.append(f"| `{name}` | {family.type} | {label_text} | {family.documentation} |")
    return HEAD + "\n".join(sorted(rows)) + "\n"


def _labels(holder: object) -> dict[str, tuple[str, ...]]:
    """Label names by metric name, also of metrics that have no series yet."""
    found = {}
    for metric in vars(holder).values():
        name = getattr(metric, "_name", "")
        if name.startswith(PREFIX):
            found[name] = tuple(getattr(metric, "_labelnames", ()))
        elif isinstance(metric, PARTS):
            found.update(_labels(metric))
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
