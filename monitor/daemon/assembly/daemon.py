"""Builds the daemon from a configuration: the only place that knows every part."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import Any

import structlog

from models.device import resolve
from monitor.config import Config
from monitor.config.codec import identity
from monitor.daemon.assembly.evidence import build_keeper, open_evidence
from monitor.daemon.assembly.kafka import (
    build_connection,
    build_events,
    build_former_offsets,
    build_publisher,
    build_source,
    check_client,
)
from monitor.daemon.assembly.loaded_model import build_model, load_tried
from monitor.daemon.assembly.model import (
    build_follower,
    build_metrics,
    build_shadow,
    load_in_precision,
    say_how,
    set_threads,
)
from monitor.daemon.assembly.registry import model_folder
from monitor.daemon.assembly.retraining import build_delivery, retraining_policy
from monitor.daemon.assembly.segments import build_segmented
from monitor.daemon.assembly.web import build_web
from monitor.daemon.cadence import Cadence
from monitor.daemon.checkpoints import Checkpoints, OnFinal
from monitor.daemon.loop import Daemon
from monitor.daemon.muting import Muting
from monitor.daemon.parts import Parts
from monitor.daemon.read_back import ReadBack
from monitor.metrics import Metrics
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.step import Pipeline
from monitor.process.deadline import Deadline
from monitor.process.liveness import Liveness
from monitor.retraining.history import History
from monitor.state.folder import StateFolder
from monitor.state.mute_file import MuteFile
from monitor.state.resume import Policy
from monitor.stream import kafka_private
from monitor.stream.batching import AdaptiveLinger, Batcher
from monitor.stream.offset_reader import opened
from monitor.version import __version__
from monitor.web import uvicorn_private
from monitor.web.status import StatusBoard
from monitor.web.timeline import Timeline

log = structlog.get_logger(__name__)

AHEAD = 1
"""Batches that may be scored while others are fetched."""
WORTH_SECONDS = 0.1
"""On the processor a second thread is for batches that take longer: measured, it costs small
networks a fifth more processor time and saves nobody any. Another device works by itself."""


def build(
    config: Config,
    stopping: threading.Event,
    rewind: bool = False,
    deadline: Deadline | None = None,
) -> Daemon:
    """Load the model, take the port and the state's folder, and connect nothing yet.

    stopping: set it to end the daemon, before or after it runs. rewind: read every partition
    from its beginning again. deadline: begins with the stop; by default, when it is noticed.

    Raises ConfigError, BundleError or LibraryError for anything that the user can put right.
    """
    kafka_private.check()
    check_client(config.kafka)
    uvicorn_private.check()
    bundle = load_in_precision(config, model_folder(config))
    set_threads(config, bundle)
    metrics = build_metrics(config)
    shadowed = build_shadow(config, bundle, metrics.shadow)
    evidence = build_keeper(config)
    model = shadowed(build_model(config, bundle, evidence, metrics.stage))
    say_how(model.about)
    history = History(retraining_policy(config))
    pipeline = Pipeline(
        model.decode, model.scorer, model.judge, metrics.stage, history, model.series,
        model.explanations, model.picker, config.http.external_url,
        build_segmented(config, model.segments),
    )  # fmt: skip
    slot = ModelSlot(model)
    follower = build_follower(
        config, model.version,
        lambda path: shadowed(load_tried(config, path, evidence, metrics.stage)), slot, metrics,
    )  # fmt: skip
    liveness = Liveness(config.http.stall_seconds)
    metrics.loop.follow(liveness)
    board = StatusBoard(_about(config), liveness, Timeline(config.state.directory))
    deadline = deadline or Deadline(config.shutdown_seconds)
    connection = build_connection(config.kafka, deadline)
    web = build_web(config, metrics, board, liveness, follower.look, evidence)
    state = StateFolder(config.state.directory)
    state.open()
    open_evidence(config, evidence)
    board.timeline.load()
    board.timeline.mark(time.time(), "started", "started")
    muting = build_muting(config, metrics, board)
    delivery, on_final = build_delivery(
        config, connection, metrics, lambda: muting.current is not None
    )
    kafka = config.kafka
    read_back = ReadBack(
        lambda: opened(connection, kafka.isolation, kafka.fetch_max_bytes), deadline
    )
    checkpoints = build_checkpoints(config, pipeline, metrics, state, on_final, read_back)
    if rewind:
        checkpoints.rewind()
    return Daemon(
        Parts(
            source=build_source(config.kafka, connection),
            publisher=build_publisher(config, connection, checkpoints.writer, metrics),
            pipeline=pipeline,
            batcher=Batcher(model.limits, AdaptiveLinger()),
            checkpoints=checkpoints,
            policy=Policy(config.kafka.start, config.kafka.out_of_range),
            dead_letter_limit=DeadLetterLimit(
                config.dead_letters.max_share, config.dead_letters.over_records
            ),
            metrics=metrics,
            board=board,
            liveness=liveness,
            web=web,
            slot=slot,
            max_poll_records=config.batch.max_records,
            ahead=AHEAD,
            worth_seconds=WORTH_SECONDS if resolve(config.device).type == "cpu" else 0.0,
            deadline=deadline,
            events=build_events(config),
            former_offsets=build_former_offsets(config.kafka, connection),
            stall_seconds=config.http.stall_seconds,
            state=state,
            delivery=delivery,
            follower=follower,
            evidence=evidence,
            muting=muting,
        ),
        stopping,
    )


def build_muting(config: Config, metrics: Metrics, board: StatusBoard) -> Muting:
    """What says when drift alerts are withheld."""
    planned = [mute.planned() for mute in config.mutes]
    return Muting(planned, MuteFile(config.state.directory), metrics, board)


def build_checkpoints(
    config: Config,
    pipeline: Pipeline,
    metrics: Metrics,
    folder: StateFolder,
    on_final: OnFinal = lambda requests: None,
    read_back: ReadBack | None = None,
) -> Checkpoints:
    """The checkpoints, and the pipeline as the snapshot in the folder says."""
    cadence = Cadence(
        config.state.snapshot_seconds,
        config.state.snapshot_records,
        config.state.recommit_seconds,
    )
    return Checkpoints(pipeline, metrics, folder, fingerprint(config), cadence, on_final, read_back)


def fingerprint(config: Config) -> str:
    """Of all settings that the memory of the stream depends on."""
    relevant: dict[str, Any] = {
        "topic": config.kafka.topic,
        "codec": identity(config.codec),
        "drift": config.drift.identity(),
        "window": config.window.model_dump(mode="json"),
    }
    if config.precision != "float32":  # left out at its default: fingerprints of before stay
        relevant["precision"] = config.precision
    relevant |= config.segments.identity()
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def _about(config: Config) -> dict[str, Any]:
    """What the status page says of the configuration."""
    return {
        "version": __version__,
        "topic": config.kafka.topic,
        "group": config.kafka.group,
        "servers": config.kafka.bootstrap_servers,
    }
