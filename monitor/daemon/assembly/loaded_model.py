"""Builds what belongs to one model: decoder, scorer, judge, limits."""

from __future__ import annotations

import math
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import structlog

from models.bundle import Bundle
from models.input_spec import InputSpec
from monitor.config import Config
from monitor.daemon.assembly.codec import build_codec, build_decoder, is_resized
from monitor.daemon.assembly.evidence import build_sampler
from monitor.daemon.assembly.judge import build_judge, channels_of, judge_settings
from monitor.daemon.assembly.model import (
    about_model,
    build_explanations,
    build_scorer,
    load_in_precision,
    say_how,
)
from monitor.daemon.assembly.segments import beside, build_segments
from monitor.evidence.keeper import Keeper
from monitor.pipeline.first_rows import FirstRows, Watched
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.probe import probe
from monitor.pipeline.scored import Stage
from monitor.pipeline.series import Series
from monitor.stream.batching import BatchLimits

log = structlog.get_logger(__name__)

DECODED_BYTES = 2**28
"""Most memory for the decoded records of one batch."""
BYTES_PER_ELEMENT = 5
"""A pixel as it came and as float32."""


def build_model(
    config: Config,
    bundle: Bundle,
    evidence: Keeper | None = None,
    stage: Stage = lambda name: nullcontext(),
) -> LoadedModel:
    """A bundle's model as the daemon uses it; raises ConfigError if it does not fit.

    evidence: keeps a few of its records, or None. stage: times what that takes.
    """
    channels = channels_of(config, bundle)
    scorer = build_scorer(config, bundle, channels)
    first_rows = FirstRows(bundle.input_spec)
    decode = build_decoder(config.codec, bundle.input_spec, is_resized(bundle), beside(config))
    return LoadedModel(
        version=bundle.version,
        architecture=bundle.architecture,
        trained=datetime.fromisoformat(str(bundle.metadata["created"])).timestamp(),
        reference=bundle.reference,
        decode=Watched(decode, first_rows),
        scorer=scorer,
        judge=build_judge(config, bundle),
        limits=_limits(config, bundle.input_spec),
        about=about_model(config, scorer),
        series=build_series(config, bundle.input_spec),
        first_rows=first_rows,
        explanations=build_explanations(config, scorer),
        picker=build_sampler(config, evidence, scorer, channels, stage),
        judged=bundle.judged,
        segments=build_segments(config, bundle, judge_settings(config), channels),
    )


def build_series(config: Config, spec: InputSpec) -> Series | None:
    """What makes windows of the stream's steps; None for a model that takes records whole."""
    if spec.window is None:
        return None
    series = Series(spec.window, spec.shape[0], config.series.at_most, spec.features)
    if series.at_most < config.series.at_most:
        log.info("long windows: fewer series are remembered", at_most=series.at_most)
    return series


def load_tried(
    config: Config,
    folder: Path,
    evidence: Keeper | None = None,
    stage: Stage = lambda name: nullcontext(),
) -> LoadedModel:
    """The model in a folder, verified, tried and warmed up. evidence, stage: as `build_model`.

    Raises BundleError if it is not whole, ConfigError if it does not fit, ProbeError if it fails.
    """
    bundle = load_in_precision(config, folder)
    model, spec = build_model(config, bundle, evidence, stage), bundle.input_spec
    shape = config.codec.shape or spec.payload_shape
    codec = build_codec(config.codec, spec, is_resized(bundle), beside(config))
    probe(model.decode, model.scorer, codec, shape, spec)
    say_how(model.about)
    return model


def _limits(config: Config, spec: InputSpec) -> BatchLimits:
    """The batch limits, fewer records where decoded ones are large: a small PNG may hold 12 MB."""
    records = config.batch.max_records
    fitting = max(1, DECODED_BYTES // (BYTES_PER_ELEMENT * math.prod(spec.shape)))
    if fitting < records:
        log.info("large records: smaller batches", max_records=fitting, configured=records)
    return BatchLimits(min(records, fitting), config.batch.max_bytes, config.batch.linger_seconds)
