"""The detectors of a judge, as its settings say."""

from __future__ import annotations

from typing import NamedTuple

from models.channels import Channels
from models.reference import Reference
from monitor.drift.channels.digits import Digitise
from monitor.drift.channels.with_channels import with_channels
from monitor.drift.detectors import ADVISORY, DETECTORS, Detector, DetectorSettings
from monitor.drift.judge_settings import JudgeSettings


class Built(NamedTuple):
    """What judges, with what brings channels to it; and what gives an early signal, if asked."""

    detector: Detector
    digitise: Digitise
    advisory: Detector | None


def build(reference: Reference, settings: JudgeSettings, channels: Channels | None) -> Built:
    """For a reference, and the channels beside it.

    Raises ValueError if either has too few records, or a library is missing.
    """
    made = DetectorSettings(settings.tolerance)
    error = DETECTORS[settings.detector](reference, made)
    detector, digitise = with_channels(
        error, channels, settings.tolerance, settings.channel_weights
    )
    advisory = ADVISORY[settings.advisory](reference, made) if settings.advisory else None
    return Built(detector, digitise, advisory)


def another(built: Built) -> Built:
    """For a part of the stream: the same bets, and nothing known of how that depends on itself."""
    return Built(built.detector.anew(), built.digitise, None)


def floor_of(reference: Reference, detector: Detector, tolerance: float) -> float:
    """The detection floor of the error; see `Promise`."""
    # Only ordered calibration errors tell how far they depend on each other themselves.
    depending = detector.dependence if reference.ordered else 1.0
    return reference.detection_floor(tolerance, dependence=depending)
