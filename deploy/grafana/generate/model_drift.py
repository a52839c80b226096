"""The drift test's view, and the errors that it judges."""

from __future__ import annotations

from deploy.grafana.generate import measures
from deploy.grafana.generate.panels import (
    DIRECTION_TEXTS,
    STATE_TEXTS,
    Panel,
    graph,
    heat_map,
    timeline,
)
from deploy.grafana.generate.queries import (
    MODEL,
    REPLICA,
    Query,
    age,
    chosen,
    increase,
    rate,
    total,
    worst,
)

_WHO = "{{model}} {{instance}}"
_LEVELS = (0.5, 0.99, 0.999)


def drift() -> list[Panel]:
    """State, evidence and effect over time, all by replica."""
    return [
        timeline(
            "State by replica",
            "Click a band for the replica's status page, which names the records.",
            Query(measures.state(), _WHO),
            texts=STATE_TEXTS,
        ),
        timeline(
            "Direction by replica",
            "Of the drift that is suspected or fires.",
            Query(measures.direction(), _WHO),
            texts=DIRECTION_TEXTS,
        ),
        graph(
            "Evidence against its threshold, by replica",
            "Capital won by betting on drift, as a power of ten. Above the threshold drift is"
            " suspected; from then on the threshold is that of the confirmation.",
            "none",
            _by_replica("drift_evidence_log10", "evidence"),
            _by_replica("drift_evidence_threshold_log10", "threshold"),
        ),
        graph(
            "Errors over normal ones, by replica",
            "Median error over the reference's, since the drift began, or of the rolling window"
            " while there is none; with its 95% interval. Changes within the tolerance are never"
            " alarmed.",
            "suffix:x",
            *(
                Query(measures.times_normal(bound), f"{bound} {_WHO}")
                for bound in ("low", "estimate", "high")
            ),
            Query(f"1 + {worst(chosen('drift_tolerance_ratio'))}", "tolerance"),
            Query(f"1 / (1 + {worst(chosen('drift_tolerance_ratio'))})", "tolerance"),
        ),
        graph(
            "Time since the onset, by replica",
            "Since the first record that differs; 0 while there is no drift.",
            "s",
            Query(age("drift_onset_timestamp_seconds"), _WHO),
        ),
        graph(
            "Rows in the reference's upper hundredth, by replica",
            "Share of the window's rows above the reference's 0.99 quantile; 0.01 is expected.",
            "percentunit",
            _by_replica("window_exceedance_ratio", ""),
        ),
        graph(
            "Channels that have moved",
            "Evidence of each channel when its drift was told, as a power of ten: inputs, residuals"
            " and other numbers of a record, where they are watched.",
            "none",
            Query(worst(chosen("channel_evidence"), f"{MODEL}, channel"), "{{channel}}"),
        ),
        graph(
            "Changes of state",
            "How often states were entered and left.",
            "none",
            Query(total(increase("drift_transitions_total"), f"{MODEL}, event"), "{{event}}"),
        ),
        graph(
            "Early signal and dependence, by replica",
            "The advisory detector's opinion (1 or 0, never an alarm), and the factor by which"
            " evidence is weakened because neighbouring records depend on each other.",
            "none",
            _by_replica("drift_early_signal", "early signal"),
            _by_replica("drift_dependence_factor", "dependence"),
        ),
        graph(
            "Records for each false alarm, by replica",
            "What the budget asks at the stream's rate, and what of it is promised.",
            "short",
            *(
                Query(
                    worst(chosen("drift_records_per_false_alarm", kind=kind), REPLICA),
                    f"{kind} {_WHO}",
                )
                for kind in ("asked", "promised")
            ),
        ),
    ]


def errors() -> list[Panel]:
    """Quantiles of all replicas together, of each alone, and the whole distribution over time."""
    return [
        graph(
            "Error quantiles against the reference",
            "Error over the anomaly threshold, from buckets summed over replicas (a quantile is"
            " within about 10% at worst), and the same quantiles of held-out normal data.",
            "suffix:x",
            *(Query(measures.error_quantile(level), f"p{100 * level:g}") for level in _LEVELS),
            *(Query(_reference(level), f"normal p{100 * level:g}") for level in _LEVELS),
        ),
        graph(
            "Anomalous rows",
            "Share of rows whose error is above the threshold, and the share that the threshold"
            " promises on normal data.",
            "percentunit",
            Query(measures.anomalies(), "{{model}}"),
            Query(measures.expected_anomalies(), "expected"),
        ),
        heat_map(
            "Error over threshold",
            "Rows a second by their error over the anomaly threshold; 1 is at the threshold. Drift"
            " is a band that moves, widens or narrows; anomalies are specks above 1. All models"
            " chosen are added up: choose one.",
            "none",
            Query(total(rate(chosen("error_ratio_bucket")), "le"), "{{le}}"),
        ),
        graph(
            "99th percentile of the rolling window, by replica",
            "In the error's own unit, with its 95% interval, and the reference's. Do not average"
            " these over replicas.",
            "short",
            Query(_window("error_quantile"), f"p99 {_WHO}"),
            Query(_window("error_quantile_bound", bound="low"), f"low {_WHO}"),
            Query(_window("error_quantile_bound", bound="high"), f"high {_WHO}"),
            Query(worst(chosen("reference_quantile", level="0.99")), "normal {{model}}"),
            Query(worst(chosen("threshold")), "threshold {{model}}"),
        ),
        graph(
            "Anomalous rows, by replica",
            "A replica that stands out reads a partition that stands out.",
            "percentunit",
            Query(measures.anomalies(REPLICA), _WHO),
        ),
    ]


def _by_replica(gauge: str, word: str) -> Query:
    return Query(worst(chosen(gauge), REPLICA), f"{word} {_WHO}".strip())


def _reference(level: float) -> str:
    """A quantile of normal errors in units of the threshold; of the worst version in use."""
    quantile_of_reference = chosen("reference_quantile", level=f"{level:g}")
    return worst(f"{quantile_of_reference} / ignoring (level) {chosen('threshold')}")


def _window(gauge: str, **labels: str) -> str:
    return worst(chosen(gauge, level="0.99", **labels), REPLICA)
