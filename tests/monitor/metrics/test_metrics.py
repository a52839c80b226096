"""What Prometheus sees."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from monitor.metrics import PREFIX, Metrics
from monitor.metrics.ratio_histogram import BOUNDS, RatioHistogram
from monitor.stream.records import Partition
from tests.monitor.builders import candidate, counted, normal_errors, record, records
from tests.monitor.metrics.metrics_table import PAGE, page


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics(CollectorRegistry(), (0.5, 0.9))
    made.requests.follow(["trainer"])
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)


def test_the_documentation_lists_exactly_the_metrics_that_exist() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_counter_starts_at_zero(metrics: Metrics) -> None:
    counters = [f for f in metrics.registry.collect() if f.type == "counter"]
    assert counters
    for family in counters:
        totals = [s for s in family.samples if s.name.endswith("_total")]
        assert totals, f"{family.name} has no series at the start"
        assert all(s.value == 0 for s in totals)


def test_both_expositions_are_accepted_by_the_official_parser(metrics: Metrics) -> None:
    counted(metrics, records(normal_errors(1000)))
    families = list(parse(generate_openmetrics(metrics.registry).decode()))
    assert {f.name for f in families} == {f.name for f in metrics.registry.collect()}
    assert generate_latest(metrics.registry)


def test_an_outcome_is_counted_in_full(metrics: Metrics) -> None:
    batch = [record(0, [1.0, 1e6]), record(1, b"bad"), record(2, None), record(3, float("inf"))]
    counted(metrics, batch)
    assert value(metrics, "records_consumed_total") == 4
    assert value(metrics, "records_scored_total") == 1
    assert value(metrics, "rows_scored_total") == 2
    assert value(metrics, "rows_anomalous_total") == 1
    assert value(metrics, "dead_letters_total", reason="undecodable") == 1
    assert value(metrics, "dead_letters_total", reason="tombstone") == 1
    assert value(metrics, "dead_letters_total", reason="non_finite_error") == 1
    assert value(metrics, "non_finite_total", where="error") == 1
    assert value(metrics, "error_ratio_count") == 2


def test_the_share_of_anomalies_that_the_threshold_promises_is_told(metrics: Metrics) -> None:
    model = candidate()
    metrics.show_model(model)
    assert model.reference.quantile == 0.999
    assert value(metrics, "anomaly_expected_ratio") == 0.001


def test_exactly_one_drift_state_is_1(metrics: Metrics) -> None:
    counted(metrics, records(normal_errors(4096, scale=3.0)))
    states = {s: value(metrics, "drift_state", state=s) for s in ("ok", "pending", "learning")}
    assert value(metrics, "drift_state", state="firing") == 1
    assert set(states.values()) == {0}
    assert value(metrics, "alerts_total", event="firing") == 1
    assert value(metrics, "drift_transitions_total", event="pending") == 1
    assert value(metrics, "drift_direction", direction="larger") == 1
    assert value(metrics, "drift_direction", direction="smaller") == 0
    low, high = (value(metrics, "drift_error_ratio", bound=b) for b in ("low", "high"))
    assert 2 < low < high < 4
    assert value(metrics, "drift_onset_timestamp_seconds") == pytest.approx(1.7e9, abs=1)
    assert value(metrics, "drift_records_per_false_alarm", kind="promised") == 1e6
    assert value(metrics, "drift_dependence_factor") == 1


def test_lag_series_leave_with_their_partition(metrics: Metrics) -> None:
    metrics.lag.now = lambda: {Partition("in", 0): (5, 1.0), Partition("in", 1): (7, 2.0)}
    metrics.lag.now = lambda: {Partition("in", 1): (8, 2.5)}
    assert value(metrics, "consumer_lag_records", topic="in", partition="0") is None
    assert value(metrics, "consumer_lag_records", topic="in", partition="1") == 8
    assert value(metrics, "consumer_lag_seconds", topic="in", partition="1") == 2.5


def test_stages_are_timed_even_when_they_fail(metrics: Metrics) -> None:
    with pytest.raises(RuntimeError), metrics.stage("score"):
        raise RuntimeError
    assert value(metrics, "stage_seconds_count", stage="score") == 1


class TestRatioHistogram:
    def cumulative(self, histogram: RatioHistogram) -> dict[str, float]:
        (family,) = histogram.collect()
        return {s.labels["le"]: s.value for s in family.samples if "le" in s.labels}

    def test_a_ratio_on_a_bound_counts_below_it(self) -> None:
        histogram = RatioHistogram("h", "")
        histogram.threshold = 2.0
        histogram.observe(np.array([2.0]))
        buckets = self.cumulative(histogram)
        assert buckets["1"] == 1
        assert buckets["0.840896"] == 0

    def test_zero_and_huge_ratios_are_counted(self) -> None:
        histogram = RatioHistogram("h", "")
        histogram.observe(np.array([0.0, 1e9]))
        buckets = self.cumulative(histogram)
        assert buckets[f"{BOUNDS[0]:.6g}"] == 1
        assert buckets[f"{BOUNDS[-1]:.6g}"] == 1
        assert buckets["+Inf"] == 2

    def test_quantiles_from_summed_buckets_are_close_to_those_of_all_replicas(self) -> None:
        rng = np.random.default_rng(0)
        errors = [rng.lognormal(mean, size=5000) for mean in (-1.0, -1.0, -1.0, 1.0)]
        total = np.zeros(BOUNDS.size + 1)
        for replica in errors:
            histogram = RatioHistogram("h", "")
            histogram.observe(replica)
            total += np.array(list(self.cumulative(histogram).values()))
        bucket = int(np.searchsorted(total, 0.99 * total[-1]))
        exact = np.quantile(np.concatenate(errors), 0.99)
        assert BOUNDS[bucket - 1] / 1.19 <= exact <= BOUNDS[bucket] * 1.19


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_for_many_processes_in_the_environment_changes_nothing(
    variable: str, there: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    if there:
        folder.mkdir()
    program = """
from prometheus_client import CollectorRegistry, generate_latest
from monitor.metrics import Metrics
from monitor.stream.records import Partition
metrics = Metrics(CollectorRegistry(), (0.5,))
metrics.records_consumed.inc(3)
metrics.lag.now = lambda: {Partition("in", 0): (7, 1.5)}
metrics.lag.now = dict
text = generate_latest(metrics.registry).decode()
print("\\n".join(line for line in text.splitlines() if "_created" not in line))
"""
    plain = run_python(program, {})
    assert "aead_monitor_records_consumed_total 3.0" in plain
    for _ in range(2):
        assert run_python(program, {variable: str(folder)}) == plain
    assert not folder.exists() or not list(folder.iterdir())


def run_python(program: str, environment: dict[str, str]) -> str:
    """What it prints. Warnings are errors."""
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return answer.stdout
