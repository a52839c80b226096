"""The source in memory keeps the contract, and can play a rebalance and an outage."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from monitor.stream.records import Partition, Record
from monitor.stream.sources.memory import MemorySource
from tests.monitor.stream.source_contract import (
    SourceContract,
    addresses,
    collect,
    commit,
    filled,
    poll,
)

ZERO, ONE = Partition("in", 0), Partition("in", 1)


class MemoryStream:
    topic = "in"
    partitions = 2

    def __init__(self) -> None:
        self._source = MemorySource()
        self._source.assign(ZERO)
        self._source.assign(ONE)

    def append(self, records: Iterable[Record]) -> None:
        self._source.append(records)

    def open(self) -> MemorySource:
        self._source.restart()
        return self._source


@pytest.fixture
def stream() -> MemoryStream:
    return MemoryStream()


class TestMemorySource(SourceContract):
    """The contract."""


def test_a_revoked_partition_is_lost_once_and_not_delivered(stream: MemoryStream) -> None:
    filled(stream, 3, 3)
    source = stream.open()
    poll(source)
    source.revoke(ZERO)
    polled = source.poll(0.0, 100)
    assert polled.lost == {ZERO}
    assert addresses(polled.records) == [(1, 0), (1, 1), (1, 2)]
    assert source.assigned == {ONE}
    assert source.poll(0.0, 100).lost == frozenset()


def test_a_partition_that_comes_back_goes_on_at_the_committed_offset(
    stream: MemoryStream,
) -> None:
    filled(stream, 3, 0)
    source = stream.open()
    collect(source, 3)
    commit(source, {ZERO: 2})
    source.revoke(ZERO)
    source.assign(ZERO)
    assert poll(source).lost == {ZERO}
    assert addresses(poll(source).records) == [(0, 2)]


def test_nothing_is_committed_before_a_loss_was_told(stream: MemoryStream) -> None:
    filled(stream, 3, 0)
    source = stream.open()
    collect(source, 3)
    source.revoke(ZERO)
    assert not commit(source, {ZERO: 3})
    assert source.stored == {}


def test_nothing_comes_while_it_is_not_connected(stream: MemoryStream) -> None:
    filled(stream, 3, 0)
    source = stream.open()
    source.connected = False
    assert not source.poll(0.0, 100).records
    assert not commit(source, {ZERO: 3})
    source.connected = True
    assert addresses(collect(source, 3)) == [(0, 0), (0, 1), (0, 2)]
