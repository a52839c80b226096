"""The alerts that fire, with their runbooks."""

from __future__ import annotations

from deploy.grafana.generate import measures
from deploy.grafana.generate.links import runbook
from deploy.grafana.generate.panels import BAD_FROM_ONE, Panel
from deploy.grafana.generate.tables import ROW, Column, by, rows

LABELS = ("alertname", "severity", "job", "model", "instance")


def firing_alerts() -> Panel:
    """A row for each alert; one without a name and a 0 while there is none."""
    return rows(
        "Firing alerts",
        "What Prometheus fires for the jobs and models chosen. Click for the runbook: what it"
        " means, how to look, what to do. One row with a 0 means that nothing fires.",
        LABELS,
        [Column(measures.alerts(", ".join(LABELS)), "firing", steps=BAD_FROM_ONE)],
        runbook(ROW),
        first=by("severity"),
        height=6,
    )
