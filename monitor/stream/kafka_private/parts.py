"""Whether the installed kafka-python has all private parts that we use."""

from __future__ import annotations

import functools
import inspect
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

import kafka
from kafka import TopicPartition
from kafka.errors import CorruptRecordError, KafkaError

from monitor.process.private_api import Kind, Library
from monitor.stream.kafka_private.batches import DamagedBatch, damaged_batch
from monitor.stream.kafka_private.connections import network_client
from monitor.stream.kafka_private.consumers import cooperative_assignor
from monitor.stream.kafka_private.headers import sendable

LIBRARY: Final = Library("kafka-python", "kafka", tested="3.0.12")

_ASSIGNORS: Final = "kafka.coordinator.assignors"
_BATCH: Final = "kafka.record.default_records:DefaultRecordBatch"


def _is_property(part: Any) -> bool:
    return isinstance(part, property)


def _is_bool(part: Any) -> bool:
    return isinstance(part, bool)


def _is_number(part: Any) -> bool:
    return isinstance(part, int | float)


def _is_dict(part: Any) -> bool:
    return isinstance(part, dict)


PARTS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "network_client": {"kafka.net.compat:KafkaNetClient": inspect.isclass},
    "free_network": {"kafka.net.compat:KafkaNetClient.close": callable},
    "note_failures": {
        "network:_manager.get_connection": callable,
        "kafka.net.connection:KafkaConnection.init_future": _is_property,
        "kafka.future:Future.add_errback": callable,
    },
    "keep_last_words": {
        "network:_manager._build_transport": inspect.iscoroutinefunction,
        "kafka.net.transport:KafkaTCPTransport._sock_recv": callable,
        "kafka.net.transport:KafkaSSLTransport": lambda part: hasattr(part, "_sock_recv"),
    },
    "loop_sleep": {"consumer:_net.sleep": callable},
    "finish_joining": {
        "consumer:_coordinator.rejoining": _is_bool,
        "consumer:_coordinator.rejoin_needed": _is_bool,
        "consumer:_coordinator.request_rejoin": callable,
    },
    "note_fencing": {
        "consumer:_coordinator._send_heartbeat_request": inspect.iscoroutinefunction,
    },
    "pin_commits": {
        "consumer:_coordinator._send_offset_commit_request": inspect.iscoroutinefunction,
    },
    "give_up": {"kafka.producer.sender:Sender.force_close": callable},
    "reached": {
        "consumer:_subscription.assignment": _is_dict,
        "kafka.consumer.subscription_state:TopicPartitionState().position": lambda p: p is None,
    },
    "open_connections": {"consumer:metrics().consumer-metrics.connection-count": _is_number},
    "forget_fetched": {
        "consumer:_fetcher._paused_partition_records": _is_dict,
        "consumer:_fetcher._paused_completed_fetches": _is_dict,
    },
    "range_assignor": {f"{_ASSIGNORS}.range:RangePartitionAssignor": inspect.isclass},
    "cooperative_assignor": {
        f"{_ASSIGNORS}.cooperative_sticky:CooperativeStickyAssignor": inspect.isclass,
        f"{_ASSIGNORS}.cooperative_sticky:CooperativeStickyAssignor.metadata": callable,
        f"{_ASSIGNORS}.cooperative_sticky:CooperativeStickyAssignor().member_assignment": (
            lambda part: part is None
        ),
    },
    "damaged_batch": {
        "kafka.consumer.fetcher:Fetcher.PartitionRecords": inspect.isclass,
        "kafka.record:MemoryRecords": inspect.isclass,
        _BATCH: inspect.isclass,
        f"{_BATCH}.next_offset": _is_property,
        f"{_BATCH}.compression_type": _is_property,
    },
    "is_about_records": {},
    "token_provider": {"kafka.net.sasl.oauth:AbstractTokenProvider": inspect.isclass},
    "sendable": {
        "kafka.producer.producer_batch:ProducerBatch": inspect.isclass,
        "kafka.record:MemoryRecordsBuilder": inspect.isclass,
    },
}
"""What each function needs. `consumer` stands for a KafkaConsumer, `network` for its client."""


def check() -> None:
    """Raise LibraryError if a part is missing or another than it was; nothing is connected.

    Looked at once in a process, in a few milliseconds.
    """
    _checked()


