"""Records as columns are the same records: whatever is done to them, against plain lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.stream.columns import Columns, first_time
from monitor.stream.records import Gap, Partition, Record

headers = st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=2).map(tuple)
some_records = st.lists(
    st.builds(
        Record,
        topic=st.sampled_from(["a", "b"]),
        partition=st.integers(0, 2),
        offset=st.integers(0, 100),
        timestamp=st.integers(-1, 2**42),
        key=st.none() | st.binary(max_size=4),
        value=st.none() | st.binary(max_size=8),
        headers=headers,
        gap=st.none() | st.just(Gap(200, "expired", "deleted")),
    ),
    max_size=12,
)


@given(some_records)
def test_records_come_back_as_they_went_in(records: list[Record]) -> None:
    columns = Columns.of(records)
    assert list(columns) == records
    assert len(columns) == len(records)
    assert columns.sizes.tolist() == [record.size for record in records]


@given(st.lists(some_records, max_size=4))
def test_joined_columns_hold_the_records_one_after_the_other(parts: list[list[Record]]) -> None:
    joined = Columns.joined([Columns.of(part) for part in parts])
    assert list(joined) == [record for part in parts for record in part]


@given(some_records, st.integers(0, 12), st.integers(0, 12))
def test_a_part_is_a_slice(records: list[Record], start: int, stop: int) -> None:
    stop = max(start, stop)
    assert list(Columns.of(records).part(start, stop)) == records[start:stop]


@given(some_records, st.data())
def test_where_keeps_what_is_wanted(records: list[Record], data: st.DataObject) -> None:
    size = len(records)
    wanted = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    kept = Columns.of(records).where(np.array(wanted, dtype=np.bool_))
    assert list(kept) == [record for record, want in zip(records, wanted, strict=True) if want]
    first = Partition("a", 0)
    assert kept.of_partitions([first]).tolist() == [record.source == first for record in kept]
    assert kept.ends() == {record.source: record.next_offset for record in kept}


def test_what_a_client_gave_is_as_if_made_of_records() -> None:
    given_headers = [[("h", b"1"), ("empty", None)], (), None]
    columns = Columns.consecutive(
        Partition("a", 1), [4, 5, 9], [7, 8, 9], [b"v", None, b""], [None, b"key", None],
        given_headers,
    )  # fmt: skip
    expected = [
        Record("a", 1, 4, 7, None, b"v", (("h", b"1"), ("empty", None))),
        Record("a", 1, 5, 8, b"key", None),
        Record("a", 1, 9, 9, None, b""),
    ]
    assert list(columns) == expected
    assert columns.sizes.tolist() == [record.size for record in expected]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(1, 3)), min_size=1),
    st.lists(st.integers(0, 5), min_size=1, max_size=3),
)
def test_each_offset_is_for_the_first_time_once(
    places: list[tuple[int, int, int]], expected: list[int]
) -> None:
    places = [(number % len(expected), offset, length) for number, offset, length in places]
    partition, offsets, lengths = (np.array(column, dtype=np.int64) for column in (
        [p for p, _, _ in places], [o for _, o, _ in places], [n for _, _, n in places]
    ))  # fmt: skip
    found = first_time(partition, offsets, offsets + lengths, np.array(expected))
    reached, wanted = list(expected), []
    for number, offset, length in places:
        wanted.append(offset >= reached[number])
        if wanted[-1]:
            reached[number] = offset + length
    assert found is not None or all(wanted)
    assert found is None or found.tolist() == wanted
