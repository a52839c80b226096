"""The alerts that fire, with their runbooks."""

from __future__ import annotations

from deploy.grafana.generate.links import runbook
from deploy.grafana.generate.panels import BAD_FROM_ONE, Panel
from deploy.grafana.generate.queries import Query, alerts, named
from deploy.grafana.generate.tables import ROW, Column, rows


def firing_alerts() -> Panel:
    """A row for each alert; one without a name and a 0 while there is none."""
    labels = ("alertname", "severity", "job", "model", "instance")
    query = Query(named(alerts(", ".join(labels))), "firing")
    return rows(
        "Firing alerts",
        "What Prometheus fires for the jobs and models chosen. Click for the runbook: what it"
        " means, how to look, what to do. One row with a 0 means that nothing fires.",
        labels,
        [Column(query, "none", BAD_FROM_ONE)],
        runbook(ROW),
        height=6,
    )
