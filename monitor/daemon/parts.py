"""What the daemon is made of: `assembly/` puts it together, `loop.py` runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from monitor.daemon.checkpoints import Checkpoints
from monitor.daemon.muting import Muting
from monitor.daemon.publisher import Publisher
from monitor.evidence.keeper import Keeper
from monitor.metrics import Metrics
from monitor.model_in_use.follower import Follower
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.dead_letter_limit import DeadLetterLimit
from monitor.pipeline.events import EventsOf, events_of
from monitor.pipeline.step import Pipeline
from monitor.process.deadline import Deadline
from monitor.process.liveness import Liveness
from monitor.retraining.delivery import DeliveryWorkers
from monitor.state.folder import StateFolder
from monitor.state.resume import Policy
from monitor.stream.batching import Batcher
from monitor.stream.sources import Source
from monitor.stream.sources.former_group import FormerOffsets
from monitor.web.server import WebServers
from monitor.web.status import StatusBoard


@dataclass(frozen=True)
class Parts:
    """What the daemon is made of.

    slot: the model in use, whose parts the pipeline has. ahead: batches that may be
    scored while others are fetched; 0 does one thing after the other, and so does a batch that is
    scored in less than worth_seconds. now: says when records came; None says nothing of it.
    former_offsets: where the place of partitions may be of which the group knows nothing.
    deadline: by when all is over; it begins with the stop.
    stall_seconds: not ready if nothing is judged for so long while records wait. evidence:
    records to look at, or None. muting: says whether drift alerts are withheld; None if they never
    are.
    """

    source: Source
    publisher: Publisher
    pipeline: Pipeline
    batcher: Batcher
    checkpoints: Checkpoints
    policy: Policy
    dead_letter_limit: DeadLetterLimit
    metrics: Metrics
    board: StatusBoard
    liveness: Liveness
    web: WebServers
    slot: ModelSlot
    max_poll_records: int
    deadline: Deadline
    events: EventsOf = events_of
    ahead: int = 0
    worth_seconds: float = 0.0
    former_offsets: FormerOffsets | None = None
    stall_seconds: float = 300.0
    state: StateFolder | None = None
    delivery: DeliveryWorkers | None = None
    follower: Follower | None = None
    evidence: Keeper | None = None
    muting: Muting | None = None
    now: Callable[[], float] | None = time.time
