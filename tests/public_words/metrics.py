"""Names, kinds, labels and texts of the metrics, and the label values that are there at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from monitor.metrics import PREFIX, Metrics


def lines() -> Iterator[str]:
    registry = CollectorRegistry()
    labels = dict(_labels(Metrics(registry, (0.5,))))
    for family in sorted(registry.collect(), key=lambda found: found.name):
        name = family.name + ("_total" if family.type == "counter" else "")
        yield f"{name} {family.type} ({', '.join(labels.get(family.name, ()))})"
        yield f"  {family.documentation}"
        yield from _values(family.samples)


def _labels(holder: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Label names by metric name, also of metrics that have no series yet."""
    for metric in vars(holder).values():
        name = getattr(metric, "_name", "")
        if str(name).startswith(PREFIX):
            yield name, tuple(getattr(metric, "_labelnames", ()))
        elif type(metric).__module__.startswith("monitor.metrics"):
            yield from _labels(metric)


def _values(samples: Iterable[Any]) -> Iterator[str]:
    found: dict[str, dict[str, None]] = {}
    for sample in samples:
        for label, value in sample.labels.items():
            found.setdefault(label, {})[value] = None
    for label, values in sorted(found.items()):
        yield f"  {label}: {' '.join(values)}"
