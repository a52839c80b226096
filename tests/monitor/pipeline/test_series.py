"""Windows that are made of a topic's steps are those of a file, however the steps come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.windows import Window, windows_of
from monitor.codecs.decoding import Decoded
from monitor.drift.judge_state import decode, encode
from monitor.pipeline.series import Series
from monitor.pipeline.series_notes import Steps, read_again, read_from
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record

KEYS = (b"a", b"b", None)
Step = tuple[int, int]
"""Number of the partition, and of the key."""
STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


def records_of(steps: list[Step]) -> list[Record]:
    ends = [0, 0, 0]
    made = []
    for partition, key in steps:
        made.append(Record("t", partition, ends[partition], 0, KEYS[key], b"", ()))
        ends[partition] += 1
    return made


def decoded(records: list[Record]) -> Decoded:
    """Two numbers that tell partition and offset."""
    rows = np.array([[r.partition, r.offset] for r in records], dtype=np.float64).reshape(-1, 2)
    return Decoded(rows, np.ones(len(records), dtype=np.int64), {})


def expected(records: list[Record], window: Window) -> dict[tuple[int, int], list[list[float]]]:
    """Windows by partition and offset of the step that completes them."""
    keys = [(r.partition, (r.key or b"") if window.by else b"") for r in records]
    made, last = windows_of(decoded(records).rows, window, keys)
    return {
        (records[i].partition, records[i].offset): rows.tolist()
        for i, rows in zip(last.tolist(), made, strict=True)
    }


def take(series: Series, records: list[Record], found: dict, decide: bool = True) -> None:
    result, moved = series.windows(Columns.of(records), decoded(records))
    rows = result.rows.tolist()
    for record, count in zip(records, result.counts.tolist(), strict=True):
        for _ in range(count):
            found[record.partition, record.offset] = rows.pop(0)
    assert not rows
    if decide:
        series.decide(moved)


@given(
    STEPS, st.integers(2, 5), st.integers(1, 5), st.booleans(),
    st.lists(st.integers(1, 9), min_size=60, max_size=60),
)  # fmt: skip
def test_they_are_the_same_in_any_batches(
    steps: list[Step], length: int, stride: int, by_key: bool, sizes: list[int]
) -> None:
    window = Window(length, min(stride, length), "machine" if by_key else "")
    records = records_of(steps)
    found: dict = {}
    series, left = Series(window, 2, 100), records
    for size in sizes:
        if left:
            take(series, left[:size], found)
            left = left[size:]
    assert found == expected(records, window)


@given(STEPS, st.data())
def test_they_are_the_same_after_a_restart_and_after_work_was_dropped(
    steps: list[Step], data: st.DataObject
) -> None:
    window = Window(3, 2, "machine")
    records = records_of(steps)
    found: dict = {}
    series, at = Series(window, 2, 100), 0
    while at < len(records):
        size = data.draw(st.integers(1, 10))
        batch = records[at : at + size]
        match data.draw(st.sampled_from(["go on", "drop", "drop one", "restart", "come again"])):
            case "drop":
                take(series, batch, {}, decide=False)
                series.drop({Partition("t", record.partition) for record in batch})
            case "drop one":
                result, moved = series.windows(Columns.of(batch), decoded(batch))
                lost = Partition("t", batch[0].partition)
                kept = {Partition("t", record.partition) for record in batch} - {lost}
                # What is left is decided on; the others come again.
                again = [r for r in batch if r.partition == lost.number]
                rest = [r for r in batch if r.partition != lost.number]
                series.drop({lost})
                rows = result.rows.tolist()
                for record, count in zip(batch, result.counts.tolist(), strict=True):
                    for _ in range(count):
                        row = rows.pop(0)
                        if record.partition != lost.number:
                            found[record.partition, record.offset] = row
                series.decide(moved.only(kept))
                take(series, again, found)
                assert all(record in batch for record in rest)
                at += size
            case "restart":
                state = decode(encode(series.state(), "test"), "test")
                take(series, batch, {}, decide=False)
                series = Series(window, 2, 100)
                series.restore(state)
            case "come again":
                take(series, batch, found)
                take(series, batch, again_found := {})
                assert again_found == {}
                at += size
            case _:
                take(series, batch, found)
                at += size
    assert found == expected(records, window)


@given(STEPS, st.integers(2, 5), st.integers(1, 5), st.booleans(), st.data())
def test_whoever_gets_a_partition_goes_on_with_its_series(
    steps: list[Step], length: int, stride: int, by_key: bool, data: st.DataObject
) -> None:
    window = Window(length, min(stride, length), "machine" if by_key else "")
    records = records_of(steps)
    cut = data.draw(st.integers(0, len(records)))
    found: dict = {}
    before = Series(window, 2, 100)
    if cut:
        take(before, records[:cut], found)
    after = Series(window, 2, 100)
    for number in range(3):
        partition, own = Partition("t", number), [r for r in records if r.partition == number]
        end = sum(record.partition == number for record in records[:cut])
        note = before.notes([partition])[partition]
        first = read_from(note)
        if first is not None:
            again = [Steps(r.key or b"", r.offset, decoded([r]).rows) for r in own[first:end]]
            after.put(partition, after.rebuilt(partition, again, note, end))
    if cut < len(records):
        take(after, records[cut:], found)
    assert found == expected(records, window)


def test_a_series_that_was_silent_for_long_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.pipeline.series_notes.REREAD", 5)
    series, records = Series(Window(3, by="machine"), 2, 100), records_of([(0, 0)] * 20)
    records = [replace(r, key=b"rare" if i < 2 else b"often") for i, r in enumerate(records)]
    take(series, records, {})
    (note,) = series.notes([Partition("t", 0)]).values()
    assert note == "18:003"
    again = [Steps(r.key or b"", r.offset, decoded([r]).rows) for r in records[18:]]
    rebuilt = Series(Window(3, by="machine"), 2, 100).rebuilt(Partition("t", 0), again, note, 20)
    assert [name[1] for name in rebuilt.tails] == [b"often"]


def test_many_series_make_no_note() -> None:
    series = Series(Window(3, by="machine"), 2, 10_000)
    records = [replace(r, key=b"%d" % i) for i, r in enumerate(records_of([(0, 0)] * 1000))]
    take(series, records, {})
    assert series.notes([Partition("t", 0)]) == {Partition("t", 0): ""}


@pytest.mark.parametrize("note", ["", "x:001", "5:01", "5", ":", "-3:001"])
def test_a_note_of_something_else_says_nothing(note: str) -> None:
    assert read_from(note) is None or not list(read_again([], note, Window(3)))


def test_what_does_not_fit_its_note_is_not_known() -> None:
    again = [Steps(b"a", 0, np.zeros((1, 2))), Steps(b"b", 1, np.zeros((1, 2)))]
    assert not list(read_again(again, "0:001", Window(3, by="machine")))


def test_a_partition_that_others_read_meanwhile_begins_anew() -> None:
    window, found = Window(3), {}
    series = Series(window, 2, 100)
    records = records_of([(0, 0), (0, 0), (1, 0), (1, 0), (0, 0), (1, 0)])
    take(series, records[:4], found)
    series.forget(Partition("t", 0))
    take(series, records[4:], found)
    assert list(found) == [(1, 2)]


def test_the_longest_unseen_series_is_forgotten_and_counted() -> None:
    series = Series(Window(2, by="machine"), 2, 2)
    records = [replace(r, key=b"%d" % (i % 4)) for i, r in enumerate(records_of([(0, 0)] * 8))]
    take(series, records[:3], {})
    assert (len(series), series.forgotten) == (2, 1)
    found: dict = {}
    take(series, [records[6]], found)  # of the series that was seen last
    assert list(found) == [(0, 6)]
    take(series, [replace(records[7], key=b"0")], found)
    assert list(found) == [(0, 6)]


def test_long_windows_of_many_channels_keep_fewer_series() -> None:
    assert Series(Window(1 << 14), 1 << 10, 10_000).at_most == 1


@pytest.mark.parametrize("other", [Window(4), Window(3, 2), Window(3, by="machine")])
def test_the_memory_of_other_windows_is_left_alone(other: Window) -> None:
    series, found = Series(Window(3), 2, 100), {}
    records = records_of([(0, 0)] * 4)
    take(series, records[:2], found)
    changed = Series(other, 2, 100)
    changed.restore(series.state())
    assert len(changed) == 0


def test_steps_of_other_channels_are_left_alone() -> None:
    series = Series(Window(3), 2, 100, ("heat", "flow"))
    take(series, records_of([(0, 0)] * 2), {})
    for names, known in ((("heat", "flow"), 1), (("flow", "heat"), 0), ((), 0)):
        changed = Series(Window(3), 2, 100, names)
        changed.restore(decode(encode(series.state(), "test"), "test"))
        assert len(changed) == known


def test_records_that_cannot_be_decoded_are_no_steps() -> None:
    series, records = Series(Window(2), 2, 100), records_of([(0, 0)] * 3)
    whole = decoded(records)
    counts = np.array([1, 0, 1])
    result, _ = series.windows(Columns.of(records), Decoded(whole.rows[[0, 2]], counts, {}))
    assert result.counts.tolist() == [0, 0, 1]
    assert result.rows[0, :, 1].tolist() == [0, 2]
