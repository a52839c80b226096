"""Batches by number, bytes and age."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.stream.batching import AdaptiveLinger, Batcher, BatchLimits
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record


def record(offset: int, size: int = 10, partition: int = 0) -> Record:
    return Record("t", partition, offset, 0, None, bytes(size))


def test_nothing_is_due_without_records() -> None:
    assert not Batcher(BatchLimits(1, 1, 0.0)).due(1e9)


def test_due_by_number() -> None:
    batcher = Batcher(BatchLimits(3, 10**6, 60.0))
    batcher.add(Columns.of([record(0), record(1)]), now=0.0)
    assert not batcher.due(1.0)
    batcher.add(Columns.of([record(2)]), now=1.0)
    assert batcher.due(1.0)


def test_due_by_bytes() -> None:
    batcher = Batcher(BatchLimits(100, 1000, 60.0))
    batcher.add(Columns.of([record(0, 400), record(1, 400)]), now=0.0)
    assert not batcher.due(0.0)
    batcher.add(Columns.of([record(2, 400)]), now=0.0)
    assert batcher.due(0.0)


def test_due_by_age_of_the_first_record() -> None:
    batcher = Batcher(BatchLimits(100, 1000, 0.5))
    batcher.add(Columns.of([record(0)]), now=10.0)
    batcher.add(Columns.of([record(1)]), now=10.4)
    assert batcher.wait_seconds(10.4, longest=1.0) < 0.11
    assert not batcher.due(10.49)
    assert batcher.due(10.5)


def test_a_record_larger_than_the_limit_makes_a_batch_of_its_own() -> None:
    batcher = Batcher(BatchLimits(100, 1000, 60.0))
    batcher.add(Columns.of([record(0, 5000), record(1, 10)]), now=0.0)
    assert [r.offset for r in batcher.take()] == [0]


def test_records_of_a_lost_partition_are_dropped_and_counted() -> None:
    batcher = Batcher(BatchLimits(100, 1000, 60.0))
    batcher.add(
        Columns.of([record(0, partition=0), record(0, partition=1), record(1, partition=1)]),
        now=0.0,
    )
    assert batcher.drop([Partition("t", 1)]) == 2
    assert [r.partition for r in batcher.take()] == [0]


@given(
    sizes=st.lists(st.integers(0, 300), max_size=200),
    max_records=st.integers(1, 20),
    max_bytes=st.integers(1, 1000),
)
def test_every_record_leaves_once_in_order_within_the_limits(
    sizes: list[int], max_records: int, max_bytes: int
) -> None:
    batcher = Batcher(BatchLimits(max_records, max_bytes, 0.0))
    batcher.add(Columns.of([record(i, size) for i, size in enumerate(sizes)]), now=0.0)
    taken = []
    while batcher.due(0.0):
        batch = batcher.take()
        assert len(batch) <= max_records
        assert len(batch) == 1 or sum(r.size for r in batch) <= max_bytes
        taken.extend(batch)
    assert [r.offset for r in taken] == list(range(len(sizes)))
    assert batcher.records == 0


def test_a_linger_that_adapts_waits_no_longer_than_pays() -> None:
    batcher = Batcher(BatchLimits(100, 1000, 0.2), AdaptiveLinger())
    batcher.add(Columns.of([record(0)]), now=0.0)
    assert batcher.due(0.0), "nothing is known yet"
    for seconds in (0.005, 0.3, 0.01):
        batcher.took(seconds)
    assert not batcher.due(0.019)
    assert batcher.due(0.021)
    for _ in range(40):
        batcher.took(5.0)
    assert not batcher.due(0.19)
    assert batcher.due(0.21), "never longer than the limit"
