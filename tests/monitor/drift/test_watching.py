"""A batch judged at once leaves the bytes, changes and notes that its parts one by one leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition, Summary
from tests.monitor.builders import SETTINGS, VERSION, normal_errors, reference

ROWS, SECONDS = 64, 60.0
Noted = list[tuple[str, int, int]]
"""What was said of each evaluation: changes, newest timestamp, evaluations so far."""


class OneByOne:
    """The same plainly: summaries of each partition, block by block, and a dict of offsets."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.noted: Noted = []
        self.repeated = 0
        self._next: dict[Partition, int] = {}
        self._rows, self._first = 0, 0

    def give(self, batch: JudgedRecords) -> None:
        block: list[int] = []
        ends = np.cumsum(batch.rows).tolist()
        for i, index in enumerate(batch.partition.tolist()):
            partition = batch.partitions[index]
            if batch.offsets[i] < self._next.get(partition, 0):
                self.repeated += int(batch.rows[i])
                continue
            self._next[partition] = int(batch.next_offsets[i])
            timestamp = int(batch.timestamps[i])
            self._first = self._first if self._rows else timestamp
            self._rows += int(batch.rows[i])
            block.append(i)
            if self._rows >= ROWS or timestamp - self._first >= 1000 * SECONDS:
                self._judge(batch, block, ends)
                block, self._rows = [], 0
        if block:
            self._judge(batch, block, ends)

    def _judge(self, batch: JudgedRecords, block: list[int], ends: list[int]) -> None:
        changes = self.judge.add(*self._summaries(batch, block, ends))
        newest = int(batch.timestamps[block].max())
        self.noted.append((str(changes), newest, self.judge.evaluations))

    def _summaries(
        self, batch: JudgedRecords, block: list[int], ends: list[int]
    ) -> Iterator[Summary]:
        for index in dict.fromkeys(batch.partition[block].tolist()):
            mine = [i for i in block if batch.partition[i] == index]
            errors = [batch.errors[ends[i] - batch.rows[i] : ends[i]] for i in mine]
            yield Summary(
                model_version=VERSION,
                partition=batch.partitions[index],
                first_offset=int(batch.offsets[mine[0]]),
                next_offset=int(batch.next_offsets[mine[-1]]),
                first_timestamp=int(batch.timestamps[mine[0]]),
                last_timestamp=int(batch.timestamps[mine].max()),
                errors=BucketCounts.from_errors(np.concatenate(errors) / self.judge.unit),
            )


def watched(judge: Judge, batch: JudgedRecords, noted: Noted) -> int:
    return judge.watch(
        batch, lambda changes, newest: noted.append((str(changes), newest, judge.evaluations))
    )


def stream(
    errors: NDArray[np.float64], partitions: int, seed: int = 0, *, rows: bool, slow: bool
) -> JudgedRecords:
    """Records of errors, dealt out at random. rows: several a record. slow: minutes pass."""
    rng = np.random.default_rng(seed)
    n = errors.size // 3 if rows else errors.size
    number = rng.integers(0, partitions, n)
    offsets = np.empty(n, dtype=np.int64)
    for p in range(partitions):
        mine = number == p
        offsets[mine] = 5 * p + np.cumsum(rng.integers(1, 3, mine.sum()))
    counts = rng.integers(1, 6, n) if rows else np.ones(n, dtype=np.int64)
    steps = rng.integers(0, 9000, n) if slow else rng.integers(-1, 4, n)
    return JudgedRecords(
        model_version=VERSION,
        partitions=tuple(Partition("in", p) for p in rng.permutation(partitions).tolist()),
        partition=number,
        offsets=offsets,
        next_offsets=offsets + 1,
        timestamps=1_700_000_000_000 + np.cumsum(steps),
        rows=counts,
        errors=np.resize(errors, counts.sum()),
    )


def part(records: JudgedRecords, start: int, end: int) -> JudgedRecords:
    wanted = np.zeros(len(records), dtype=np.bool_)
    wanted[start:end] = True
    return records.where(wanted)


def changed(noted: Noted) -> list[tuple[str, int]]:
    """What changed, and after how many evaluations."""
    return [(changes, evaluations) for changes, _, evaluations in noted if changes != "[]"]


DRIFTS = np.concatenate(
    [normal_errors(2000, 1), normal_errors(1500, 2, scale=1.8), normal_errors(4500, 3)]
)


def judge(detector: str = "betting", *, ordered: bool = True) -> Judge:
    known = reference() if ordered else Reference.calibrate(normal_errors(5000, seed=99))
    changed = replace(SETTINGS, detector=detector, guard_seconds=0.3, evaluation_seconds=SECONDS)
    return Judge(VERSION, known, changed)


