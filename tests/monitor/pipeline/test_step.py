"""The pipeline: every record is scored or a dead letter, and the batching changes nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.drift.judge_state import encode
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record
from tests.monitor.builders import normal_errors, pipeline, record, records

payloads = st.one_of(
    st.floats(0, 1e6),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=5),
    st.just(b"nonsense"),
    st.none(),
    st.just(float("inf")),
)


def stream(values: list, partitions: int = 3) -> list[Record]:
    return [record(i // partitions, v, i % partitions) for i, v in enumerate(values)]


@given(st.lists(payloads, min_size=1, max_size=40))
def test_every_record_is_scored_or_dead_lettered(values: list) -> None:
    batch = stream(values)
    outcome = pipeline().step(Columns.of(batch))
    ends = [*outcome.scored, *(letter.record for letter in outcome.dead_letters)]
    assert sorted(ends, key=_place) == sorted(batch, key=_place)
    assert list(outcome.consumed) == batch


def _place(item: Record) -> tuple[int, int]:
    return item.partition, item.offset


@given(st.lists(payloads, min_size=1, max_size=40), st.integers(1, 40))
def test_the_batch_size_changes_no_result(values: list, size: int) -> None:
    batch = stream(values)
    whole_pipeline = pipeline(evaluation_rows=4)
    whole = whole_pipeline.step(Columns.of(batch))
    parts_pipeline = pipeline(evaluation_rows=4)
    parts = [
        parts_pipeline.step(Columns.of(batch[i : i + size])) for i in range(0, len(batch), size)
    ]
    assert [a for part in parts for a in part.anomalies] == list(whole.anomalies)
    assert [d for part in parts for d in part.dead_letters] == list(whole.dead_letters)
    assert encode(parts_pipeline.judge.state()) == encode(whole_pipeline.judge.state())


def test_a_record_with_one_bad_row_is_dead_as_a_whole() -> None:
    outcome = pipeline().step(
        Columns.of([record(0, [1.0, float("inf"), 1.0]), record(1, [1.0, 2.0])])
    )
    assert [letter.reason for letter in outcome.dead_letters] == ["non_finite_error"]
    assert [r.offset for r in outcome.scored] == [1]
    assert outcome.scores.reconstruction_error.tolist() == [1.0, 2.0]


def test_anomalies_name_record_and_row() -> None:
    outcome = pipeline().step(
        Columns.of([record(0, 1.0), record(1, [1.0, 1.0, 1e5]), record(2, 1e6)])
    )
    found = [(a.record.offset, a.row, a.reconstruction_error) for a in outcome.anomalies]
    assert found == [(1, 2, 1e5), (2, 0, 1e6)]


def test_next_offsets_cover_dead_letters_too() -> None:
    outcome = pipeline().step(
        Columns.of([record(7, 1.0), record(8, b"bad"), record(3, 1.0, partition=1)])
    )
    assert outcome.next_offsets == {Partition("in", 0): 9, Partition("in", 1): 4}


def test_records_that_come_again_are_scored_but_not_judged_again() -> None:
    subject = pipeline()
    first = subject.step(Columns.of(records(normal_errors(320))))
    again = subject.step(
        Columns.of(records(normal_errors(320), start=0)[220:] + records(np.ones(64), start=320))
    )
    assert first.replayed_rows == 0
    assert again.replayed_rows == 100
    assert len(again.scored) == 164
    assert subject.judge.verdict.window_records == 384


def test_a_large_batch_is_judged_in_blocks_of_64_rows() -> None:
    outcome = pipeline().step(Columns.of(records(normal_errors(4096, scale=4.0))))
    assert [c.transition.event for c in outcome.changes] == ["pending", "firing"]
    assert outcome.changes[-1].alert.next_offsets[Partition("in", 0)] == 2 * 64


def test_an_offset_that_comes_twice_in_one_batch_is_judged_once() -> None:
    batch = records(normal_errors(64))
    subject = pipeline()
    outcome = subject.step(Columns.of([*batch, *batch[60:]]))
    assert outcome.replayed_rows == 4
    assert len(outcome.scored) == 68
    assert subject.judge.verdict.window_records == 64


def test_rows_of_one_record_stay_in_one_summary() -> None:
    subject = pipeline()
    subject.step(
        Columns.of([record(0, [1.0] * 200), record(1, [1.0] * 200), record(2, [1.0] * 700)])
    )
    assert subject.judge.next_offset(Partition("in", 0)) == 3
    assert subject.judge.verdict.window_records == 1100
