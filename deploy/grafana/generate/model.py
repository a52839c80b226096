"""One model in depth. The first section is for whoever is woken up; the rest says why."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate import links, measures
from deploy.grafana.generate.alerts import firing_alerts
from deploy.grafana.generate.assembly import Section, assemble
from deploy.grafana.generate.headlines import headlines
from deploy.grafana.generate.model_changes import newer_models, retraining, shadow
from deploy.grafana.generate.model_drift import drift, errors
from deploy.grafana.generate.model_stream import kept, stream, work
from deploy.grafana.generate.panels import DIRECTION_TEXTS, ONSET_TEXTS, STATE_TEXTS, Panel
from deploy.grafana.generate.queries import REPLICA, chosen, worst
from deploy.grafana.generate.tables import ROW, Column, by, rows

DESCRIPTION = (
    "One model and its replicas: has the stream drifted, in which direction, since when, how much;"
    " is everything read; what became of new models. Choose job and model at the top. What says"
    " 'by replica' is of one process and must not be averaged; the rest is summed over replicas."
)


def model() -> dashboard.Dashboard:
    """The dashboard."""
    return assemble(
        links.MODEL,
        "aead-monitor: one model in depth",
        DESCRIPTION,
        [links.other_dashboard(links.FLEET, "Fleet"), links.all_runbooks()],
        [
            Section("Has it drifted?", [*headlines(), _verdicts(), firing_alerts()]),
            Section("Drift", drift()),
            Section("Errors", errors()),
            Section("Stream", stream()),
            Section("Work", work()),
            Section("New models", newer_models()),
            Section("Retraining", retraining()),
            Section("Shadow model", shadow(), folded=True),
            Section("State on disk and process", kept(), folded=True),
        ],
    )


def _verdicts() -> Panel:
    """What each replica says of its stream."""
    evidence = worst(chosen("drift_evidence_log10"), REPLICA)
    threshold = worst(chosen("drift_evidence_threshold_log10"), REPLICA)
    columns = [
        Column(measures.state(), "state", texts=STATE_TEXTS),
        Column(measures.direction(), "direction", texts=DIRECTION_TEXTS),
        Column(measures.onset(), "began", "dateTimeFromNow", texts=ONSET_TEXTS),
        Column(measures.times_normal("estimate"), "error, times normal", "suffix:x"),
        Column(measures.times_normal("low"), "at least", "suffix:x"),
        Column(measures.times_normal("high"), "at most", "suffix:x"),
        Column(evidence, "evidence"),
        Column(threshold, "threshold"),
    ]
    return rows(
        "Verdict of each replica",
        "State and direction of its drift, when it seems to have begun, and the median error over"
        " the reference's (since then, or of the window while there is no drift) with its 95%"
        " interval. Smaller errors are drift too: a blurred or frozen camera is easier to"
        " reconstruct. Click for the replica's status page, which names the records.",
        ("job", "model", "instance"),
        columns,
        links.status_page(f"${{{ROW}.instance}}"),
        first=by("state", descending=True),
        height=7,
    )
