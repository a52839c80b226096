"""What both dashboards ask: state, anomalies, lag, alerts."""

from __future__ import annotations

from deploy.grafana.generate.queries import (
    CHOSEN,
    MODEL,
    REPLICA,
    chosen,
    numbered,
    process,
    quantile,
    rate,
    share,
    total,
    worst,
)

STATES = ("learning", "ok", "pending", "firing")
DIRECTIONS = ("larger", "smaller", "narrower", "wider")
UP = f"up{{{CHOSEN}}}"


def state() -> str:
    """The state of each replica: 1 to 4 as in STATES, 0 before a verdict, 5 while it is down."""
    down = f"{worst(f'{UP} == 0', REPLICA)} + 5"
    return f"({numbered('drift_state', 'state', STATES)}) or ({down})"


def direction() -> str:
    """Of each replica's drift: 1 to 4 as in DIRECTIONS, 0 for none."""
    return numbered("drift_direction", "direction", DIRECTIONS)


def firing() -> str:
    """1 in each replica whose drift test fires."""
    return chosen("drift_state", state="firing")


def onset() -> str:
    """When the drift of each replica seems to have begun, in ms since the epoch; 0 for none."""
    return f"{worst(chosen('drift_onset_timestamp_seconds'), REPLICA)} * 1000"


def times_normal(bound: str) -> str:
    """Median error of each replica over the reference's: estimate, low or high."""
    return worst(chosen("drift_error_ratio", bound=bound), REPLICA)


def anomalies(by: str = MODEL) -> str:
    """Share of rows above the threshold."""
    return share("rows_anomalous_total", "rows_scored_total", by)


def expected_anomalies() -> str:
    """The share that the threshold promises on normal data; while replicas differ, the larger."""
    return worst(chosen("anomaly_expected_ratio"))


def excess() -> str:
    """How many times as many anomalies as the threshold promises."""
    return f"{anomalies()} / {expected_anomalies()}"


def error_quantile(level: float) -> str:
    """Quantile of error over threshold, of all replicas together."""
    return quantile(level, "error_ratio")


def records(by: str = MODEL) -> str:
    """Records a second, decided on."""
    return total(rate(chosen("records_consumed_total")), by)


def dead_letters() -> str:
    """Share of records that could not be scored."""
    return share("dead_letters_total", "records_consumed_total")


def lag() -> str:
    """Age of the newest record decided on, while records wait, in the worst partition."""
    return worst(chosen("consumer_lag_seconds"))


def waiting() -> str:
    """Records that wait. While a partition changes hands two replicas show it; it counts once."""
    return total(worst(chosen("consumer_lag_records"), f"{MODEL}, topic, partition"))


def model_age() -> str:
    """Seconds since the model was trained; while replicas differ, of the newer."""
    return f"time() - {worst(chosen('model_trained_timestamp_seconds'))}"


def uptime() -> str:
    """Seconds since each process started."""
    return f"time() - {worst(process('start_time_seconds'), REPLICA)}"


def alerts(by: str = "") -> str:
    """Alerts that fire, 0 if none does. An alert may lack the labels, as that of an absent job."""
    selector = (
        'ALERTS{alertname=~"AeadMonitor.*", alertstate="firing", job=~"$job|", model=~"$model|"}'
    )
    return f"count by ({by}) ({selector}) or on () vector(0)"
