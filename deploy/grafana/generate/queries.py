"""PromQL of the dashboards.

Every selector carries the three variables, so that a panel shows what was chosen at the top and
nothing else. Counters and buckets are summed over replicas first; gauges of one process are shown
by replica, or as the worst of them, and never averaged.
"""

from __future__ import annotations

from typing import NamedTuple

CHOSEN = 'job=~"$job", model=~"$model", instance=~"$instance"'
MODEL = "job, model"
"""What a model is told by; the label `model` may be missing."""
REPLICA = "job, model, instance"
STATES = ("learning", "ok", "pending", "firing")
DIRECTIONS = ("larger", "smaller", "narrower", "wider")


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
    return (
        f"histogram_quantile({level:g}, {total(rate(chosen(f'{histogram}_bucket')), f'le, {by}')})"
    )


def numbered(metric: str, label: str, values: tuple[str, ...], by: str = REPLICA) -> str:
    """Which value of a label is 1, as a number from 1; 0 while none is."""
    terms = (
        f"{number} * {worst(chosen(metric, **{label: value}), by)}"
        for number, value in enumerate(values, start=1)
    )
    return " + ".join(terms)


def state() -> str:
    """The state of each replica as a number: 1 to 4 as in STATES, 0 before a verdict, -1 down."""
    down = f"{worst(f'up{{{CHOSEN}}} == 0', REPLICA)} - 1"
    return f"({numbered('drift_state', 'state', STATES)}) or ({down})"


def age(timestamp: str, by: str = REPLICA) -> str:
    """Seconds since a moment; 0 while it has not come."""
    moment = worst(chosen(timestamp), by)
    return f"(time() - {moment}) * ({moment} > bool 0)"


def alerts(by: str) -> str:
    """Alerts that fire, 0 if none does. An alert may lack the labels, as that of an absent job."""
    selector = (
        'ALERTS{alertname=~"AeadMonitor.*", alertstate="firing", job=~"$job|", model=~"$model|"}'
    )
    grouped = f"count by ({by})" if by else "count"
    return f"{grouped} ({selector}) or on () vector(0)"


def named(expression: str) -> str:
    """With a value for `model` in every row, which a link can carry to the top of a dashboard."""
    return f'label_replace({expression}, "model", "All", "model", "")'


def all_together(expression: str) -> str:
    """One number: the sum over everything chosen."""
    return f"sum ({expression})"


def worst_of_all(expression: str) -> str:
    """One number: the largest of everything chosen."""
    return f"max ({expression})"


def anomaly_share(by: str = MODEL) -> str:
    """Share of rows above the threshold."""
    return share("rows_anomalous_total", "rows_scored_total", by)


def excess() -> str:
    """How many times as many anomalies as the threshold promises on normal data."""
    return f"{anomaly_share()} / {worst(chosen('anomaly_expected_ratio'))}"


def lag_records() -> str:
    """Records that wait. While a partition changes hands two replicas show it; it counts once."""
    return total(worst(chosen("consumer_lag_records"), f"{MODEL}, topic, partition"))