@functools.cache
def _checked() -> None:
    parts = {part: kind for needed in PARTS.values() for part, kind in needed.items()}
    own = {part for part in parts if part.startswith(("consumer:", "network:"))}
    for part in sorted(parts.keys() - own):
        LIBRARY.require(part, parts[part])
    with _unconnected() as known:
        for part in sorted(own):
            LIBRARY.require(part, parts[part], known)
    _rehearse_joining()
    _rehearse_damage()
    _rehearse_null_header()


@contextmanager
def _unconnected() -> Iterator[dict[str, Any]]:
    """A consumer that connects to nothing, and its network client."""
    from kafka.future import Future

    networks: list[Any] = []

    def idle(**settings: Any) -> Any:
        networks.append(network_client(**settings))
        networks[-1]._manager.bootstrap_async = lambda *arguments, **options: Future()
        return networks[-1]

    try:
        # kafka.KafkaConsumer by its full name: what is looked at is what is there now.
        consumer = kafka.KafkaConsumer(
            bootstrap_servers="127.0.0.1:9", api_version=(2, 3), group_id="none", kafka_client=idle
        )
    except (KafkaError, AttributeError, TypeError, ValueError, OSError) as error:
        text = f"makes no consumer ({type(error).__name__}: {error})"
        raise LIBRARY.lacks("consumer, made with kafka_client and api_version,", text) from error
    try:
        yield {"consumer": consumer, "network": networks[-1]}
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)


def _rehearse_joining() -> None:
    """See that our assignor's claim reaches the group, and hears what the group gives."""
    part = f"{_ASSIGNORS}.cooperative_sticky:CooperativeStickyAssignor.metadata"
    given: list[TopicPartition] = []
    own = cooperative_assignor(lambda: [TopicPartition("topic", 3)], given.extend)()
    try:
        metadata = own.metadata(["topic"])
        claims = [(claim.topic, claim.partitions) for claim in metadata.owned_partitions]
        assigned = SimpleNamespace(partitions=lambda: [TopicPartition("topic", 4)])
        own.on_assignment(assigned, 1)
    except (AttributeError, TypeError) as error:
        raise LIBRARY.lacks(part, f"claims in another way ({error})") from error
    if claims != [("topic", [3])]:
        raise LIBRARY.lacks(part, "does not claim what it is told to")
    if given != [TopicPartition("topic", 4)]:
        raise LIBRARY.lacks(part, "does not tell what it is given")


def _rehearse_damage() -> None:
    """See that a batch with a wrong checksum is found where it was."""
    from kafka.consumer.fetcher import Fetcher
    from kafka.record import MemoryRecords

    part, key = "kafka.consumer.fetcher:Fetcher.PartitionRecords", TopicPartition("topic", 3)
    header = struct.pack(">qiibIhiqqqhii", 7, 49, 0, 2, 0, 0, 2, 0, 0, -1, -1, -1, 3)
    try:
        Fetcher.PartitionRecords(7, key, MemoryRecords(header)).take(1)
    except CorruptRecordError as error:
        if damaged_batch(error) == DamagedBatch(key, 7, 10, 0):
            return
        raise LIBRARY.lacks(part, "does not show a damaged batch in a traceback") from error
    except (AttributeError, TypeError) as error:
        raise LIBRARY.lacks(part, f"reads batches in another way ({error})") from error
    raise LIBRARY.lacks(part, "takes no notice of a wrong checksum")


def _rehearse_null_header() -> None:
    """See that a batch takes a header that has no value, and keeps it so."""
    from kafka.producer.producer_batch import ProducerBatch
    from kafka.record import MemoryRecords, MemoryRecordsBuilder

    part = "kafka.producer.producer_batch:ProducerBatch"
    try:
        builder = MemoryRecordsBuilder(2, 0, 1000)
        batch = ProducerBatch(TopicPartition("topic", 3), builder)
        batch.try_append(1, None, None, sendable([("name", None)]))
        builder.close()
        (record,) = MemoryRecords(builder.buffer()).next_batch()
    except (AttributeError, TypeError, ValueError) as error:
        raise LIBRARY.lacks(part, f"takes headers in another way ({error})") from error
    if record.headers != [("name", None)]:
        raise LIBRARY.lacks(part, "gives a header without a value one")
