"""Every metric of the daemon, with its kind, unit and meaning.

All carry the prefix `aead_monitor_` and base units, and exist from the start, so that rates
begin at zero. `docs/metrics.md` is this file as a table; a test compares the two. The registry
is passed in: two daemons in one process do not share numbers.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.drift.episodes import ALERTS, EVENTS
from monitor.drift.judge import Change
from monitor.errors import REASONS
from monitor.metrics.clocks import ClockMetrics
from monitor.metrics.context import ContextMetrics
from monitor.metrics.drift import DriftMetrics
from monitor.metrics.explanations import ExplanationMetrics
from monitor.metrics.lag import LagMetrics, LoopMetrics
from monitor.metrics.model import ModelMetrics
from monitor.metrics.mutes import MuteMetrics
from monitor.metrics.ratio_histogram import RatioHistogram, divisor
from monitor.metrics.requests import RequestMetrics
from monitor.metrics.segments import SegmentMetrics
from monitor.metrics.series import SeriesMetrics
from monitor.metrics.shadow import ShadowMetrics
from monitor.metrics.single_process import count_in_this_process
from monitor.metrics.web import WebMetrics
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.outcome import Outcome
from monitor.state.resume import CASES
from monitor.stream.events import KINDS
from monitor.stream.records import Partition, Verdict

PREFIX = "aead_monitor"
STAGES = ("decode", "score", "explain", "judge", "publish", "commit")
HINDRANCES = (
    "connection",
    "partitions",
    "dead_letters",
    "fenced",
    "output",
    "state",
    "unreadable",
    "schemas",
    "stalled",
    "starved",
)
"""Why the run loop is not ready."""
REASONS_NOT_READY = (*HINDRANCES, "hangs")
"""Why /-/ready may fail: the closed set of reasons."""
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BOUNDS = ("low", "high")
_BATCH_SIZES = (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Metrics:
    """The daemon's metrics in one registry. quantiles: the rolling quantiles exported."""

    def __init__(self, registry: CollectorRegistry, quantiles: tuple[float, ...]) -> None:
        count_in_this_process()
        self.registry = registry
        self._quantiles = quantiles
        self._add_counters()
        self._add_batches()
        self._add_errors()
        self._drift = DriftMetrics(self._gauge)
        self._add_consumer()
        self._add_information()
        self.requests = RequestMetrics(registry, PREFIX)
        self.model = ModelMetrics(self._gauge, self._counter, registry)
        self.shadow = ShadowMetrics(self._gauge, self._counter, registry, quantiles)
        self.series = SeriesMetrics(self._gauge, self._counter)
        self.segments = SegmentMetrics(self._gauge, self._counter)
        self.web = WebMetrics(self._gauge, self._counter)
        self.mutes = MuteMetrics(self._gauge, self._counter, self.alerts, self.segments)

    def _counter(self, name: str, text: str, **labels: tuple[str, ...]) -> Counter:
        """A counter with at most one label, whose values are all known and start at zero."""
        metric = Counter(f"{PREFIX}_{name}", text, tuple(labels), registry=self.registry)
        for label, values in labels.items():
            for value in values:
                metric.labels(**{label: value})
        return metric

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _add_counters(self) -> None:
        counter = self._counter
        self.records_consumed = counter(
            "records_consumed",
            "Records taken from the topic and decided on: scored or dead. Like all counters of this"
            " process, it also counts what is done again after a rollback.",
        )
        self.records_scored = counter("records_scored", "Records scored.")
        self.rows_scored = counter("rows_scored", "Rows scored; a record may carry several.")
        self.rows_anomalous = counter("rows_anomalous", "Rows with an error above the threshold.")
        self.explanations = ExplanationMetrics(counter)
        self.context = ContextMetrics(counter)
        self.dead_letters = counter(
            "dead_letters", "Records that could not be scored, by reason.", reason=REASONS
        )
        self.non_finite = counter(
            "non_finite",
            "Records refused for NaN or infinity, in the payload or in the model's error.",
            where=("payload", "error"),
        )
        self.rows_replayed = counter(
            "rows_replayed", "Rows scored again that the judge had counted; it refused them."
        )
        self.records_dropped = counter(
            "records_dropped", "Polled records dropped unscored: their partition went elsewhere."
        )
        self.events_published = counter(
            "events_published", "Messages published and acknowledged, by kind.", kind=KINDS
        )
        self.events_dropped = counter(
            "events_dropped",
            "Messages dropped since their topic takes them in no form (outputs.refused: drop).",
            kind=KINDS,
        )
        self.publish_failures = counter(
            "publish_failures", "Attempts to publish that failed; each is tried again."
        )
        self.commit_failures = counter(
            "commit_failures", "Offset commits that failed; they are tried again."
        )
        self.rollbacks = counter(
            "rollbacks", "Times that work was taken back because its offsets were not committed."
        )
        self.snapshot_failures = counter(
            "snapshot_failures", "Snapshots that could not be written; each is tried again."
        )
        self.snapshots_damaged = counter(
            "snapshots_damaged", "Snapshots found damaged at the start."
        )
        self.partitions_resumed = counter(
            "partitions_resumed", "Partitions gained, by what was done with them.", case=CASES
        )
        self.alerts = counter("alerts", "Drift alerts, by event.", event=ALERTS)
        self.retrain_requests = counter("retrain_requests", "Requests for a new model.")
        self.transitions = counter(
            "drift_transitions", "Changes of the drift state, by event.", event=EVENTS
        )

    def _add_batches(self) -> None:
        self.batch_records = Histogram(
            f"{PREFIX}_batch_records",
            "Records in a batch.",
            buckets=_BATCH_SIZES,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            f"{PREFIX}_stage_seconds",
            "Duration of one stage for one batch.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        for stage in STAGES:
            self.stage_seconds.labels(stage)

    def _add_errors(self) -> None:
        self.error_ratio = RatioHistogram(
            f"{PREFIX}_error_ratio",
            "Reconstruction error over the anomaly threshold; 1 is at the threshold. Buckets"
            " add up over replicas: use histogram_quantile on their sum.",
        )
        self.registry.register(self.error_ratio)
        self.error_quantile = self._gauge(
            "error_quantile",
            "Rolling quantile of the reconstruction error, of this process alone.",
            ("level",),
        )
        self.error_quantile_bound = self._gauge(
            "error_quantile_bound",
            "Low and high end of the 95% interval of the rolling quantile.",
            ("level", "bound"),
        )
        self.window_records = self._gauge("window_records", "Rows in the rolling window.")
        self.window_fill = self._gauge(
            "window_fill_ratio", "How full the rolling window is, at most 1."
        )
        for q in self._quantiles:
            self.error_quantile.labels(f"{q:g}").set(float("nan"))
            for bound in _BOUNDS:
                self.error_quantile_bound.labels(f"{q:g}", bound).set(float("nan"))

    def _add_consumer(self) -> None:
        self.lag = LagMetrics(self.registry, PREFIX)
        self.clocks = ClockMetrics(self._gauge)
        self.partitions = self._gauge("partitions_assigned", "Partitions assigned to this process.")
        self.quarantined = self._gauge(
            "quarantined", "1 when reading has stopped because most records were dead letters."
        )
        self.snapshot_bytes = self._gauge("snapshot_bytes", "Size of the newest snapshot.")
        self.snapshot_written = self._gauge(
            "snapshot_timestamp_seconds",
            "When the newest snapshot and its offsets were accepted; 0 before.",
        )
        self.connected = self._gauge("kafka_connected", "1 while the broker can be reached.")
        self.not_ready = self._gauge(
            "not_ready", "1 while this is why /-/ready fails, by reason.", ("reason",)
        )
        for reason in REASONS_NOT_READY:
            self.not_ready.labels(reason)
        self.loop = LoopMetrics(self._gauge, self.not_ready)
        self.clients_replaced = self._counter(
            "kafka_clients_replaced",
            "Consumers thrown away because they got no further, such as brokers that moved.",
        )
        self.last_batch = self._gauge(
            "last_batch_timestamp_seconds", "When offsets were last committed; 0 before."
        )

    def _add_information(self) -> None:
        self.build_info = self._gauge(
            "build_info", "The running software; always 1.", ("version", "python", "torch")
        )
        self.config_loaded = self._gauge(
            "config_loaded_timestamp_seconds", "When the configuration in use was read."
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage of one batch."""
        with self.stage_seconds.labels(name).time():
            yield

    def count(self, outcome: Outcome) -> None:
        """Add an outcome that is published."""
        self.records_consumed.inc(len(outcome.consumed))
        self.records_scored.inc(outcome.records_scored)
        self.rows_scored.inc(outcome.scores.reconstruction_error.size)
        self.rows_anomalous.inc(int(outcome.scores.anomalous.sum()))
        self.rows_replayed.inc(outcome.replayed_rows)
        self.batch_records.observe(len(outcome.consumed))
        self.error_ratio.observe(outcome.scores.reconstruction_error)
        for reason, number in Tally(letter.reason for letter in outcome.dead_letters).items():
            self.dead_letters.labels(reason).inc(number)
            if reason in ("non_finite", "non_finite_error"):
                where = "payload" if reason == "non_finite" else "error"
                self.non_finite.labels(where).inc(number)
        self.explanations.count(outcome.anomalies)
        self.context.count(outcome.times)
        self.context.count_cells(outcome.scores.cells)
        self.retrain_requests.inc(len(outcome.requests))
        self.mutes.count(outcome.late, outcome.withheld)
        for change in (*outcome.changes, *outcome.segment_changes):
            self.count_change(change)

    def count_change(self, change: Change) -> None:
        """Add a change of the drift state, of the whole stream or of a segment."""
        if change.verdict.segment:
            self.segments.count(change)
            return
        self.transitions.labels(change.transition.event).inc()
        if change.alert is not None:
            self.alerts.labels(change.alert.event).inc()

    def show_model(self, model: LoadedModel) -> None:
        """Set what is known of the model in use."""
        self.error_ratio.threshold = divisor(model.threshold)
        self.model.show(model)

    def show(self, verdict: Verdict) -> None:
        """Set the gauges of window and drift."""
        self._drift.show(verdict)
        self.window_records.set(verdict.window_records)
        self.window_fill.set(verdict.window_fill)
        for q, estimate in verdict.quantiles.items():
            self.error_quantile.labels(f"{q:g}").set(estimate.value)
            self.error_quantile_bound.labels(f"{q:g}", "low").set(estimate.low)
            self.error_quantile_bound.labels(f"{q:g}", "high").set(estimate.high)

    def show_clocks(
        self,
        assigned: Set[Partition],
        wild: Set[Partition],
        offsets: Mapping[Partition, float],
    ) -> None:
        """Set what is known of each assigned partition's timestamps: see `ClockMetrics`."""
        self.clocks.show(assigned, wild, offsets)

    def show_hindrances(self, hindrances: Mapping[str, str]) -> None:
        """Set why the run loop is not ready; the keys are of HINDRANCES."""
        for reason in HINDRANCES:
            self.not_ready.labels(reason).set(reason in hindrances)
