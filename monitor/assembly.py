"""Builds the daemon from a configuration: the only place that knows every part."""

from __future__ import annotations

import math
import os
import platform
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import torch
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from models.bundle import Bundle
from models.bundle import load as load_bundle
from models.distribution import SMALLEST
from models.input_spec import InputSpec
from models.reference import ENOUGH_RECORDS, Reference
from monitor.batching import Batcher, BatchLimits
from monitor.budget import Budget
from monitor.codecs import CODECS, Codec, CodecSettings
from monitor.config import CodecConfig, Config, KafkaConfig
from monitor.config_file import read_secret
from monitor.daemon import Daemon, Parts
from monitor.decoding import Limits, decoder
from monitor.errors import ConfigError
from monitor.events import KINDS
from monitor.judge import Judge
from monitor.judge_settings import JudgeSettings
from monitor.kafka_options import Connection
from monitor.metrics import Metrics
from monitor.pipeline import Decode, Pipeline
from monitor.scorer import Scorer
from monitor.sinks.kafka import KafkaSink, Topics
from monitor.sources.kafka import KafkaSource, Subscription
from monitor.status import StatusBoard
from monitor.version import __version__
from monitor.web.app import build_app
from monitor.web.server import WebServer

log = structlog.get_logger(__name__)

DECODED_BYTES = 2**30
"""Most memory for the decoded records of one batch."""
SLOW_DEPENDENCE = 10.0
"""Factor of dependence above which the user is told of cycles."""
BYTES_PER_ELEMENT = 5
"""A pixel as it came and as float32."""


def build(config: Config, stopping: threading.Event) -> Daemon:
    """Load the model, take the port, and connect nothing yet.

    stopping: set it to end the daemon, before or after it runs.

    Raises ConfigError or BundleError for anything that the user can put right.
    """
    torch.set_num_threads(config.threads or max(1, (os.cpu_count() or 2) - 1))
    bundle = load_bundle(config.model)
    pipeline, metrics = build_pipeline(config, bundle)
    board = StatusBoard(about=_about(config, bundle))
    connection = build_connection(config.kafka)
    return Daemon(
        Parts(
            source=KafkaSource(connection, _subscription(config.kafka)),
            sink=KafkaSink(connection, _topics(config)),
            pipeline=pipeline,
            batcher=Batcher(_limits(config, bundle.input_spec)),
            metrics=metrics,
            board=board,
            web=WebServer(
                build_app(metrics.registry, lambda: board.published),
                config.http.host,
                config.http.port,
            ),
            model_version=bundle.version,
            threshold=bundle.reference.threshold,
            max_poll_records=config.batch.max_records,
            shutdown_seconds=config.shutdown_seconds,
        ),
        stopping,
    )


