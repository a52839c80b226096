"""How PromQL is written here.

Every selector carries the three variables, so that a panel shows what was chosen at the top and
nothing else. Counters and buckets are summed over replicas after their rate is taken; gauges of
one process are shown by replica, or as the worst of them, and never averaged.
"""

from __future__ import annotations

from typing import NamedTuple

CHOSEN = 'job=~"$job", model=~"$model", instance=~"$instance"'
MODEL = "job, model"
"""What a model is told by; the label `model` may be missing."""
REPLICA = "job, model, instance"


class Query(NamedTuple):
    """An expression, and what to call each of its series."""

    expression: str
    legend: str = ""


def chosen(metric: str, **labels: str) -> str:
    """A selector of a metric of the daemon."""
    more = "".join(f', {label}="{value}"' for label, value in labels.items())
    return f"aead_monitor_{metric}{{{CHOSEN}{more}}}"


def process(metric: str) -> str:
    """A selector of a metric of the daemon's process."""
    return f"process_{metric}{{{CHOSEN}}}"


def rate(selector: str) -> str:
    """Per second, over as short a time as the scrapes allow."""
    return f"rate({selector}[$__rate_interval])"


def increase(counter: str) -> str:
    """How often something happened, over as short a time as the scrapes allow."""
    return f"increase({chosen(counter)}[$__rate_interval])"


def total(expression: str, by: str = MODEL) -> str:
    """Summed over replicas."""
    return f"sum by ({by}) ({expression})"


def worst(expression: str, by: str = MODEL) -> str:
    """The largest among the replicas."""
    return f"max by ({by}) ({expression})"


def best(expression: str, by: str = MODEL) -> str:
    """The smallest among the replicas."""
    return f"min by ({by}) ({expression})"


def share(part: str, whole: str, by: str = MODEL) -> str:
    """One counter's rate over another's, both summed first."""
    return f"{total(rate(chosen(part)), by)} / {total(rate(chosen(whole)), by)}"


def quantile(level: float, histogram: str, by: str = MODEL) -> str:
    """A quantile from summed buckets: right for one replica and for fifty."""
    buckets = total(rate(chosen(f"{histogram}_bucket")), f"le, {by}")
    return f"histogram_quantile({level:g}, {buckets})"


def numbered(metric: str, label: str, values: tuple[str, ...]) -> str:
    """Which value of a label is 1 in each replica, as a number from 1; 0 while none is."""
    terms = (
        f"{number} * {worst(chosen(metric, **{label: value}), REPLICA)}"
        for number, value in enumerate(values, start=1)
    )
    return " + ".join(terms)


def age(timestamp: str) -> str:
    """Seconds since a moment, by replica; 0 while it has not come."""
    moment = worst(chosen(timestamp), REPLICA)
    return f"(time() - {moment}) * ({moment} > bool 0)"


def named(expression: str) -> str:
    """With a value for `model` in every row, which a link can carry to the top of a dashboard."""
    return f'label_replace({expression}, "model", "All", "model", "")'
