"""A daemon made of small real parts, over sources and sinks in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from monitor.daemon.cadence import Cadence
from monitor.daemon.checkpoints import Checkpoints
from monitor.daemon.loop import Daemon
from monitor.daemon.parts import Parts
from monitor.daemon.publisher import Publisher
from monitor.metrics import Metrics
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.step import Pipeline
from monitor.process.deadline import Deadline
from monitor.process.liveness import Liveness
from monitor.state.folder import StateFolder
from monitor.state.resume import Policy
from monitor.stream.batching import Batcher, BatchLimits
from monitor.stream.records import Partition
from monitor.stream.sinks import Sink
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources import Source
from monitor.stream.sources.memory import MemorySource
from monitor.web.app import build_app
from monitor.web.pages.routes import Site
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer, WebServers
from monitor.web.status import StatusBoard
from tests.monitor.builders import candidate


def assemble(
    source: Source,
    sink: Sink,
    folder: Path | None = None,
    cadence: Cadence | None = None,
    fingerprint: str = "settings",
    **changes: Any,
) -> Daemon:
    """A daemon that has not started; with a folder, its state is kept there.

    Without a cadence a checkpoint is made after every batch. When records come is not told, so
    that a run can be compared with another one byte by byte. on_final: given the retraining
    requests that are final. mute: makes what mutes, of metrics and board; publishing: makes the
    publisher, of the metrics.
    """
    metrics = Metrics(CollectorRegistry(), (0.5, 0.9))
    liveness = changes.pop("liveness", None) or Liveness(60)
    metrics.loop.follow(liveness)
    board = StatusBoard({"topic": "in"}, liveness)
    on_final = changes.pop("on_final", lambda requests: None)
    mute = changes.pop("mute", lambda metrics, board: None)
    publishing = changes.pop("publishing", lambda metrics: Publisher(sink, metrics))
    model = changes.pop("model", None) or candidate()
    deciding = changes.pop("pipeline", None) or Pipeline(model.decode, model.scorer, model.judge)
    state = StateFolder(folder) if folder else None
    if state is not None:
        state.open()
    app = build_app(metrics.registry, board.now, site=Site(board.timeline))
    web = WebServers([WebServer(app, "127.0.0.1", 0, ConfigWatcher(None, metrics.web))])
    parts: dict[str, Any] = {
        "source": source,
        "publisher": publishing(metrics),
        "pipeline": deciding,
        "batcher": Batcher(BatchLimits(100, 10**6, 0.0)),
        "checkpoints": Checkpoints(
            deciding, metrics, state, fingerprint, cadence or Cadence(seconds=0), on_final
        ),
        "policy": Policy(),
        "dead_letter_limit": DeadLetterLimit(max_share=0.5, records=1000),
        "metrics": metrics,
        "board": board,
        "liveness": liveness,
        "web": web,
        "slot": ModelSlot(model),
        "max_poll_records": 100,
        "deadline": Deadline(5.0),
        "state": state,
        "now": None,
        "muting": mute(metrics, board),
    }
    return Daemon(Parts(**(parts | changes)))


def committed(source: MemorySource) -> dict[Partition, int]:
    """The offsets that are committed."""
    return {p: stored.offset for p, stored in source.stored.items()}


def keys(sink: MemorySink) -> list[bytes]:
    """The keys of all events that are safe; of a dead letter the address of its record."""
    return [event.identity for event in sink.flushed]


def turns(subject: Daemon, count: int) -> None:
    """So many turns, after the one in which the partitions are assigned."""
    if not subject.parts.source.positions():
        subject.turn()
    for _ in range(count):
        subject.turn()
