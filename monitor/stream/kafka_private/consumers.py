"""What we need of a consumer of kafka-python, and of its place in the group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CommitFailedError, FencedInstanceIdError


def loop_sleep(consumer: KafkaConsumer) -> Callable[[float], Awaitable[None]]:
    """What waits some seconds in a rebalance callback, while the network loop goes on.

    The callbacks run on the loop's thread, and there is no public way to wait on it (3.0.12).
    """
    sleep: Callable[[float], Awaitable[None]] = consumer._net.sleep
    return sleep


def finish_joining(consumer: KafkaConsumer) -> None:
    """Have a joining finished that has begun; to be called before each poll.

    A leader that joins anew because partitions were added takes note of them while it waits for
    its own part. If a poll runs out just then, kafka-python (3.0.12) thinks that there is no
    reason left to join: it has no partitions, sends no heartbeats, and does not notice.
    """
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.rejoin_needed:
        coordinator.request_rejoin()


def note_fencing(consumer: KafkaConsumer, told: Callable[[], None]) -> None:
    """Have `told` called, on the library's thread, when the group has given our place away.

    A heartbeat learns it and ends, and nothing says so (3.0.12): the consumer goes on reading.
    """
    coordinator = consumer._coordinator
    send = coordinator._send_heartbeat_request

    async def noting(*arguments: Any, **settings: Any) -> Any:
        try:
            return await send(*arguments, **settings)
        except FencedInstanceIdError:
            told()
            raise

    coordinator._send_heartbeat_request = noting


class OffsetsOfGeneration(dict[TopicPartition, Any]):
    """Offsets to commit while the group's generation lasts in which they were ours.

    See `pin_commits`.
    """

    def __init__(self, offsets: Mapping[TopicPartition, Any], generation: int) -> None:
        super().__init__(offsets)
        self.generation = generation


def pin_commits(consumer: KafkaConsumer) -> None:
    """Have a commit of `OffsetsOfGeneration` end with CommitFailedError in another generation.

    The generation is put in when the request is made, and a commit is tried again for as long as
    it may take (3.0.12): what was begun before a rebalance would be stored after it, for
    partitions that others have by then, in place of what these have stored.
    """
    coordinator = consumer._coordinator
    send = coordinator._send_offset_commit_request

    async def pinned(offsets: Any) -> Any:
        # Nothing comes between this look and the request, which is made before `send` waits.
        if isinstance(offsets, OffsetsOfGeneration):
            now = consumer.group_metadata().generation_id
            if now != offsets.generation:
                raise CommitFailedError(
                    f"the group is in generation {now}, and {offsets.generation} was to be"
                    " committed in"
                )
        return await send(offsets)

    coordinator._send_offset_commit_request = pinned


def reached(consumer: KafkaConsumer, key: TopicPartition) -> int | None:
    """The offset that comes next of an assigned partition, markers of transactions passed; None
    where none is known. Raises KeyError for a partition that is not assigned.

    `position` looks at the metadata of all partitions each time, and may wait (3.0.12): to ask it
    for a thousand partitions takes half a second.
    """
    position = consumer._subscription.assignment[key].position
    return None if position is None else int(position.offset)


def open_connections(consumer: KafkaConsumer) -> float:
    """Open broker connections of a consumer.

    `bootstrap_connected` is false once bootstrapping is done (3.0.12). The names of the metrics
    are not documented.
    """
    return float(consumer.metrics()["consumer-metrics"]["connection-count"])


def forget_fetched(consumer: KafkaConsumer, key: TopicPartition) -> None:
    """Drop what was fetched of a paused partition.

    kafka-python (3.0.12) may never give it out again, and then stalls the partition for good,
    when another one was fetched meanwhile.
    """
    consumer._fetcher._paused_partition_records.pop(key, None)
    consumer._fetcher._paused_completed_fetches.pop(key, None)


def range_assignor() -> type[Any]:
    """The assignor for groups that give all partitions back at each rebalance.

    It is the library's own default, but not exported (3.0.12).
    """
    from kafka.coordinator.assignors.range import RangePartitionAssignor

    assignor: type[Any] = RangePartitionAssignor
    return assignor


def cooperative_assignor(
    owned: Callable[[], list[TopicPartition]], given: Callable[[list[TopicPartition]], None]
) -> type[Any]:
    """The cooperative assignor, which asks `owned` what we own whenever the group is joined.

    That of kafka-python (3.0.12) goes on to claim what it owned before the group counted it out.
    The leader then takes a partition for ours that another member has, and gives it to us before
    that member has let it go: for a moment both have it.

    given: called, on the library's thread, with all that the group has given to us, whenever it
    has; the listener hears only of what the library takes for new.
    """
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

    class HonestAssignor(CooperativeStickyAssignor):  # type: ignore[misc]  # kafka is untyped
        def metadata(self, topics: Any) -> Any:
            self.member_assignment = owned()
            return super().metadata(topics)

        def on_assignment(self, assignment: Any, generation: Any) -> None:
            super().on_assignment(assignment, generation)
            given(list(assignment.partitions()))

    return HonestAssignor