def _limits(config: Config, spec: InputSpec) -> BatchLimits:
    """The batch limits, fewer records where decoded ones are large: a small PNG may hold 12 MB."""
    records = config.batch.max_records
    fitting = max(1, DECODED_BYTES // (BYTES_PER_ELEMENT * math.prod(spec.shape)))
    if fitting < records:
        log.warning("large records: smaller batches", max_records=fitting, configured=records)
    return BatchLimits(min(records, fitting), config.batch.max_bytes, config.batch.linger_seconds)


def build_pipeline(config: Config, bundle: Bundle) -> tuple[Pipeline, Metrics]:
    """The deciding part and its metrics; raises ConfigError if codec and model do not fit."""
    metrics = Metrics(CollectorRegistry(), config.window.quantiles)
    _describe(metrics, bundle)
    pipeline = Pipeline(
        decode=_decoder(config.codec, bundle.input_spec),
        scorer=Scorer(bundle, config.device),
        judge=_judge(config, bundle),
        stage=metrics.stage,
    )
    return pipeline, metrics


def _decoder(codec: CodecConfig, spec: InputSpec) -> Decode:
    limits = Limits(codec.max_record_bytes, codec.max_rows_per_record)
    flat = codec.shape is not None and len(codec.shape) < len(spec.record_shape)
    return decoder(build_codec(codec, spec), limits, spec.record_shape if flat else None)


def build_codec(codec: CodecConfig, spec: InputSpec) -> Codec:
    """The codec, with shape and dtype of the training data where the configuration has none.

    Raises ConfigError if it cannot carry what the model takes.
    """
    shape = codec.shape or spec.record_shape
    flat = (math.prod(spec.record_shape),)
    if shape not in (spec.record_shape, spec.shape, flat):
        raise ConfigError(
            f"codec.shape: {list(shape)} does not fit the model, which takes"
            f" {list(spec.record_shape)}. Leave it out to use the model's."
        )
    if codec.name == "image" and spec.dtype != "uint8":
        raise ConfigError(
            f"codec.name: image gives uint8 pixels, but the model was trained on {spec.dtype}."
            " Train it on uint8 images, or send raw, npy or json."
        )
    settings = CodecSettings(
        record_shape=shape,
        dtype=codec.dtype or spec.dtype,
        byte_order=codec.byte_order,
        field=codec.field,
        max_pixels=codec.max_pixels,
    )
    try:
        return CODECS[codec.name](settings)
    except ValueError as error:
        raise ConfigError(f"codec: {error}.") from None


def _judge(config: Config, bundle: Bundle) -> Judge:
    drift, window = config.drift, config.window
    settings = JudgeSettings(
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
    )
    try:
        judge = Judge(bundle.version, bundle.reference, settings)
    except ValueError as error:
        raise ConfigError(
            f"drift: {error}. Train with more calibration records, or change the configuration."
        ) from None
    _warn_of_few(bundle.reference, drift.tolerance)
    if judge.detector.dependence > SLOW_DEPENDENCE and bundle.reference.ordered:
        log.warning(
            "calibration errors swing slowly, as in a daily cycle: small drifts will take long,"
            " and a cycle wider than drift.tolerance is called drift. Set it to the cycle's"
            " amplitude (docs/drift.md)",
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


def build_connection(kafka: KafkaConfig) -> Connection:
    """Connection options with the secrets read; raises ConfigError for unreadable files."""
    security: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.tls is not None:
        security.update(_tls_options(kafka))
    if kafka.sasl is not None:
        security["sasl_mechanism"] = kafka.sasl.mechanism
        security["sasl_plain_username"] = kafka.sasl.username
        security["sasl_plain_password"] = read_secret(
            kafka.sasl.password_file, "kafka.sasl.password_file"
        )
    return Connection(kafka.bootstrap_servers, security, kafka.api_version)


def _tls_options(kafka: KafkaConfig) -> dict[str, Any]:
    tls = kafka.tls
    if tls is None:
        return {}
    options: dict[str, Any] = {"ssl_check_hostname": tls.check_hostname}
    files = {"ca_file": "ssl_cafile", "cert_file": "ssl_certfile", "key_file": "ssl_keyfile"}
    for name, option in files.items():
        path: Path | None = getattr(tls, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"kafka.tls.{name}: no such file: {path}. Name a PEM file.")
        if path is not None:
            options[option] = str(path)
    if tls.key_password_file is not None:
        options["ssl_password"] = read_secret(tls.key_password_file, "kafka.tls.key_password_file")
    _check_certificates(options)
    return options


def _check_certificates(options: Mapping[str, Any]) -> None:
    """Read the files now: later, a bad one looks like a broker that is away."""
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_cafile"))
        if "ssl_certfile" in options:
            context.load_cert_chain(
                options["ssl_certfile"], options["ssl_keyfile"], options.get("ssl_password", "")
            )
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"kafka.tls: cannot use ca_file, cert_file and key_file: {error}."
            " They must be PEM files, the key with its right password."
        ) from None


def _subscription(kafka: KafkaConfig) -> Subscription:
    return Subscription(
        topic=kafka.topic,
        group=kafka.group,
        start=kafka.start,
        session_timeout_seconds=kafka.session_timeout_seconds,
        max_poll_interval_seconds=kafka.max_poll_interval_seconds,
        fetch_max_bytes=kafka.fetch_max_bytes,
    )


def _topics(config: Config) -> Topics:
    names = {kind: config.topic_for(kind) for kind in KINDS}
    return Topics(names, config.outputs.create_topics, config.outputs.max_message_bytes)


def _describe(metrics: Metrics, bundle: Bundle) -> None:
    """Set what does not change while the process lives."""
    ProcessCollector(registry=metrics.registry)
    PlatformCollector(registry=metrics.registry)
    # A threshold of 0 (errors all zero in calibration) must not divide by zero.
    metrics.error_ratio.threshold = max(bundle.reference.threshold, SMALLEST)
    metrics.threshold.set(bundle.reference.threshold)
    for q in (0.5, 0.9, 0.99, 0.999):
        value = float(bundle.reference.quantiles([q])[0])
        metrics.reference_quantile.labels(f"{q:g}").set(value)
    metrics.model_info.labels(bundle.version, bundle.architecture).set(1)
    metrics.model_trained.set(_trained(bundle))
    metrics.build_info.labels(__version__, platform.python_version(), torch.__version__).set(1)
    metrics.config_loaded.set(time.time())


def _trained(bundle: Bundle) -> float:
    return datetime.fromisoformat(str(bundle.metadata["created"])).timestamp()


def _about(config: Config, bundle: Bundle) -> dict[str, Any]:
    """What the status page says of configuration and model."""
    reference = bundle.reference
    return {
        "version": __version__,
        "topic": config.kafka.topic,
        "group": config.kafka.group,
        "drift_settings": {
            "false_alarms": config.drift.false_alarms,
            "detector": config.drift.detector,
            "detection_limits": reference.detection_limits(config.drift.tolerance),
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
    }
