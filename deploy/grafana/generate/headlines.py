"""The large numbers at the top of both dashboards. Of several models, the worst counts."""

from __future__ import annotations

from deploy.grafana.generate import measures
from deploy.grafana.generate.panels import (
    BAD_FROM_ONE,
    BAD_SHARE,
    BEHIND,
    EXCESS,
    PLAIN,
    Panel,
    Steps,
    number,
)
from deploy.grafana.generate.queries import MODEL, Query, chosen

MORE_THAN_ONE: Steps = ((None, "green"), (2, "yellow"))


def headlines() -> list[Panel]:
    """Eight numbers in one line."""
    versions = f"count by ({MODEL}) (group by ({MODEL}, version) ({chosen('model_info')}))"
    return [
        _number(
            "Drift fires",
            "Replicas whose drift test fires. Each judges its own partitions: one is enough.",
            "none",
            f"sum ({measures.firing()})",
            BAD_FROM_ONE,
        ),
        _number(
            "Replicas down",
            "Targets that do not answer Prometheus.",
            "none",
            f"sum (1 - {measures.UP})",
            BAD_FROM_ONE,
        ),
        _number(
            "Alerts",
            "Alerts of aead-monitor that fire in Prometheus; the list is below.",
            "none",
            measures.alerts(),
            BAD_FROM_ONE,
        ),
        _number(
            "Anomalies over expected",
            "Share of anomalous rows over the share that the threshold promises on normal data. 1"
            " is normal; a ticket is written from 3 times in six hours or 10 times in one.",
            "suffix:x",
            f"max ({measures.excess()})",
            EXCESS,
        ),
        _number(
            "Lag",
            "Age of the newest record decided on, where records wait, in the worst partition.",
            "s",
            f"max ({measures.lag()})",
            BEHIND,
        ),
        _number(
            "Dead letters",
            "Share of records that could not be scored.",
            "percentunit",
            f"max ({measures.dead_letters()})",
            BAD_SHARE,
        ),
        _number(
            "Records",
            "Records decided on, scored or dead, of everything chosen.",
            "recps",
            f"sum ({measures.records()})",
            PLAIN,
        ),
        _number(
            "Versions of a model",
            "With how many versions replicas of one model score. 2 is normal for seconds, while a"
            " new model is taken.",
            "none",
            f"max ({versions})",
            MORE_THAN_ONE,
        ),
    ]


def _number(title: str, description: str, unit: str, expression: str, steps: Steps) -> Panel:
    return number(title, description, unit, Query(expression), steps)