@pytest.mark.parametrize("size", [1, 100, 10**6])
@pytest.mark.parametrize("partitions", [1, 2, 40])
@pytest.mark.parametrize("kind", ["quick", "slow", "rows"])
def test_watching_batches_leaves_the_bytes_of_summaries(
    size: int, partitions: int, kind: str
) -> None:
    records = stream(DRIFTS, partitions, rows=kind == "rows", slow=kind == "slow")
    plain, subject, noted = OneByOne(judge()), judge(), []
    plain.give(records)
    for start in range(0, len(records), size):
        watched(subject, part(records, start, start + size), noted)
    assert encode(subject.state()) == encode(plain.judge.state())
    assert str(subject.verdict) == str(plain.judge.verdict)
    assert changed(noted) == changed(plain.noted)
    if size == 10**6:
        assert noted == plain.noted
    if kind == "quick":
        assert "event='firing'" in "".join(changes for changes, _ in changed(noted))


@pytest.mark.parametrize("detector", ["betting", "binomial"])
def test_learning_leaves_the_bytes_of_summaries(detector: str) -> None:
    records = stream(normal_errors(110_000, 5), 3, rows=False, slow=False)
    plain, subject = OneByOne(judge(detector, ordered=False)), judge(detector, ordered=False)
    plain.give(records)
    watched(subject, records, [])
    assert encode(subject.state()) == encode(plain.judge.state())
    assert subject.verdict.state == "ok"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_repeated_records_are_left_out_wherever_they_come_again(data: st.DataObject) -> None:
    records = stream(DRIFTS[:900], 4, rows=data.draw(st.booleans()), slow=data.draw(st.booleans()))
    plain, subject = OneByOne(judge()), judge()
    repeated = start = 0
    while start < len(records):
        start = max(0, start - data.draw(st.integers(0, 100)))
        end = start + data.draw(st.integers(101, 300))
        batch = part(records, start, end)
        plain.give(batch)
        repeated += watched(subject, batch, [])
        start = end
    assert repeated == plain.repeated
    assert encode(subject.state()) == encode(plain.judge.state())


def test_a_record_that_comes_twice_in_one_batch_is_counted_once() -> None:
    records = stream(DRIFTS[:300], 3, rows=False, slow=False)
    twice = JudgedRecords(
        VERSION, records.partitions,
        *(np.concatenate([column, column[100:]]) for column in (
            records.partition, records.offsets, records.next_offsets, records.timestamps,
            records.rows, records.errors,
        )),
    )  # fmt: skip
    once, subject = judge(), judge()
    watched(once, records, [])
    assert watched(subject, twice, []) == 200
    assert encode(subject.state()) == encode(once.state())


@pytest.mark.parametrize("hop", [150, 333])
def test_saving_between_batches_changes_no_byte(hop: int) -> None:
    records = stream(DRIFTS, 5, rows=False, slow=False)
    straight, hopping = judge(), judge()
    watched(straight, records, [])
    for start in range(0, len(records), hop):
        twin = judge()
        twin.restore(decode(encode(hopping.state())))
        hopping = twin
        watched(hopping, part(records, start, start + hop), [])
    assert encode(hopping.state()) == encode(straight.state())


def test_summaries_and_batches_may_take_turns() -> None:
    records = stream(DRIFTS, 2, rows=False, slow=False)
    plain, mixed = OneByOne(judge()), OneByOne(judge())
    for number, start in enumerate(range(0, len(records), 100)):
        batch = part(records, start, start + 100)
        plain.give(batch)
        if number % 2:
            mixed.give(batch)
        else:
            watched(mixed.judge, batch, mixed.noted)
            mixed = resumed(mixed, plain)
    assert encode(mixed.judge.state()) == encode(plain.judge.state())


def resumed(mixed: OneByOne, plain: OneByOne) -> OneByOne:
    """The same judge, with what the other knows of offsets and of the open block."""
    twin = OneByOne(mixed.judge)
    twin._next, twin._rows, twin._first = dict(plain._next), plain._rows, plain._first
    return twin


def test_another_models_records_are_refused() -> None:
    records = stream(DRIFTS[:10], 1, rows=False, slow=False)
    with pytest.raises(ValueError, match="of model other, not"):
        watched(judge(), replace(records, model_version="other"), [])


def test_no_records_are_no_evaluation() -> None:
    records = stream(DRIFTS[:10], 1, rows=False, slow=False)
    noted: Noted = []
    assert watched(judge(), part(records, 0, 0), noted) == 0
    assert noted == []


@pytest.mark.parametrize("beginning", [0, 1_700_000_000_000_000_000, 2**63 - 2**20])
def test_timestamps_in_other_units_cut_the_same_blocks_in_any_batches(beginning: int) -> None:
    records = stream(DRIFTS[:3000], 2, rows=False, slow=False)
    moved = replace(records, timestamps=beginning + 97 * np.arange(len(records)))
    whole, parts = judge(), judge()
    watched(whole, moved, [])
    for start in range(0, len(moved), 17):
        watched(parts, part(moved, start, start + 17), [])
    assert encode(parts.state()) == encode(whole.state())
