"""Builds the judge."""

from __future__ import annotations

from dataclasses import replace

import structlog

from models.bundle import Bundle
from models.channels import Channels
from models.reference import ENOUGH_RECORDS, Reference
from monitor.config import Config
from monitor.drift.budget import Budget
from monitor.drift.channels.choice import chosen
from monitor.drift.channels.rank_bets import FEWEST
from monitor.drift.channels.weights import check_fit
from monitor.drift.channels.with_channels import WithChannels
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.segments.shares import of_whole
from monitor.errors import ConfigError

log = structlog.get_logger(__name__)

SLOW_DEPENDENCE = 10.0
"""Factor of dependence above which the user is told of cycles."""
FEW_INDEPENDENT = 100
"""Independent calibration records below which the user is told of a channel."""
SLOWEST = 5
"""Channels that are then named."""


def judge_settings(config: Config) -> JudgeSettings:
    """How the judge is to judge, as plain values."""
    drift, window = config.drift, config.window
    return JudgeSettings(
        budget=Budget.parse(drift.false_alarms, drift.streams),
        detector=drift.detector,
        advisory=drift.advisory,
        tolerance=drift.tolerance,
        guard_seconds=drift.guard_seconds,
        cooldown_seconds=drift.cooldown_seconds,
        evaluation_rows=drift.evaluation_records,
        evaluation_seconds=drift.evaluation_seconds,
        window_rows=window.records,
        window_panes=window.panes,
        window_seconds=window.seconds,
        quantiles=window.quantiles,
        channel_weights=drift.channel_weights,
    )


def channels_of(config: Config, bundle: Bundle) -> Channels | None:
    """The channels of a bundle that are watched beside the error; None if none are.

    Raises ConfigError if patterns fit none of them, weights are of others, or the detector keeps
    no evidence to add to.
    """
    asked, known = config.drift.channels, bundle.channels
    if asked == "off":
        return None
    if config.drift.detector != "betting":
        raise ConfigError(
            "drift.channels needs drift.detector: betting. Choose it, or channels: off."
        )
    if known is None or known.values.shape[1] < FEWEST:
        log.warning(
            "the bundle has no channels, or too few calibration records for them: the error alone"
            " is watched. Train it again, with float32 and more records",
            version=bundle.version,
        )
        return None
    try:
        found = known if asked == "standard" else chosen(asked, known)
    except ValueError as error:
        raise ConfigError(f"drift.channels: {error}.") from None
    try:
        check_fit(config.drift.channel_weights, found)
    except ValueError as error:
        raise ConfigError(f"drift.channel_weights: {error}.") from None
    return found


def whole_settings(config: Config) -> JudgeSettings:
    """How the whole stream is judged: beside segments, with its part of the budget."""
    settings = judge_settings(config)
    if config.segments.by is None:
        return settings
    return replace(settings, budget=of_whole(settings.budget))


def build_judge(config: Config, bundle: Bundle) -> Judge:
    """The judge of a bundle's errors; raises ConfigError if it has too few for the detector."""
    drift, settings = config.drift, whole_settings(config)
    try:
        channels = channels_of(config, bundle)
        judge = Judge(bundle.version, bundle.judged, settings, channels)
    except ValueError as error:
        raise ConfigError(
            f"drift: {error}. Train with more calibration records, or change the configuration."
        ) from None
    _warn_of_few(bundle.judged, drift.tolerance)
    _warn_of_slow_channels(judge, channels)
    known = judge.detector.ready and bundle.reference.ordered
    if known and judge.detector.dependence > SLOW_DEPENDENCE:
        log.warning(
            "calibration errors swing slowly, as in a daily cycle: small drifts will take long,"
            " and a cycle wider than drift.tolerance is called drift. Train with --context if the"
            " model has none, or set drift.tolerance to the cycle's amplitude (docs/drift.md)",
            dependence=round(judge.detector.dependence, 1),
            tolerance=drift.tolerance,
        )
    return judge


def _warn_of_few(reference: Reference, tolerance: float) -> None:
    if reference.count < ENOUGH_RECORDS:
        log.warning(
            "few calibration records: small drifts will not be seen",
            calibration_records=reference.count,
            limits=reference.detection_limits(tolerance),
        )


def _warn_of_slow_channels(judge: Judge, channels: Channels | None) -> None:
    detector = judge.detector
    worth = detector.channels.worth if isinstance(detector, WithChannels) else None
    if channels is None or worth is None or worth.min() >= FEW_INDEPENDENT:
        return
    slowest = worth.argsort(kind="stable")[:SLOWEST].tolist()
    log.warning(
        "channels swing so slowly that their calibration is worth few independent records: small"
        " drifts of them are not seen, and what swings longer than calibration shows is called"
        " drift. Calibrate on a longer stretch of the stream, or leave them out (drift.channels,"
        " docs/drift.md)",
        slow=int((worth < FEW_INDEPENDENT).sum()),
        channels=len(channels.each),
        independent_records={
            channels.each[c].name: round(worth[c]) for c in slowest if worth[c] < FEW_INDEPENDENT
        },
    )
