"""What must not change a verdict: units, batches, order, partitions, restarts."""

import numpy as np
import pytest

from models.bucket_counts import BucketCounts
from models.reference import Reference
from monitor.judge import Judge
from monitor.judge_state import decode, encode
from monitor.records import Partition, Summary
from tests.monitor.builders import (
    SETTINGS,
    VERSION,
    events,
    feed,
    judge,
    normal_errors,
    pipeline,
    records,
    reference,
)

STREAM = np.concatenate(
    [normal_errors(5120, 1), normal_errors(3072, 2, scale=1.5), normal_errors(12_800, 3)]
)


def story(changes: list) -> list[tuple[str, int]]:
    """Each event and the record at which it came."""
    return [(c.transition.event, c.timestamp) for c in changes]


def spread(errors: np.ndarray, partitions: int, first: int = 0) -> list[Summary]:
    """Consecutive records dealt out to partitions: one summary for each."""
    found = []
    for number in range(partitions):
        part = errors[number::partitions]
        at = first // partitions
        unit = reference().unit
        found.append(
            Summary(
                VERSION,
                Partition("in", number),
                at,
                at + len(part),
                first,
                first + len(errors) - 1,
                BucketCounts.from_errors(part / unit),
            )
        )
    return found


def feed_partitions(subject: Judge, errors: np.ndarray, partitions: int) -> list:
    changes = []
    for start in range(0, len(errors), 64):
        changes += subject.add(*spread(errors[start : start + 64], partitions, start))
    return changes


def test_multiplying_all_errors_changes_no_alarm() -> None:
    stories = []
    for factor in (1.0, 1000.0):
        reference = Reference.calibrate(factor * normal_errors(5000, seed=99), ordered=True)
        stories.append(story(feed(Judge(VERSION, reference, SETTINGS), factor * STREAM)))
    assert stories[0] == stories[1]
    assert [event for event, _ in stories[0]] == ["pending", "firing", "resolved"]


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_splitting_the_stream_into_batches_changes_no_byte(size: int) -> None:
    batch = records(STREAM[:7000])
    whole, parts = pipeline(), pipeline()
    expected = whole.step(batch).changes
    found = [c for i in range(0, len(batch), size) for c in parts.step(batch[i : i + size]).changes]
    assert story(found) == story(list(expected))
    assert encode(parts.judge.state()) == encode(whole.judge.state())


def test_the_order_within_a_block_changes_no_byte() -> None:
    rng = np.random.default_rng(4)
    shuffled = np.concatenate([rng.permutation(part) for part in STREAM.reshape(-1, 64)])
    first, second = judge(), judge()
    assert story(feed(first, STREAM)) == story(feed(second, shuffled))
    assert encode(first.state()) == encode(second.state())


@pytest.mark.parametrize("partitions", [8, 64])
def test_a_drift_in_all_partitions_is_found_nearly_as_soon_as_in_one(partitions: int) -> None:
    one = dict(story(feed(judge(), STREAM)))
    many = dict(story(feed_partitions(judge(), STREAM, partitions)))
    assert many.keys() >= {"pending", "firing", "resolved"}
    # Half the evidence is of all rows together: what is lost is a factor of 2, a few blocks.
    assert many["firing"] - 5120 <= 1.5 * (one["firing"] - 5120) + 128


def test_a_drift_in_one_of_eight_partitions_is_found_and_named() -> None:
    errors = normal_errors(40_960, seed=5)
    errors[20_480 + 3 :: 8] *= 3
    changes = feed_partitions(judge(), errors, 8)
    assert events(changes)[:2] == ["pending", "firing"]
    verdict = changes[1].verdict
    assert verdict.partition == Partition("in", 3)
    assert "in/3" in verdict.explanation
    # 256 rows of that partition; diluted eight times, the sum alone takes far longer.
    assert changes[1].timestamp - 20_480 <= 2048


def test_summaries_of_many_processes_give_the_same_bytes_in_any_order() -> None:
    rng = np.random.default_rng(6)
    first, second = judge(), judge()
    for start in range(0, 12_800, 256):
        summaries = spread(STREAM[start : start + 256], 64, start)
        first.add(*summaries)
        second.add(*(summaries[i] for i in rng.permutation(len(summaries))))
    assert encode(first.state()) == encode(second.state())


def test_an_idle_partition_raises_no_suspicion() -> None:
    subject = judge()
    errors = normal_errors(200_000, seed=7)
    changes = subject.add(*spread(errors[:64], 2))
    for start in range(64, len(errors), 64):
        (only,) = spread(errors[start : start + 64], 1, start)
        changes += subject.add(only)
    assert "firing" not in events(changes)
    assert len(changes) <= 2


def ordered_or_not(ordered: bool) -> Judge:
    reference = Reference.calibrate(normal_errors(5000, seed=99), ordered=ordered)
    return Judge(VERSION, reference, SETTINGS)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("cut", [640, 5184, 5312, 6400, 14_080])
def test_a_restart_changes_no_byte(cut: int, ordered: bool) -> None:
    straight, before, after = (ordered_or_not(ordered) for _ in range(3))
    feed(straight, STREAM)
    # The cut falls within a block, too: 32 rows are open.
    feed(before, STREAM[: cut + 32], rows=32)
    after.restore(decode(encode(before.state())))
    feed(after, STREAM[cut + 32 :], first=cut + 32, rows=32)
    assert encode(after.state()) == encode(straight.state())
    assert str(after.verdict) == str(straight.verdict)


def test_the_state_of_another_model_and_damaged_bytes_are_refused() -> None:
    state = judge().state()
    with pytest.raises(ValueError, match="state of model"):
        judge().restore({**state, "model_version": "other"})
    for data in (b"", b"nonsense" * 10, encode(state)[:-5], encode(state)[:40]):
        with pytest.raises(ValueError, match=r".+"):
            decode(data)


def test_the_state_is_small() -> None:
    one, many = judge(), judge()
    feed(one, STREAM)
    feed_partitions(many, STREAM, 64)
    sizes = len(encode(one.state())), len(encode(many.state()))
    print(f"bytes of state: {sizes[0]:,} for one partition, {sizes[1]:,} for 64")
    assert sizes[0] < 2**20
    assert sizes[1] < 2**22
