"""The fleet at a glance: which model, which replica, how bad, and where to look next."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate import links
from deploy.grafana.generate.alerts import firing_alerts
from deploy.grafana.generate.assembly import Section, assemble
from deploy.grafana.generate.panels import (
    BAD_FROM_ONE,
    BAD_SHARE,
    BEHIND,
    EXCESS,
    STATE_TEXTS,
    YES_TEXTS,
    Panel,
    graph,
    number,
    timeline,
)  # fmt: skip
from deploy.grafana.generate.queries import (
    CHOSEN,
    MODEL,
    REPLICA,
    Query,
    age,
    alerts,
    all_together,
    anomaly_share,
    best,
    chosen,
    excess,
    lag_records,
    named,
    process,
    quantile,
    rate,
    share,
    state,
    total,
    worst,
    worst_of_all,
)  # fmt: skip
from deploy.grafana.generate.tables import ROW, Column, rows

DESCRIPTION = (
    "All models and replicas that aead-monitor runs: what fires, who is down, who lags. Counts are"
    " summed over replicas. A click on a model leads to the model in depth, one on a replica to its"
    " status page."
)
_DEAD = share("dead_letters_total", "records_consumed_total")
_LAG_SECONDS = worst(chosen("consumer_lag_seconds"))
_CONSUMED = rate(chosen("records_consumed_total"))
_P99 = quantile(0.99, "error_ratio")


def fleet() -> dashboard.Dashboard:
    """The dashboard."""
    return assemble(
        links.FLEET,
        "aead-monitor: fleet",
        DESCRIPTION,
        [links.other_dashboard(links.MODEL, "One model in depth"), links.all_runbooks()],
        [
            Section("Now", [*_headlines(), firing_alerts()]),
            Section("State of each replica", [_states()]),
            Section("Models", [_models(), *_graphs()]),
            Section("Replicas", [_replicas()]),
        ],
    )


def _headlines() -> list[Panel]:
    firing = all_together(chosen("drift_state", state="firing"))
    down = all_together(f"1 - up{{{CHOSEN}}}")
    several = f"count by ({MODEL}) (group by ({MODEL}, version) ({chosen('model_info')}))"
    return [
        number(
            "Drift fires",
            "Replicas whose drift test fires. Each judges its own partitions, so"
            " one is enough to look.",
            "none",
            Query(firing),
            steps=BAD_FROM_ONE,
        ),
        number(
            "Replicas down",
            "Targets that do not answer Prometheus.",
            "none",
            Query(down),
            steps=BAD_FROM_ONE,
        ),
        number(
            "Alerts",
            "Alerts of aead-monitor that fire in Prometheus; the list is below.",
            "none",
            Query(alerts("")),
            steps=BAD_FROM_ONE,
        ),
        number(
            "Anomalies, times expected",
            "Share of anomalous rows over the share that the"
            " threshold promises on normal data, in the worst model. 1 is normal; a ticket is"
            " written from 3 times in six hours or 10 times in one.",
            "suffix:x",
            Query(worst_of_all(excess())),
            steps=EXCESS,
        ),
        number(
            "Lag",
            "Age of the newest record decided on, where records wait, in the worst partition.",
            "s",
            Query(worst_of_all(_LAG_SECONDS)),
            steps=BEHIND,
        ),
        number(
            "Dead letters",
            "Share of records that could not be scored, in the worst model.",
            "percentunit",
            Query(worst_of_all(_DEAD)),
            steps=BAD_SHARE,
        ),
        number(
            "Records", "Records decided on, of all models.", "recps", Query(all_together(_CONSUMED))
        ),
        number(
            "Versions of one model",
            "Largest number of versions that replicas of one model"
            " score with. 2 is normal for seconds, while a new model is taken.",
            "none",
            Query(worst_of_all(several)),
            steps=((None, "green"), (2, "yellow")),
        ),
    ]


def _states() -> Panel:
    return timeline(
        "Drift state",
        "learning: only clear drift is found yet. ok: errors look like those of normal data."
        " pending: a difference was seen and is being confirmed. firing: the stream has drifted.",
        Query(state(), "{{model}} {{instance}}"),
        texts=STATE_TEXTS,
    )


def _models() -> Panel:
    firing = total(chosen("drift_state", state="firing"))
    columns = [
        Column(Query(named(firing), "drift fires"), "none", BAD_FROM_ONE),
        Column(Query(named(total(f"up{{{CHOSEN}}}")), "up"), "none"),
        Column(Query(named(f"count by ({MODEL}) (up{{{CHOSEN}}})"), "of"), "none"),
        Column(Query(named(anomaly_share()), "anomalies"), "percentunit"),
        Column(Query(named(excess()), "times expected"), "suffix:x", EXCESS),
        Column(Query(named(_P99), "p99 of error"), "suffix:x"),
        Column(Query(named(total(_CONSUMED)), "records"), "recps"),
        Column(Query(named(lag_records()), "records waiting"), "short"),
        Column(Query(named(_LAG_SECONDS), "lag"), "s", BEHIND),
        Column(Query(named(_DEAD), "dead letters"), "percentunit", BAD_SHARE),
    ]
    return rows(
        "Models",
        "One row a model, its replicas together. p99 of error: 99th percentile of error over the"
        " anomaly threshold, from summed buckets. Click for the model in depth.",
        ("job", "model"),
        columns,
        links.one_model(ROW),
    )


def _replicas() -> Panel:
    version = worst(chosen("model_info"), f"{REPLICA}, version")
    uptime = f"time() - {worst(process('start_time_seconds'), REPLICA)}"
    columns = [
        Column(Query(named(state()), "state"), "none", texts=STATE_TEXTS),
        Column(Query(named(version), "model in use"), "none"),
        Column(Query(named(total(_CONSUMED, REPLICA)), "records"), "recps"),
        Column(Query(named(anomaly_share(REPLICA)), "anomalies"), "percentunit"),
        Column(Query(named(worst(chosen("partitions_assigned"), REPLICA)), "partitions"), "none"),
        Column(Query(named(total(chosen("consumer_lag_records"), REPLICA)), "waiting"), "short"),
        Column(Query(named(age("last_batch_timestamp_seconds")), "since commit"), "s"),
        Column(
            Query(named(best(chosen("kafka_connected"), REPLICA)), "Kafka"), "none", texts=YES_TEXTS
        ),
        Column(Query(named(uptime), "uptime"), "dtdurations"),
    ]
    return rows(
        "Replicas",
        "One row a process. Click for its status page, which shows what it has found.",
        ("job", "model", "instance", "version"),
        columns,
        links.status_page(f"${{{ROW}.instance}}"),
    )


def _graphs() -> list[Panel]:
    return [
        graph(
            "Anomalous rows",
            "Share of rows whose error is above the threshold, and the share that the threshold"
            " promises on normal data.",
            "percentunit",
            Query(anomaly_share(), "{{job}} {{model}}"),
            Query(worst(chosen("anomaly_expected_ratio")), "expected {{job}} {{model}}"),
        ),
        graph(
            "99th percentile of error over threshold",
            "From buckets summed over replicas. 1 is at the threshold.",
            "suffix:x",
            Query(_P99, "{{job}} {{model}}"),
        ),
        graph(
            "Throughput",
            "Records decided on, scored or dead.",
            "recps",
            Query(total(_CONSUMED), "{{job}} {{model}}"),
        ),
        graph(
            "Lag",
            "Age of the newest record decided on, where records wait, in the worst partition.",
            "s",
            Query(_LAG_SECONDS, "{{job}} {{model}}"),
        ),
        graph(
            "Dead letters",
            "Share of records that could not be scored.",
            "percentunit",
            Query(_DEAD, "{{job}} {{model}}"),
        ),
        graph(
            "Replicas that answer",
            "Targets that Prometheus reaches.",
            "none",
            Query(total(f"up{{{CHOSEN}}}"), "{{job}} {{model}}"),
        ),
    ]
