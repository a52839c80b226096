"""`aead-monitor dead-letters replay`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kafka import TopicPartition

from monitor.commands.dead_letters import words
from monitor.commands.dead_letters.originals import TOMBSTONE, Original, Wanted, original_of
from monitor.commands.dead_letters.progress import Bar, bar
from monitor.commands.dead_letters.selection import Newest, Selection, Tally, chosen
from monitor.commands.dead_letters.topic import DeadLetterTopic, Spans
from monitor.commands.dead_letters.view import DeadLetterView
from monitor.commands.delivery import Delivery, connected
from monitor.errors import UserError
from monitor.stream.kafka_options import Connection

SAY_EVERY = 100


@dataclass(slots=True)
class Plan:
    """What of the chosen dead letters is sent, and where; why others are not."""

    topic: DeadLetterTopic
    wanted: Wanted
    left_out: Counter[str] = field(default_factory=Counter)
    moved: int = 0

    def originals(
        self, views: Iterable[DeadLetterView]
    ) -> Iterator[tuple[DeadLetterView, Original, int | None]]:
        """Dead letter, record and partition; the partition is None if theirs is no more."""
        for view in views:
            original = original_of(view, self.wanted)
            if isinstance(original, str):
                self.left_out[original] += 1
                continue
            partitions = self.topic.partitions_of(original.topic)
            if not partitions:
                self.left_out[f"belong to topic {original.topic}, which does not exist"] += 1
                continue
            exists = original.partition in partitions
            self.moved += not exists
            yield view, original, original.partition if exists else None


def check(options: argparse.Namespace) -> None:
    """Refuse to send everything by mistake."""
    filters = (options.reason, options.since, options.until, options.partition, options.limit)
    if options.all == any(given is not None for given in filters):
        raise UserError(
            "replay sends what you choose: give --all, or at least one of --reason, --since,"
            " --until, --partition and --limit"
        )


def run(
    options: argparse.Namespace,
    topic: DeadLetterTopic,
    selection: Selection,
    connection: Connection,
    target: str,
) -> int:
    """Send what is meant to the topic `target`, or say what would be sent; then the counts."""
    tally = Tally()
    spans = topic.spans(selection.since)
    only = None
    if options.limit is not None:
        only = _newest(topic, spans, selection, options.limit)
        spans = _around(topic.name, only)
    plan = Plan(topic, Wanted(options.again, TOMBSTONE in selection.reasons, target))
    with bar("replaying", spans, quiet=options.dry_run) as progress:
        messages = progress.watch(topic.messages(spans))
        if only is not None:
            messages = (m for m in messages if (m.partition, m.offset) in only)
        originals = plan.originals(chosen(messages, selection, tally))
        if options.dry_run:
            return _dry_run(originals, plan, tally)
        return _send(originals, plan, tally, progress, connection)


def _newest(
    topic: DeadLetterTopic, spans: Spans, selection: Selection, limit: int
) -> set[tuple[int, int]]:
    """Where the newest of the chosen stand in the dead-letter topic: read once for that alone."""
    newest = Newest(limit)
    with bar("looking for the newest", spans) as progress:
        for view in chosen(progress.watch(topic.messages(spans)), selection, Tally()):
            newest.add(view.without_value())
    return {(view.message.partition, view.message.offset) for view in newest.views()}


def _around(topic: str, places: set[tuple[int, int]]) -> Spans:
    """The spans from the first to the last place of each partition."""
    spans: Spans = {}
    for partition, offset in places:
        name = TopicPartition(topic, partition)
        span = spans.get(name, range(offset, offset + 1))
        spans[name] = range(min(span.start, offset), max(span.stop, offset + 1))
    return spans


def _dry_run(
    originals: Iterable[tuple[DeadLetterView, Original, int | None]], plan: Plan, tally: Tally
) -> int:
    count = 0
    for view, original, partition in originals:
        print(words.to_send(view, original, partition))
        count += 1
    print(f"would send {words.counted(count, 'record')}; nothing was sent")
    _tell(plan, tally)
    return 0


def _send(
    originals: Iterable[tuple[DeadLetterView, Original, int | None]],
    plan: Plan,
    tally: Tally,
    progress: Bar,
    connection: Connection,
) -> int:
    delivery = Delivery(_producer(connection), plan.topic.name)
    stopped = False
    try:
        for view, original, partition in originals:
            _hand_over(delivery, view, original, partition)
            if delivery.sent % SAY_EVERY == 0:
                progress.say(f"replaying, {delivery.sent:,} sent")
    except KeyboardInterrupt:
        stopped = True
    finally:
        arrived = delivery.finish()
        progress.stop()
        print(
            f"{'stopped after' if stopped else 'sent'} {words.counted(delivery.sent, 'record')},"
            f" {arrived:,} acknowledged"
        )
        _tell(plan, tally)
    if arrived < delivery.sent:
        names = ", ".join(delivery.refused)
        print(f"aead-monitor: {delivery.failure()}; among them {names}", file=sys.stderr)
        return 1
    return 130 if stopped else 0


def _producer(connection: Connection) -> object:
    return connected(
        connection,
        f"kafka.bootstrap_servers {connection.servers}",
        # An idempotent producer of kafka-python 3.0.12 fails for good after one message that the
        # broker refuses; one request at a time keeps the order without it.
        enable_idempotence=False,
        max_in_flight_requests_per_connection=1,
        allow_auto_create_topics=False,
    )


def _hand_over(
    delivery: Delivery, view: DeadLetterView, original: Original, partition: int | None
) -> None:
    delivery.send(
        original.key,
        original.value,
        name=view.address,
        topic=original.topic,
        partition=partition,
        headers=list(original.headers),
        timestamp_ms=original.timestamp,
    )


def _tell(plan: Plan, tally: Tally) -> None:
    """What was chosen, what was left out of that, and what could not go where it came from."""
    print(words.summary(tally, plan.topic.name))
    if plan.left_out:
        print(words.left_out(plan.left_out))
    if plan.moved:
        print(f"{plan.moved:,} to another partition, since theirs does not exist any more")
