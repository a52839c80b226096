"""The gauges of drift detection."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import Gauge

from monitor.drift.channels.findings import ERROR, INPUT
from monitor.drift.episodes import State
from monitor.stream.records import Promise, Verdict

KINDS = (ERROR, INPUT)
DIRECTIONS = ("larger", "smaller", "narrower", "wider")


class DriftMetrics:
    """State, evidence, effect and promise. gauge: makes one in the daemon's registry."""

    def __init__(self, gauge: Callable[..., Gauge]) -> None:
        self.drift_state = gauge(
            "drift_state", "1 for the state that drift detection is in, else 0.", ("state",)
        )
        self.drift_direction = gauge(
            "drift_direction",
            "1 for the direction of the drift that is suspected or fires, else 0.",
            ("direction",),
        )
        self.drift_kind = gauge(
            "drift_kind",
            "1 for the kind of the drift that is suspected or fires, else 0: error (the model no"
            " longer fits) or input (the inputs have moved, and it still fits).",
            ("kind",),
        )
        self.channel_evidence = gauge(
            "channel_evidence",
            "Evidence of each of the ten channels at most that have moved, as a power of ten, as"
            " it was when the drift was told; no series while there is none.",
            ("channel",),
        )
        self._channels: set[str] = set()
        self.drift_evidence = gauge(
            "drift_evidence_log10", "Evidence for drift, as a power of ten."
        )
        self.drift_threshold = gauge(
            "drift_evidence_threshold_log10",
            "Evidence at which drift is suspected, or confirmed while pending.",
        )
        self.drift_ratio = gauge(
            "drift_error_ratio",
            "Median error since the drift's onset, or of the window while there is none, over the"
            " reference's; estimate, and low and high end of its 95% interval.",
            ("bound",),
        )
        self.drift_onset = gauge(
            "drift_onset_timestamp_seconds", "When the drift seems to have begun; 0 while none."
        )
        self.drift_budget = gauge(
            "drift_records_per_false_alarm",
            "Records per false alarm: what the budget asks at the stream's rate, and what of it"
            " is promised.",
            ("kind",),
        )
        self.drift_tolerance = gauge(
            "drift_tolerance_ratio", "Relative shift of the error that is never alarmed."
        )
        self.drift_floor = gauge(
            "drift_detection_floor_ratio",
            "Relative shift of the error below which the calibration cannot tell drift.",
        )
        self.drift_dependence = gauge(
            "drift_dependence_factor",
            "Factor by which evidence is weakened for dependence of neighbouring records.",
        )
        self.drift_early = gauge(
            "drift_early_signal", "1 while the advisory detector signals a change; never an alarm."
        )
        self.exceedance = gauge(
            "window_exceedance_ratio",
            "Share of the window's rows above the reference's 0.99 quantile; 0.01 is expected.",
        )
        for state in State:
            self.drift_state.labels(state)
        for direction in DIRECTIONS:
            self.drift_direction.labels(direction)
        for kind in KINDS:
            self.drift_kind.labels(kind)

    def show(self, verdict: Verdict) -> None:
        """Set all of them."""
        for state in State:
            self.drift_state.labels(state).set(verdict.state == state)
        for direction in DIRECTIONS:
            self.drift_direction.labels(direction).set(verdict.direction == direction)
        self._show_channels(verdict)
        self.drift_evidence.set(verdict.statistic)
        self.drift_threshold.set(verdict.threshold)
        self.drift_ratio.labels("estimate").set(verdict.ratio.value)
        self.drift_ratio.labels("low").set(verdict.ratio.low)
        self.drift_ratio.labels("high").set(verdict.ratio.high)
        self.drift_onset.set(verdict.onset.timestamp / 1000 if verdict.onset else 0)
        self._show_promise(verdict.promise)
        self.drift_early.set(bool(verdict.early_signal))
        self.exceedance.set(verdict.exceedance)

    def _show_channels(self, verdict: Verdict) -> None:
        # Where the error alone is watched, every drift is one of the error.
        kind = verdict.kind or (ERROR if verdict.direction != "none" else "")
        for each in KINDS:
            self.drift_kind.labels(each).set(kind == each)
        for channel in verdict.channels:
            self.channel_evidence.labels(channel.channel).set(channel.evidence)
        shown = {channel.channel for channel in verdict.channels}
        for gone in self._channels - shown:
            self.channel_evidence.remove(gone)
        self._channels = shown

    def _show_promise(self, promise: Promise) -> None:
        self.drift_budget.labels("asked").set(promise.asked)
        self.drift_budget.labels("promised").set(promise.kept)
        self.drift_tolerance.set(promise.tolerance)
        self.drift_floor.set(promise.floor)
        self.drift_dependence.set(promise.dependence)
