"""A judge's state: a saved run goes on alike, and foreign or damaged bytes are refused."""

from dataclasses import replace

import numpy as np
import pytest

from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from tests.monitor.builders import SETTINGS, VERSION, dealt, feed, judge, normal_errors

STREAM = np.concatenate(
    [normal_errors(5120, 1), normal_errors(5120, 2, scale=2.0), normal_errors(12_800, 3)]
)


def timed_judge(ordered: bool = True) -> Judge:
    """A judge that guards a suspicion for a second: a thousand records of `feed`."""
    reference = Reference.calibrate(normal_errors(5000, seed=99), ordered=ordered)
    return Judge(VERSION, reference, replace(SETTINGS, guard_seconds=1))


def reloaded(subject: Judge, ordered: bool = True) -> Judge:
    twin = timed_judge(ordered)
    twin.restore(decode(encode(subject.state())))
    return twin


@pytest.mark.parametrize(
    ("cut", "ordered", "state"),
    [
        (0, True, "ok"),
        (0, False, "learning"),
        (2080, False, "learning"),
        (5120, True, "ok"),
        (5536, True, "pending"),
        (8000, True, "firing"),
        (8000, False, "firing"),
        (23_000, True, "ok"),
    ],
)
def test_a_restored_run_goes_on_alike_to_the_byte_from_any_state(
    cut: int, ordered: bool, state: str
) -> None:
    straight, before = timed_judge(ordered), timed_judge(ordered)
    early = feed(before, STREAM[:cut], rows=32)
    assert before.verdict.state == state
    after = reloaded(before, ordered)
    assert str(after.verdict) == str(before.verdict)
    late = feed(after, STREAM[cut:], first=cut, rows=32)
    assert str(early + late) == str(feed(straight, STREAM, rows=32))
    assert encode(after.state()) == encode(straight.state())


def test_saving_at_every_block_changes_nothing() -> None:
    straight, hopping = timed_judge(), timed_judge()
    feed(straight, STREAM[:8192])
    for first in range(0, 8192, 64):
        feed(hopping, STREAM[first : first + 64], first=first)
        hopping = reloaded(hopping)
    assert encode(hopping.state()) == encode(straight.state())


def test_the_same_state_gives_the_same_bytes() -> None:
    first, second = judge(), judge()
    feed(first, STREAM)
    feed(second, STREAM)
    assert encode(first.state()) == encode(second.state())
    assert encode(decode(encode(first.state()))) == encode(first.state())


def test_offsets_counted_before_the_restart_are_still_refused() -> None:
    subject = timed_judge()
    feed(subject, STREAM[:1000])
    with pytest.raises(ValueError, match="counted before"):
        feed(reloaded(subject), STREAM[:64], first=960)


def test_the_state_of_another_model_is_refused() -> None:
    state = Judge("fedcba9876543210", Reference.calibrate(normal_errors(5000)), SETTINGS).state()
    with pytest.raises(ValueError, match="state of model fedcba9876543210"):
        judge().restore(state)


@pytest.fixture(scope="module")
def saved() -> bytes:
    subject = judge()
    feed(subject, STREAM[:6000])
    return encode(subject.state())


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 1000, -1000, -1])
def test_bytes_that_were_cut_off_are_refused(saved: bytes, kept: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(saved[:kept])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"judge-1", b"judge-9"),
        (b"__metadata__", b"__netadata__"),
        (b"$array", b"$brray"),
        (b'"judge"', b'"fudge"'),
        (b'"I64"', b'"I99"'),
    ],
)
def test_a_damaged_header_is_refused(saved: bytes, old: bytes, new: bytes) -> None:
    damaged = saved.replace(old, new, 1)
    assert damaged != saved
    with pytest.raises(ValueError, match=r".+"):
        judge().restore(decode(damaged))


@pytest.mark.parametrize("data", [b"nonsense" * 20, b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_bytes_of_anything_else_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data)


@pytest.mark.parametrize(("partitions", "limit"), [(1, 2**20), (64, 2**22)])
def test_the_state_stays_small_however_long_the_stream(partitions: int, limit: int) -> None:
    subject = judge(window_rows=5120, window_panes=20)
    errors = normal_errors(250_000, seed=4)
    errors = errors[: len(errors) // 256 * 256].reshape(-1, 256)
    for number, part in enumerate(errors):
        subject.add(*dealt(part, partitions, 256 * number, subject.unit))
    size = len(encode(subject.state()))
    print(f"state of {partitions} partitions: {size:,} bytes")
    assert size < limit
