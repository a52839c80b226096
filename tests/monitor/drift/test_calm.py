"""Calm blocks taken many at once leave the bytes and words that they leave one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.judged_records import JudgedRecords
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from tests.monitor.builders import normal_errors
from tests.monitor.drift.test_watching import judge, part, stream


class Watcher:
    """A judge and a history. at_once: calm blocks may be taken many at once."""

    def __init__(self, judge: Judge, *, at_once: bool) -> None:
        self.judge, self.at_once = judge, at_once
        self.history = History(Policy(mode="auto", min_records=0, cooldown_seconds=0.0))
        self.said: list[str] = []
        self.notes = 0

    def note(self, changes: list[Change], newest: int) -> None:
        requests = self.history.note(self.judge, changes, newest)
        self.said.extend(map(str, [*changes, *requests]))
        self.notes += 1

    def give(self, records: JudgedRecords, ends: list[int]) -> None:
        for start, end in pairwise([0, *ends, len(records)]):
            batch = part(records, start, end)
            if self.at_once:
                self.judge.watch(batch, self.note, self.history.calm_until)
            else:
                self.judge.watch(batch, self.note)

    @property
    def states(self) -> dict[str, Any]:
        return {"judge": self.judge.state(), "history": self.history.state()}

    def twin(self, fresh: Judge) -> Watcher:
        """Another one that goes on where this one is."""
        states = decode(encode(self.states))
        other = Watcher(fresh, at_once=self.at_once)
        other.judge.restore(states["judge"])
        other.history.restore(states["history"])
        other.said, other.notes = self.said, self.notes
        return other


def same(some: Watcher, other: Watcher) -> bool:
    """The same bytes, the same changes and requests, the same verdict."""
    assert some.said == other.said
    assert str(some.judge.verdict) == str(other.judge.verdict)
    return encode(some.states) == encode(other.states)


def episodes(rows: int, seed: int = 0) -> NDArray[np.float64]:
    """Errors in control, then larger, then in control, then smaller, then in control again."""
    scales = np.repeat([1.0, 1.8, 1.0, 0.5, 1.0], [rows, 2000, 2 * rows, 2000, 2 * rows])
    return scales * normal_errors(scales.size, seed)


def both(records: JudgedRecords, ends: list[int], **made: Any) -> tuple[Watcher, Watcher]:
    """One by one in one batch, and many at once in batches that end there."""
    plain, subject = (Watcher(judge(**made), at_once=at_once) for at_once in (False, True))
    plain.give(records, [])
    subject.give(records, ends)
    return plain, subject


@pytest.mark.parametrize("size", [100, 2048, 10**6])
@pytest.mark.parametrize("partitions", [1, 2, 40, 256])
@pytest.mark.parametrize("kind", ["quick", "slow", "rows"])
def test_many_blocks_at_once_leave_the_bytes_of_one_by_one(
    size: int, partitions: int, kind: str
) -> None:
    records = stream(episodes(6000), partitions, rows=kind == "rows", slow=kind == "slow")
    plain, subject = both(records, list(range(size, len(records), size)))
    assert same(plain, subject)
    if size > 100:
        assert subject.notes < plain.notes
    if kind == "quick":
        assert "event='firing'" in "".join(subject.said)
        assert "event='resolved'" in "".join(subject.said)


@pytest.mark.parametrize("partitions", [1, 3, 256])
def test_learning_at_once_leaves_the_bytes_of_one_by_one(partitions: int) -> None:
    records = stream(normal_errors(150_000, 5), partitions, rows=False, slow=False)
    plain, subject = both(records, [777, 50_000, 50_001], ordered=False)
    assert same(plain, subject)
    assert subject.judge.verdict.state == "ok"
    assert subject.notes < 0.4 * plain.notes


def test_drift_while_learning_is_found_at_the_same_block() -> None:
    errors = np.concatenate([normal_errors(20_000, 1), normal_errors(9000, 2, scale=4.0)])
    records = stream(errors, 2, rows=False, slow=False)
    plain, subject = both(records, [], ordered=False)
    assert same(plain, subject)
    assert "event='pending'" in "".join(subject.said)


def test_a_long_stream_that_forgets_what_it_learned_leaves_the_same_bytes() -> None:
    records = stream(normal_errors(600_000, 8), 1, rows=False, slow=False)
    plain, subject = both(records, list(range(4096, len(records), 4096)))
    assert same(plain, subject)


@pytest.mark.parametrize("seed", range(16))
def test_any_batches_and_restarts_leave_the_same_bytes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    partitions = (1, 2, 40, 256)[seed % 4]
    rows, slow = bool(rng.random() < 0.4), bool(rng.random() < 0.3)
    records = stream(episodes(1500, seed), partitions, seed, rows=rows, slow=slow)
    plain, subject = (Watcher(judge(), at_once=at_once) for at_once in (False, True))
    start = 0
    while start < len(records):
        end = start + int(rng.choice([64, 256, rng.integers(1, 3000)]))
        again = max(0, start - int(rng.choice([0, rng.integers(0, 200)])))
        plain.give(part(records, start, end), [])
        subject.give(part(records, again, end), [])
        if rng.random() < 0.5:
            plain, subject = plain.twin(judge()), subject.twin(judge())
        start = end
    assert same(plain, subject)


@pytest.mark.parametrize("settings", [{"window_seconds": 3.0}, {"window_rows": 300}])
def test_any_window_drops_the_same_panes(settings: dict[str, Any]) -> None:
    records = stream(episodes(6000), 3, rows=False, slow=False)
    plain, subject = both(records, [1000, 5000], **settings)
    assert same(plain, subject)


def test_blocks_of_many_rows_and_strong_bets_leave_the_same_bytes() -> None:
    for rows in (256, 3000):
        records = stream(episodes(30_000), 2, rows=False, slow=False)
        plain, subject = both(records, [20_000], evaluation_rows=rows)
        assert same(plain, subject)
        assert rows > 256 or subject.notes < 0.6 * plain.notes


def test_a_budget_in_time_is_renewed_at_the_same_block() -> None:
    budget = Budget.parse("1 per 30d")
    records = stream(episodes(9000), 2, rows=False, slow=False)
    plain, subject = both(records, [4000], budget=budget)
    assert same(plain, subject)


def test_another_detector_is_asked_block_by_block() -> None:
    records = stream(episodes(6000), 2, rows=False, slow=False)
    plain, subject = both(records, [], detector="binomial")
    assert same(plain, subject)
    assert subject.notes == plain.notes


def test_an_advisory_detector_sees_each_block() -> None:
    records = stream(normal_errors(3000), 1, rows=False, slow=False)
    plain, subject = both(records, [], advisory="adwin")
    assert same(plain, subject)
    assert subject.notes == plain.notes


def test_a_mark_of_good_records_is_made_at_the_block_that_is_due() -> None:
    records = stream(normal_errors(20_000), 1, rows=False, slow=False)
    _, subject = both(records, [])
    marks = [rows for rows, _, _ in subject.history.state()["good"]]
    assert marks == list(range(64, 20_000, 1024))


def test_nothing_is_left_out_where_every_evaluation_is_to_be_noted() -> None:
    records = stream(normal_errors(6400), 1, rows=False, slow=False)
    subject = Watcher(judge(), at_once=False)
    subject.give(records, [])
    assert subject.notes == subject.judge.evaluations == 100
