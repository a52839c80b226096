"""What the panels say about streams whose truth is known, computed by Prometheus itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.panels import dashboard, expressions, marks

WHO = 'job="aead-monitor", model="digits", instance="{}:1"'
MODEL = 'job="aead-monitor", model="digits"'
ANOMALOUS, ROWS = "aead_monitor_rows_anomalous_total", "aead_monitor_rows_scored_total"
MINUTES = 10

Series = dict[str, str]
"""Values, one a minute, by series; as promtool writes them."""


def panel(name: str, title: str, number: int = 0) -> str:
    """A query of a panel: the first, unless told otherwise."""
    asked = expressions(dashboard(name), {"__rate_interval": "5m"})
    return [each.expression for each in asked if each.title == title][number]


def annotation(name: str) -> str:
    """What an annotation marks on the graphs."""
    asked = marks(dashboard("model"), {"__interval": "1m"})
    return next(each.expression for each in asked if each.title == name)


def ask(
    folder: Path, expression: str, series: Series, expected: dict[str, float], at: int = MINUTES
) -> None:
    """Fails unless Prometheus gives these values, by their labels, after so many minutes.

    Rounded, because replicas are summed in any order.
    """
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    asked = {"expr": f"round({expression}, 0.001)", "eval_time": f"{at}m", "exp_samples": samples}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [asked],
    }
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}), "utf-8")
    promtool = shutil.which("promtool")
    if promtool is None:
        raise RuntimeError("promtool is not installed. Install it with: make setup-test")
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def replica(metric: str, name: str, values: str, **labels: str) -> Series:
    """One series of one replica."""
    more = "".join(f', {label}="{value}"' for label, value in labels.items())
    return {f"{metric}{{{WHO.format(name)}{more}}}": values}


def states(name: str, state: str) -> Series:
    """A replica that is up and in this state."""
    found = replica("up", name, f"1x{MINUTES}")
    for each in ("learning", "ok", "pending", "firing"):
        value = f"{int(each == state)}x{MINUTES}"
        found |= replica("aead_monitor_drift_state", name, value, state=each)
    return found


@pytest.mark.parametrize(
    ("state", "number"), [("learning", 1), ("ok", 2), ("pending", 3), ("firing", 4)]
)
def test_the_state_of_a_replica_is_a_number(state: str, number: int, tmp_path: Path) -> None:
    ask(tmp_path, panel("fleet", "State by replica"), states("a", state),
        {f"{{{WHO.format('a')}}}": number})  # fmt: skip


def test_a_replica_that_is_down_is_shown_beside_one_that_fires(tmp_path: Path) -> None:
    series = states("a", "firing") | replica("up", "b", f"0x{MINUTES}")
    ask(tmp_path, panel("model", "State by replica"), series,
        {f"{{{WHO.format('a')}}}": 4, f"{{{WHO.format('b')}}}": 5})  # fmt: skip
    ask(tmp_path, panel("model", "Drift fires"), series, {"{}": 1})
    ask(tmp_path, panel("model", "Replicas down"), series, {"{}": 1})


def test_without_alerts_the_number_of_alerts_is_0(tmp_path: Path) -> None:
    ask(tmp_path, panel("fleet", "Alerts"), {}, {"{}": 0})
    ask(tmp_path, panel("fleet", "Firing alerts"), {}, {'{model="All"}': 0})


def test_an_alert_without_a_job_is_listed(tmp_path: Path) -> None:
    labels = 'alertname="AeadMonitorAbsent", severity="critical"'
    series = {f'ALERTS{{{labels}, alertstate="firing"}}': f"1x{MINUTES}"}
    ask(tmp_path, panel("fleet", "Firing alerts"), series, {f'{{{labels}, model="All"}}': 1})


def test_one_hot_replica_of_four_raises_the_quantile_of_all(tmp_path: Path) -> None:
    # Three have all errors below half the threshold; the fourth has a tenth of its above 4 times.
    series: Series = {}
    for name in "abcd":
        small, all_rows = ("0+90x10", "0+100x10") if name == "d" else ("0+100x10", "0+100x10")
        buckets = {"0.25": "0x10", "0.5": small, "4": small, "8": all_rows, "+Inf": all_rows}
        for bound, values in buckets.items():
            series |= replica("aead_monitor_error_ratio_bucket", name, values, le=bound)
    # 2.5% of all errors lie between 4 and 8: the 99th percentile is six tenths of the way.
    ask(tmp_path, panel("model", "Error quantiles against the reference", 1), series,
        {f"{{{MODEL}}}": 6.4})  # fmt: skip


def test_a_restarting_replica_does_not_disturb_the_share_of_anomalies(tmp_path: Path) -> None:
    resets = dict.fromkeys("ab", "0 {0} {1} {2} 0 {0} {1} {2} {3} {4} {5}")
    one = [str(number) for number in range(1, 7)]
    hundred = [str(100 * number) for number in range(1, 7)]
    series: Series = {}
    for name, pattern in resets.items():
        series |= replica(ANOMALOUS, name, pattern.format(*one))
        series |= replica(ROWS, name, pattern.format(*hundred))
    ask(tmp_path, panel("model", "Anomalous rows"), series, {f"{{{MODEL}}}": 0.01})
    series |= replica("aead_monitor_anomaly_expected_ratio", "a", f"0.001x{MINUTES}")
    ask(tmp_path, panel("model", "Anomalies over expected"), series, {"{}": 10})


def test_a_partition_that_changes_hands_waits_once(tmp_path: Path) -> None:
    series: Series = {}
    for name, partition, values in (("a", "0", "7x10"), ("b", "0", "5x10"), ("b", "1", "2x10")):
        labels = {"topic": "in", "partition": partition}
        series |= replica("aead_monitor_consumer_lag_records", name, values, **labels)
    ask(tmp_path, panel("model", "Records that wait"), series, {f"{{{MODEL}}}": 9})


def test_the_time_since_the_onset_is_0_while_there_is_no_drift(tmp_path: Path) -> None:
    onset = "aead_monitor_drift_onset_timestamp_seconds"
    series = replica(onset, "a", f"0x{MINUTES}") | replica(onset, "b", f"480x{MINUTES}")
    ask(tmp_path, panel("model", "Time since the onset, by replica"), series,
        {f"{{{WHO.format('a')}}}": 0, f"{{{WHO.format('b')}}}": 120})  # fmt: skip


def test_a_target_without_a_model_is_found_and_can_be_clicked(tmp_path: Path) -> None:
    series = {'up{job="aead-monitor-7", instance="a:1"}': f"1x{MINUTES}"}
    ask(tmp_path, panel("fleet", "Models", 1), series, {'{job="aead-monitor-7", model="All"}': 1})


def test_a_new_version_is_marked_once(tmp_path: Path) -> None:
    info = "aead_monitor_model_info"
    series = replica(info, "a", "1x4 stale", version="old") | replica(
        info, "a", "_x5 1x5", version="new"
    )
    found = f'{{{MODEL}, version="new"}}'
    ask(tmp_path, annotation("Model versions"), series, {}, at=4)
    ask(tmp_path, annotation("Model versions"), series, {found: 1}, at=5)
    ask(tmp_path, annotation("Model versions"), series, {}, at=6)


def test_a_swap_is_marked_at_its_time_with_the_version_that_came(tmp_path: Path) -> None:
    moment = "aead_monitor_model_swap_timestamp_seconds"
    series = replica("aead_monitor_model_info", "a", f"1x{MINUTES}", version="new")
    for values, found in (("0", {}), ("300", {f'{{{WHO.format("a")}, version="new"}}': 300_000.0})):
        swapped = replica(moment, "a", f"{values}x{MINUTES}")
        ask(tmp_path, annotation("Model swaps"), series | swapped, found)


def test_the_onset_is_marked_only_while_there_is_drift(tmp_path: Path) -> None:
    series = replica("aead_monitor_drift_onset_timestamp_seconds", "a", "0x5 120x4")
    ask(tmp_path, annotation("Drift's onset"), series, {}, at=5)
    ask(tmp_path, annotation("Drift's onset"), series, {f"{{{WHO.format('a')}}}": 120_000}, at=7)


def test_an_expectation_that_is_wrong_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="got:"):
        ask(tmp_path, panel("fleet", "Alerts"), {}, {"{}": 1})
