"""Partitions that the group leaves without a member: seen, told, and the group joined anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka.admin import KafkaAdminClient

from monitor.stream.records import Partition
from monitor.stream.sources import lasting, owners, survey
from monitor.stream.sources.owners import NO_OWNER
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.streams import KafkaStream, Member, settle
from tests.kafka.topics import TopicFactory

PARTITIONS = 4


@pytest.fixture
def stream(
    broker: Broker, topic: TopicFactory, client: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KafkaStream]:
    monkeypatch.setattr(owners, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(survey, "SURVEY_SECONDS", 0.5)
    name = topic(partitions=PARTITIONS)
    stream = KafkaStream(broker.bootstrap_servers, name, PARTITIONS, client=client)
    yield stream
    stream.close()


def unowned(stream: KafkaStream) -> set[Partition]:
    admin, group = KafkaAdminClient(bootstrap_servers=stream.servers), f"{stream.topic}-readers"
    told = admin.describe_groups([group])[group]
    admin.close()
    everything = {Partition(stream.topic, number) for number in range(PARTITIONS)}
    return set(owners.unowned(told, everything))


@contextmanager
def left_alone(stream: KafkaStream, second: str | None) -> Iterator[list[Member]]:
    """Two members, and partitions that neither has: a twin came in the middle of a hand-over."""
    members: list[Member] = []
    first = stream.join(instance="first")

    def twin_comes(leaving: frozenset[Partition]) -> None:
        if len(members) == 2:
            twin = Member(stream.join(instance="first"))
            members.append(twin)
            wait_until(lambda: bool(twin.assigned), 40, lambda: "the twin was given nothing")

    first.on_leaving(twin_comes)
    members.append(Member(first))
    try:
        settle(members[0], partitions=PARTITIONS)
        members.append(Member(stream.join(instance=second)))
        wait_until(lambda: len(unowned(stream)) > 0, 60, lambda: "every partition has a member")
        members[0].pause()
        yield members[1:]
    finally:
        for member in members:
            member.leave()


@pytest.mark.parametrize("second", [None, "second"], ids=["of any name", "named"])
def test_what_nobody_has_is_told_and_given_to_somebody(
    stream: KafkaStream, second: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "TURN_SECONDS", 3.0)
    monkeypatch.setattr(lasting, "LIMITS", {**lasting.LIMITS, lasting.UNBALANCED: 3.0})
    said: set[str] = set()
    with left_alone(stream, second) as members:

        def balanced() -> bool:
            for member in members:
                said.update(member.source.unreadable().values())
            given = sum(len(member.source.assigned) for member in members)
            return not unowned(stream) and given == PARTITIONS

        wait_until(balanced, 60, lambda: f"nobody has {sorted(unowned(stream))}")
        assert NO_OWNER in said
        assert sum(member.source.replaced for member in members) >= 1
        wait_until(
            lambda: not any(m.source.unreadable() for m in members), 30, lambda: "still told"
        )
