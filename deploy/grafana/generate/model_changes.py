"""What becomes of models: versions, swaps, requests for new ones, and a shadow."""

from __future__ import annotations

from deploy.grafana.generate import measures
from deploy.grafana.generate.panels import Panel, graph
from deploy.grafana.generate.queries import (
    MODEL,
    REPLICA,
    Query,
    age,
    chosen,
    increase,
    quantile,
    rate,
    share,
    total,
    worst,
)

_WHO = "{{model}} {{instance}}"


def newer_models() -> list[Panel]:
    """Which version scores where, and what came of newer ones."""
    return [
        graph(
            "Replicas by version",
            "How many score with which version. Two at once is normal for seconds.",
            "none",
            Query(total(chosen("model_info"), f"{MODEL}, version"), "{{model}} {{version}}"),
            stacked=True,
        ),
        graph(
            "Age of the model",
            "Since it was trained.",
            "dtdurations",
            Query(measures.model_age(), "{{model}}"),
        ),
        graph(
            "Swaps and refusals",
            "New models that took their place, and those that could not, by reason.",
            "none",
            Query(total(increase("model_swaps_total")), "swaps"),
            Query(total(increase("model_swap_failures_total"), f"{MODEL}, reason"), "{{reason}}"),
        ),
        graph(
            "Pause of a swap",
            "Mean time that reading stopped for one; a gap where there was none.",
            "s",
            Query(share("model_swap_seconds_sum", "model_swap_seconds_count"), "{{model}}"),
        ),
    ]


def retraining() -> list[Panel]:
    """Requests for a new model, and whether their receivers have taken them."""
    return [
        graph(
            "Requests for a new model",
            "Made by all replicas; they make the same one, with the same id.",
            "none",
            Query(total(increase("retrain_requests_total"), REPLICA), _WHO),
        ),
        graph(
            "Since the newest request",
            "For a successor of the model in use; 0 while there is none.",
            "s",
            Query(age("retrain_request_timestamp_seconds"), _WHO),
        ),
        graph(
            "Requests not taken",
            "waiting: to be sent. parked: refused for good. held: until a person decides.",
            "none",
            Query(
                worst(chosen("requests_open"), f"{MODEL}, receiver, state"),
                "{{receiver}} {{state}}",
            ),
        ),
        graph(
            "Deliveries",
            "Attempts by receiver and result. failed is tried again, parked is not.",
            "none",
            Query(
                total(increase("request_deliveries_total"), f"{MODEL}, receiver, result"),
                "{{receiver}} {{result}}",
            ),
        ),
        graph(
            "Oldest request not taken",
            "Of those that wait or are parked; 0 while there is none.",
            "s",
            Query(worst(chosen("requests_oldest_seconds"), f"{MODEL}, receiver"), "{{receiver}}"),
        ),
        graph(
            "Drift alerts published",
            "To the alerts topic, by event.",
            "none",
            Query(total(increase("alerts_total"), f"{MODEL}, event"), "{{event}}"),
        ),
    ]


def shadow() -> list[Panel]:
    """A second model that scores beside and decides nothing; all zero without one."""
    return [
        graph(
            "Rows scored by the shadow, by replica",
            "0 where there is no shadow, or where it was switched off.",
            "rowsps",
            Query(total(rate(chosen("shadow_rows_scored_total")), REPLICA), _WHO),
        ),
        graph(
            "Anomalous rows: shadow and model in use",
            "Share of rows above each model's own threshold.",
            "percentunit",
            Query(share("shadow_rows_anomalous_total", "shadow_rows_scored_total"), "shadow"),
            Query(measures.anomalies(), "in use"),
        ),
        graph(
            "Disagreements",
            "Rows that only one of the two calls anomalous, of those the shadow scored.",
            "percentunit",
            Query(_disagreements(), "{{by}}"),
        ),
        graph(
            "99th percentile of error over threshold",
            "Of both, each over its own threshold, from summed buckets.",
            "suffix:x",
            Query(quantile(0.99, "shadow_error_ratio"), "shadow"),
            Query(measures.error_quantile(0.99), "in use"),
        ),
        graph(
            "Time for a batch, 99th percentile",
            "What the shadow adds to the stage score.",
            "s",
            Query(quantile(0.99, "shadow_seconds"), "{{model}}"),
        ),
        graph(
            "Times switched off",
            "Because it failed or gave an error that is not finite.",
            "none",
            Query(total(increase("shadow_failures_total"), f"{MODEL}, reason"), "{{reason}}"),
        ),
    ]


def _disagreements() -> str:
    disagreeing = total(rate(chosen("shadow_disagreements_total")), f"{MODEL}, by")
    scored = total(rate(chosen("shadow_rows_scored_total")))
    return f"{disagreeing} / on ({MODEL}) group_left () {scored}"
