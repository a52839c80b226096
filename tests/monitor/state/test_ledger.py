"""The ledger: every offset of every partition once, whatever comes together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.state.ledger import Ledger, Totals
from monitor.stream.columns import Columns
from monitor.stream.records import Gap, Partition, Record

PARTITIONS = [Partition("in", number) for number in range(3)]


def one(partition: Partition, offset: int, end: int) -> Record:
    gap = Gap(end, "unreadable", "") if end > offset + 1 else None
    return Record(partition.topic, partition.number, offset, 0, None, b"", gap=gap)


# Of each record: its partition, its offset, its length, its rows (0 is a dead letter).
batches = st.lists(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 2), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    ),
    max_size=6,
)


@given(batches, st.sampled_from([1, 2, 3]), st.integers(0, 6), st.booleans())
def test_totals_are_those_of_counting_one_by_one(
    batches: list[list[tuple[int, int, int, int]]], partitions: int, restored: int, forgotten: bool
) -> None:
    ledger, known = Ledger(), {}
    for number, batch in enumerate(batches):
        if number == restored and forgotten:
            ledger.forget()
            known.clear()
        elif number == restored:
            ledger.restore(ledger.state())
        batch = [(i % partitions, offset, length, rows) for i, offset, length, rows in batch]
        records = [one(PARTITIONS[i], offset, offset + length) for i, offset, length, _ in batch]
        rows = np.array([rows for *_, rows in batch])
        ledger.count(Columns.of(records), rows, rows // 2)
        for i, offset, length, n in batch:
            old = known.get(PARTITIONS[i], Totals(-1))
            if offset >= old.next_offset:
                known[PARTITIONS[i]] = Totals(
                    offset + length,
                    old.scored + (n > 0),
                    old.dead_lettered + (length if n == 0 else 0),
                    old.rows + n,
                    old.anomalous + n // 2,
                )
    assert ledger.totals == known


def test_a_partition_whose_first_record_comes_later_gets_a_place_of_its_own() -> None:
    ledger = Ledger()
    both = Columns.of([one(PARTITIONS[0], 0, 1), one(PARTITIONS[1], 5, 6)])
    first = both.where(np.array([True, False]))
    second = both.where(np.array([False, True]))
    assert first.partitions == second.partitions
    for part in (first, first, second):
        ledger.count(part, np.array([1]), np.array([0]))
    assert ledger.totals == {PARTITIONS[0]: Totals(1, 1, 0, 1), PARTITIONS[1]: Totals(6, 1, 0, 1)}


def test_what_was_forgotten_is_met_anew() -> None:
    ledger = Ledger()
    both = Columns.of([one(PARTITIONS[0], 0, 1), one(PARTITIONS[1], 5, 6)])
    one_each, none = np.array([1, 1]), np.array([0, 0])
    for _ in range(2):
        ledger.count(both, one_each, none)
    ledger.forget()
    ledger.count(both, one_each, none)
    assert {totals.scored for totals in ledger.totals.values()} == {1}
