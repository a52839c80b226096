"""The stream and the daemon's work on it."""

from __future__ import annotations

from deploy.grafana.generate import measures
from deploy.grafana.generate.panels import YES_TEXTS, Panel, graph, timeline
from deploy.grafana.generate.queries import (
    MODEL,
    REPLICA,
    Query,
    age,
    best,
    chosen,
    increase,
    process,
    quantile,
    rate,
    share,
    total,
    worst,
)

_WHO = "{{model}} {{instance}}"
_TRIED_AGAIN = (
    "publish_failures",
    "commit_failures",
    "snapshot_failures",
    "rollbacks",
    "records_dropped",
)


def stream() -> list[Panel]:
    """What comes in, what waits, and what could not be scored."""
    return [
        graph(
            "Throughput",
            "Records decided on (scored or dead), rows scored, and rows that are anomalous.",
            "recps",
            Query(measures.records(), "records {{model}}"),
            Query(total(rate(chosen("rows_scored_total"))), "rows {{model}}"),
            Query(total(rate(chosen("rows_anomalous_total"))), "anomalous {{model}}"),
        ),
        graph(
            "Throughput by replica",
            "Records decided on. A replica at 0 while others work has no partition, or hangs.",
            "recps",
            Query(measures.records(REPLICA), _WHO),
        ),
        graph(
            "Records that wait",
            "In all partitions together.",
            "short",
            Query(measures.waiting(), "{{model}}"),
        ),
        graph(
            "Lag by partition",
            "Age of the newest record decided on, while records wait; else 0.",
            "s",
            Query(
                worst(chosen("consumer_lag_seconds"), f"{MODEL}, topic, partition"),
                "{{model}} {{topic}} {{partition}}",
            ),
        ),
        graph(
            "Dead letters by reason",
            "Records that could not be scored; they are in the dead-letter topic, as they came.",
            "recps",
            Query(total(rate(chosen("dead_letters_total")), f"{MODEL}, reason"), "{{reason}}"),
            stacked=True,
        ),
        graph(
            "Share of dead letters",
            "Of all records. Above dead_letters.max_share a replica stops reading.",
            "percentunit",
            Query(measures.dead_letters(), "{{model}}"),
        ),
        graph(
            "NaN and infinity",
            "Records refused for it, in the payload or in the model's error. In the error, the"
            " model is to blame.",
            "recps",
            Query(total(rate(chosen("non_finite_total")), f"{MODEL}, where"), "{{where}}"),
        ),
        graph(
            "Partitions by replica",
            "Assigned to it. They should add up to the topic's.",
            "none",
            Query(worst(chosen("partitions_assigned"), REPLICA), _WHO),
            stacked=True,
        ),
    ]


def work() -> list[Panel]:
    """Time by stage, and what failed and was tried again."""
    busy = rate(chosen("stage_seconds_sum"))
    return [
        graph(
            "Stage latency, 99th percentile",
            "Duration of one stage for one batch, from buckets summed over replicas.",
            "s",
            Query(quantile(0.99, "stage_seconds", f"{MODEL}, stage"), "{{stage}} {{model}}"),
        ),
        graph(
            "Time spent by stage, by replica",
            "Seconds of work a second. A sum near 1 is a replica that cannot go faster.",
            "percentunit",
            Query(total(busy, f"{REPLICA}, stage"), "{{stage}} {{instance}}"),
            stacked=True,
        ),
        graph(
            "Batch size",
            "Mean records in a batch. At batch.max_records batches are full: there is a backlog.",
            "short",
            Query(share("batch_records_sum", "batch_records_count"), "{{model}}"),
        ),
        graph(
            "Since the last commit, by replica",
            "Seconds since offsets were last committed. It grows while nothing comes in, too.",
            "s",
            Query(age("last_batch_timestamp_seconds"), _WHO),
        ),
        graph(
            "Failures that are tried again",
            "Publishing, commits, snapshots; and work taken back because its offsets were not"
            " committed.",
            "cps",
            *(
                Query(total(rate(chosen(f"{counter}_total"))), counter.replace("_", " "))
                for counter in _TRIED_AGAIN
            ),
        ),
        graph(
            "Messages published",
            "Anomalies, dead letters and alerts, acknowledged by the broker.",
            "mps",
            Query(total(rate(chosen("events_published_total")), f"{MODEL}, kind"), "{{kind}}"),
        ),
        timeline(
            "Connected to Kafka, by replica",
            "Whether a broker can be reached.",
            Query(best(chosen("kafka_connected"), REPLICA), _WHO),
            texts=YES_TEXTS,
            height=4,
        ),
        timeline(
            "Quarantined, by replica",
            "Whether reading has stopped because most records were dead letters.",
            Query(worst(chosen("quarantined"), REPLICA), _WHO),
            texts={0: ("no", "green"), 1: ("yes", "red")},
            height=4,
        ),
    ]


def kept() -> list[Panel]:
    """Snapshots, and what the process uses."""
    return [
        graph(
            "Since the last snapshot, by replica",
            "Seconds since a snapshot and its offsets were accepted. It grows while nothing comes"
            " in, too.",
            "s",
            Query(age("snapshot_timestamp_seconds"), _WHO),
        ),
        graph(
            "Size of the snapshot, by replica",
            "On disk.",
            "bytes",
            Query(worst(chosen("snapshot_bytes"), REPLICA), _WHO),
        ),
        graph(
            "Partitions gained",
            "By where reading went on.",
            "none",
            Query(
                total(
                    increase("partitions_resumed_total"),
                    f"{MODEL}, case",
                ),
                "{{case}}",
            ),
        ),
        graph(
            "Memory, by replica",
            "Resident.",
            "bytes",
            Query(worst(process("resident_memory_bytes"), REPLICA), _WHO),
        ),
        graph(
            "CPU, by replica",
            "Cores in use.",
            "none",
            Query(total(rate(process("cpu_seconds_total")), REPLICA), _WHO),
        ),
        graph(
            "Open files, by replica",
            "And the limit.",
            "none",
            Query(worst(process("open_fds"), REPLICA), _WHO),
            Query(best(process("max_fds")), "limit"),
        ),
        graph(
            "Uptime, by replica",
            "Since the process started.",
            "dtdurations",
            Query(measures.uptime(), _WHO),
        ),
        graph(
            "Software, by replica",
            "Versions of the daemon, Python and torch in use.",
            "none",
            Query(
                worst(chosen("build_info"), f"{REPLICA}, version, python, torch"),
                "{{instance}}: {{version}}, Python {{python}}, torch {{torch}}",
            ),
        ),
    ]
