"""Every private part of kafka-python that we use: what it does for us, and why.

Each function works around a fault of kafka-python that its docstring names, with the version in
which it was seen, or does what the library has no public way for. `PARTS` lists what each one
needs, and docs/kafka-client.md says which test shows it. `check` finds out before anything is
read whether the installed version still has all of them.

Nothing private is imported when these modules are: a part that has moved costs a clear line from
`check`, not an import that fails.
"""

from __future__ import annotations

from monitor.stream.kafka_private.batches import DamagedBatch, damaged_batch, is_about_records
from monitor.stream.kafka_private.connections import (
    free_network,
    keep_last_words,
    network_client,
    note_failures,
)
from monitor.stream.kafka_private.consumers import (
    OffsetsOfGeneration,
    cooperative_assignor,
    finish_joining,
    forget_fetched,
    loop_sleep,
    note_fencing,
    open_connections,
    pin_commits,
    range_assignor,
    reached,
)
from monitor.stream.kafka_private.headers import sendable
from monitor.stream.kafka_private.parts import LIBRARY, PARTS, check
from monitor.stream.kafka_private.producers import give_up
from monitor.stream.kafka_private.tokens import token_provider

__all__ = [
    "LIBRARY",
    "PARTS",
    "DamagedBatch",
    "OffsetsOfGeneration",
    "check",
    "cooperative_assignor",
    "damaged_batch",
    "finish_joining",
    "forget_fetched",
    "free_network",
    "give_up",
    "is_about_records",
    "keep_last_words",
    "loop_sleep",
    "network_client",
    "note_failures",
    "note_fencing",
    "open_connections",
    "pin_commits",
    "range_assignor",
    "reached",
    "sendable",
    "token_provider",
]
