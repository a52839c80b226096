"""Builds what follows a new model, and what shadows the one in use."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import torch
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from models import threads
from models.bundle import Bundle
from models.bundle import load as load_bundle
from models.channels import Channels
from monitor.config import Config
from monitor.config.registry import VERSION
from monitor.daemon.assembly.registry import open_registry
from monitor.drift.window import RollingWindow
from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.metrics.shadow import ShadowMetrics
from monitor.model_in_use.follower import Follower, Pace
from monitor.model_in_use.model_folder import ModelFolder
from monitor.model_in_use.model_slot import ModelSlot
from monitor.model_in_use.shadow import Shadow, ShadowedScorer
from monitor.pipeline.explanations import Explanations
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.scorer import Scorer
from monitor.registry import CURRENT
from monitor.version import __version__

log = structlog.get_logger(__name__)

Shadowed = Callable[[LoadedModel], LoadedModel]


def build_follower(
    config: Config,
    current: str,
    load: Callable[[Path], LoadedModel],
    slot: ModelSlot,
    metrics: Metrics,
) -> Follower:
    """What follows the model: its folder, or the registry. current: the version in use."""
    resolve, fetch = _followed(config)
    reload = config.reload
    return Follower(
        resolve=resolve,
        fetch=fetch,
        load=load,
        current=current,
        slot=slot,
        failed=lambda reason: metrics.model.failures.labels(reason).inc(),
        pace=Pace(poll_seconds=reload.poll_seconds if reload.follow else None),
    )


def _followed(config: Config) -> tuple[Callable[[], str | None], Callable[[str], Path]]:
    """What tells the version to use, and what brings a version to a folder."""
    if config.model is not None:
        folder = ModelFolder(config.model)
        return folder.version, folder.fetch
    registry = open_registry(config)
    return lambda: registry.resolve(CURRENT), registry.fetch


def build_shadow(config: Config, bundle: Bundle, metrics: ShadowMetrics) -> Shadowed:
    """A function that has the shadow, if there is one, see what a model scores.

    bundle: of the model in use at the start. Raises BundleError, or ConfigError if the shadow
    takes other records.
    """
    if config.shadow is None:
        return lambda model: model
    other = load_in_precision(config, _shadow_folder(config, config.shadow))
    own, its = bundle.input_spec, other.input_spec
    if (its.record_shape, its.window) != (own.record_shape, own.window):
        raise ConfigError(
            f"shadow: {config.shadow} takes records of shape {list(other.input_spec.record_shape)},"
            f" the model in use {list(bundle.input_spec.record_shape)}. They must be the same."
        )
    window = RollingWindow(config.window.records, config.window.panes)
    scorer = build_scorer(config, other)
    shadow = Shadow(scorer, other.reference, other.version, window, metrics)
    return lambda model: replace(model, scorer=ShadowedScorer(model.scorer, shadow))


def _shadow_folder(config: Config, name: str) -> Path:
    """The folder of the shadow's bundle: of a version in the registry, or the folder itself."""
    if config.registry is not None and VERSION.fullmatch(name):
        return open_registry(config).fetch(name)
    return Path(name)


def build_metrics(config: Config) -> Metrics:
    """The metrics, with what does not change while the process lives."""
    metrics = Metrics(CollectorRegistry(), config.window.quantiles)
    ProcessCollector(registry=metrics.registry)
    PlatformCollector(registry=metrics.registry)
    metrics.build_info.labels(__version__, platform.python_version(), torch.__version__).set(1)
    metrics.config_loaded.set(time.time())
    return metrics


def load_in_precision(config: Config, folder: Path) -> Bundle:
    """The bundle in a folder, as it is to be scored.

    Raises BundleError, also if it was not calibrated in the precision of the configuration.
    """
    return load_bundle(folder).in_precision(config.precision)


def set_threads(config: Config, bundle: Bundle) -> None:
    """Let torch compute with as many threads as the configuration says, or suit the model."""
    given = None if config.threads == "auto" else config.threads
    threads.use(given, bundle.model, max(1, threads.cores() - 1))


def build_scorer(config: Config, bundle: Bundle, channels: Channels | None = None) -> Scorer:
    """What scores with a bundle, as the configuration says. channels: to be computed, too."""
    given = None if config.micro_batch == "auto" else config.micro_batch
    return Scorer(bundle, config.device, given, channels)


def build_explanations(config: Config, scorer: Scorer) -> Explanations | None:
    """What explains anomalies; None if the configuration does not ask for it."""
    features = config.outputs.explain
    if not features:
        return None
    elements = math.prod(scorer.bundle.input_spec.shape)
    return Explanations(scorer.explainer(features), config.outputs.explain_per_second, elements)


def say_how(about: Mapping[str, Any]) -> None:
    """Write to the log how a model scores. about: of `about_model`."""
    how = about["scoring"]
    log.info(
        "how the model scores",
        version=about["model"]["version"],
        device=how["device"],
        precision=how["precision"],
        threads=how["threads"],
        micro_batch=how["micro_batch"],
    )
    if how["slow"]:
        log.warning(
            "the device has no instructions for this precision: float32 is faster here",
            precision=how["precision"],
        )


def _channels_by_hour(channels: Channels | None) -> dict[str, Any]:
    """Which channels are judged by the hour or by a column, if any are."""
    context = None if channels is None else channels.context
    if channels is None or context is None:
        return {}
    names = [channels.each[c].name for c in context.kept.tolist()]
    return {"channels_by_hour": {"kind": context.kind, "channels": names}}


def _left_out(bundle: Bundle) -> dict[str, Any]:
    """Channels that are not watched since what the hour does to them is not known, if any are."""
    check = bundle.metadata.get("context")
    found = check.get("channels") if isinstance(check, dict) else None
    names = found.get("first_left_out") if isinstance(found, dict) else None
    if not isinstance(names, list) or not names or not isinstance(found, dict):
        return {}
    first = [str(name) for name in names]
    return {"channels_left_out": {"count": found.get("left_out"), "first": first}}


def about_model(config: Config, scorer: Scorer) -> dict[str, Any]:
    """What the status page says of the model, how it scores, and of drift detection with it."""
    bundle = scorer.bundle
    reference, column = bundle.reference, bundle.column
    return {
        "drift_settings": {
            "false_alarms": config.drift.false_alarms,
            "detector": config.drift.detector,
            "detection_limits": bundle.judged.detection_limits(config.drift.tolerance),
            "channels": 0 if scorer.channels is None else len(scorer.channels.each),
            **({} if bundle.context is None else {"context": bundle.context.kind}),
            **({} if column is None else {"context_column": column.feature.name}),
            **_channels_by_hour(scorer.channels),
            **({} if scorer.channels is None else _left_out(bundle)),
        },
        "model": {
            "version": bundle.version,
            "architecture": bundle.architecture,
            "trained": bundle.metadata["created"],
            "threshold": reference.threshold,
            "threshold_quantile": reference.quantile,
            "calibration_records": int(np.size(reference.errors)),
            "reference_median": float(reference.quantiles([0.5])[0]),
        },
        "scoring": scorer.about,
    }
