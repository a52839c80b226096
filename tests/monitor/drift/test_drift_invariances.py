"""What must not change one byte of a judge: how records are batched, ordered or collected."""

import numpy as np
import pytest

from monitor.drift.judge_state import encode
from monitor.stream.columns import Columns
from monitor.stream.records import Partition
from tests.monitor.builders import dealt, events, feed, judge, normal_errors, pipeline, records

STREAM = np.concatenate(
    [normal_errors(5120, 1), normal_errors(3072, 2, scale=1.5), normal_errors(12_800, 3)]
)


def story(changes: list) -> list[tuple[str, int]]:
    """Each event and the record at which it came."""
    return [(c.transition.event, c.timestamp) for c in changes]


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_splitting_the_stream_into_batches_changes_no_byte(size: int) -> None:
    batch = records(STREAM[:7000])
    whole, parts = pipeline(), pipeline()
    expected = whole.step(Columns.of(batch)).changes
    found = [
        c
        for i in range(0, len(batch), size)
        for c in parts.step(Columns.of(batch[i : i + size])).changes
    ]
    assert story(found) == story(list(expected))
    assert [event for event, _ in story(found)] == ["pending", "firing"]
    assert encode(parts.judge.state()) == encode(whole.judge.state())


def test_the_order_within_a_block_changes_no_byte() -> None:
    rng = np.random.default_rng(4)
    shuffled = np.concatenate([rng.permutation(part) for part in STREAM.reshape(-1, 64)])
    first, second = judge(), judge()
    assert story(feed(first, STREAM)) == story(feed(second, shuffled))
    assert encode(first.state()) == encode(second.state())


def test_summaries_of_many_processes_give_the_same_bytes_in_any_order() -> None:
    rng = np.random.default_rng(6)
    first, second = judge(), judge()
    for start in range(0, 12_800, 256):
        summaries = dealt(STREAM[start : start + 256], 64, start, first.unit)
        first.add(*summaries)
        second.add(*(summaries[i] for i in rng.permutation(len(summaries))))
    assert encode(first.state()) == encode(second.state())


def test_a_drift_in_one_of_eight_partitions_is_named() -> None:
    errors = normal_errors(40_960, seed=5)
    errors[20_480 + 3 :: 8] *= 3
    subject = judge()
    changes = []
    for start in range(0, len(errors), 64):
        changes += subject.add(*dealt(errors[start : start + 64], 8, start, subject.unit))
    assert events(changes)[:2] == ["pending", "firing"]
    assert changes[1].verdict.partition == Partition("in", 3)
    assert "in/3" in changes[1].verdict.explanation
