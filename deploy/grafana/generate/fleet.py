"""The fleet at a glance: which model, which replica, how bad, and where to look next."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate import links, measures
from deploy.grafana.generate.alerts import firing_alerts
from deploy.grafana.generate.assembly import Section, assemble
from deploy.grafana.generate.headlines import headlines
from deploy.grafana.generate.panels import (
    BAD_FROM_ONE,
    BAD_SHARE,
    BEHIND,
    EXCESS,
    STATE_TEXTS,
    YES_TEXTS,
    Panel,
    graph,
    timeline,
)
from deploy.grafana.generate.queries import (
    MODEL,
    REPLICA,
    Query,
    age,
    best,
    chosen,
    total,
    worst,
)
from deploy.grafana.generate.tables import ROW, Column, by, rows

DESCRIPTION = (
    "All models and replicas that aead-monitor runs: what fires, who is down, who lags. Counts are"
    " summed over replicas. A click on a model leads to the model in depth, one on a replica to its"
    " status page."
)
_WHO = "{{job}} {{model}}"


def fleet() -> dashboard.Dashboard:
    """The dashboard."""
    return assemble(
        links.FLEET,
        "aead-monitor: fleet",
        DESCRIPTION,
        [links.other_dashboard(links.MODEL, "One model in depth"), links.all_runbooks()],
        [
            Section("Now", [*headlines(), firing_alerts(), _states()]),
            Section("Models", [_models(), *_graphs()]),
            Section("Replicas", [_replicas()]),
        ],
    )


def _states() -> Panel:
    return timeline(
        "State by replica",
        "learning: only clear drift is found yet. ok: errors look like those of normal data."
        " pending: a difference was seen and is being confirmed. firing: the stream has drifted.",
        Query(measures.state(), "{{job}} {{model}} {{instance}}"),
        texts=STATE_TEXTS,
    )


def _models() -> Panel:
    targets = f"count by ({MODEL}) ({measures.UP})"
    columns = [
        Column(total(measures.firing()), "drift fires", steps=BAD_FROM_ONE),
        Column(total(measures.UP), "up"),
        Column(targets, "of"),
        Column(measures.anomalies(), "anomalies", "percentunit"),
        Column(measures.excess(), "over expected", "suffix:x", EXCESS),
        Column(measures.error_quantile(0.99), "p99 of error", "suffix:x"),
        Column(measures.records(), "records", "recps"),
        Column(measures.waiting(), "waiting", "short"),
        Column(measures.lag(), "lag", "s", BEHIND),
        Column(measures.dead_letters(), "dead letters", "percentunit", BAD_SHARE),
    ]
    return rows(
        "Models",
        "One row a model, its replicas together. p99 of error: 99th percentile of error over the"
        " anomaly threshold, from summed buckets. Click for the model in depth.",
        ("job", "model"),
        columns,
        links.one_model(ROW),
        first=by("drift fires", descending=True),
    )


def _replicas() -> Panel:
    version = worst(chosen("model_info"), f"{REPLICA}, version")
    connected = best(chosen("kafka_connected"), REPLICA)
    columns = [
        Column(measures.state(), "state", texts=STATE_TEXTS),
        Column(connected, "Kafka", texts=YES_TEXTS),
        Column(version, "model in use"),
        Column(measures.records(REPLICA), "records", "recps"),
        Column(measures.anomalies(REPLICA), "anomalies", "percentunit"),
        Column(worst(chosen("partitions_assigned"), REPLICA), "partitions"),
        Column(total(chosen("consumer_lag_records"), REPLICA), "waiting", "short"),
        Column(age("last_batch_timestamp_seconds"), "since commit", "s"),
        Column(measures.uptime(), "uptime", "dtdurations"),
    ]
    return rows(
        "Replicas",
        "One row a process. Click for its status page, which shows what it has found.",
        ("job", "model", "instance", "version"),
        columns,
        links.status_page(f"${{{ROW}.instance}}"),
        first=by("state", descending=True),
    )


def _graphs() -> list[Panel]:
    return [
        graph(
            "Anomalous rows",
            "Share of rows whose error is above the threshold, and the share that the threshold"
            " promises on normal data.",
            "percentunit",
            Query(measures.anomalies(), _WHO),
            Query(measures.expected_anomalies(), f"expected {_WHO}"),
        ),
        graph(
            "99th percentile of error over threshold",
            "From buckets summed over replicas. 1 is at the threshold.",
            "suffix:x",
            Query(measures.error_quantile(0.99), _WHO),
        ),
        graph(
            "Throughput",
            "Records decided on, scored or dead.",
            "recps",
            Query(measures.records(), _WHO),
        ),
        graph(
            "Lag",
            "Age of the newest record decided on, where records wait, in the worst partition.",
            "s",
            Query(measures.lag(), _WHO),
        ),
        graph(
            "Dead letters",
            "Share of records that could not be scored.",
            "percentunit",
            Query(measures.dead_letters(), _WHO),
        ),
        graph(
            "Replicas that answer",
            "Targets that Prometheus reaches.",
            "none",
            Query(total(measures.UP), _WHO),
        ),
    ]
