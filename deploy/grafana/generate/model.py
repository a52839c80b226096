"""One model in depth. The first section is for whoever is woken up; the rest says why."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate import links
from deploy.grafana.generate.alerts import firing_alerts
from deploy.grafana.generate.assembly import Section, assemble
from deploy.grafana.generate.model_changes import newer_models, retraining, shadow
from deploy.grafana.generate.model_drift import drift, errors
from deploy.grafana.generate.model_stream import kept, stream, work
from deploy.grafana.generate.panels import (
    BAD_SHARE,
    BEHIND,
    DIRECTION_TEXTS,
    EXCESS,
    ONSET_TEXTS,
    PLAIN,
    STATE_TEXTS,
    Panel,
    number,
)  # fmt: skip
from deploy.grafana.generate.queries import (
    DIRECTIONS,
    REPLICA,
    Query,
    all_together,
    anomaly_share,
    chosen,
    excess,
    numbered,
    rate,
    share,
    state,
    worst,
)  # fmt: skip

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
            Section("Has it drifted?", [*_verdicts(), *_headlines(), firing_alerts()]),
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


def _verdicts() -> list[Panel]:
    """State, direction, since when, how much: by replica, side by side."""
    onset = f"{worst(chosen('drift_onset_timestamp_seconds'), REPLICA)} * 1000"
    direction = numbered("drift_direction", "direction", DIRECTIONS)
    ratio = [
        Query(worst(chosen("drift_error_ratio", bound=bound), REPLICA), f"{{{{instance}}}} {bound}")
        for bound in ("estimate", "low", "high")
    ]
    return [
        number(
            "State by replica",
            "firing: the stream that this replica reads has drifted. pending: a difference was"
            " seen and is being confirmed. learning: only clear drift is found yet.",
            "none",
            Query(state(), "{{instance}}"),
            texts=STATE_TEXTS,
            width=6,
            height=6,
        ),
        number(
            "Direction by replica",
            "How errors have changed. Smaller errors are drift too: a blurred or frozen camera is"
            " easier to reconstruct.",
            "none",
            Query(direction, "{{instance}}"),
            texts=DIRECTION_TEXTS,
            width=6,
            height=6,
        ),
        number(
            "Seems to have begun, by replica",
            "The timestamp of the first record that differs.",
            "dateTimeFromNow",
            Query(onset, "{{instance}}"),
            texts=ONSET_TEXTS,
            width=6,
            height=6,
        ),
        number(
            "Errors over normal ones, by replica",
            "Median error over the reference's, since the drift began, or of the rolling window"
            " while there is none: estimate and 95% interval. 2 means doubled.",
            "suffix:x",
            *ratio,
            width=6,
            height=6,
        ),
    ]


def _headlines() -> list[Panel]:
    dead = share("dead_letters_total", "records_consumed_total")
    age = f"time() - {worst(chosen('model_trained_timestamp_seconds'))}"
    return [
        number(
            "Anomalous rows",
            "Share of rows whose error is above the threshold.",
            "percentunit",
            Query(anomaly_share(), "{{model}}"),
            width=4,
        ),
        number(
            "Anomalies, times expected",
            "That share over what the threshold promises on normal data. 1 is normal.",
            "suffix:x",
            Query(excess(), "{{model}}"),
            steps=EXCESS,
            width=4,
        ),
        number(
            "Records",
            "Records decided on, scored or dead.",
            "recps",
            Query(all_together(rate(chosen("records_consumed_total")))),
            width=4,
        ),
        number(
            "Lag",
            "Age of the newest record decided on, where records wait, in the worst partition.",
            "s",
            Query(worst(chosen("consumer_lag_seconds")), "{{model}}"),
            steps=BEHIND,
            width=4,
        ),
        number(
            "Dead letters",
            "Share of records that could not be scored.",
            "percentunit",
            Query(dead, "{{model}}"),
            steps=BAD_SHARE,
            width=4,
        ),
        number(
            "Age of the model",
            "Since it was trained.",
            "dtdurations",
            Query(age, "{{model}}"),
            steps=PLAIN,
            width=4,
        ),
    ]
