"""What is remembered of channels: the same bytes however records come, and after a restart."""

import numpy as np
import pytest

from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import Values, channels_of, events, feed, judge, values

ORDERED = channels_of(values(np.random.default_rng(1), 5000))
UNORDERED = channels_of(values(np.random.default_rng(1), 5000), ordered=False)


def stream() -> tuple[np.ndarray, Values]:
    shown = values(np.random.default_rng(2), 9000)
    shown[3000:5000, 0] = 0.5
    return normal_errors(9000, 3), shown


def reloaded(subject: Judge, channels) -> Judge:
    twin = judge(channels)
    twin.restore(decode(encode(subject.state())))
    return twin


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("cut", [0, 1000, 3111, 3200, 4500, 8999])
def test_a_restored_run_goes_on_alike_to_the_byte(cut, ordered):
    channels = ORDERED if ordered else UNORDERED
    errors, shown = stream()
    straight, before = judge(channels), judge(channels)
    early = feed(before, errors[:cut], shown[:cut])
    after = reloaded(before, channels)
    assert str(after.verdict) == str(before.verdict)
    late = feed(after, errors[cut:], shown[cut:], first=cut)
    whole = feed(straight, errors, shown)
    assert [str(c) for _, c in early + late] == [str(c) for _, c in whole]
    assert encode(after.state()) == encode(straight.state())
    assert not ordered or "firing" in events(whole)


@pytest.mark.parametrize("size", [1, 50, 64, 700, 9000])
def test_how_records_come_in_batches_changes_no_byte(size):
    errors, shown = stream()
    usual, other = judge(ORDERED), judge(ORDERED)
    feed(usual, errors[:4000], shown[:4000])
    feed(other, errors[:4000], shown[:4000], size=size)
    assert encode(other.state()) == encode(usual.state())


def test_without_channels_the_judge_remembers_what_it_always_did():
    errors, shown = stream()
    plain, given = judge(None), judge(None)
    feed(plain, errors, None)
    feed(given, errors, shown)
    assert encode(given.state()) == encode(plain.state())
    assert "channels" not in decode(encode(plain.state()))


def test_the_memory_of_a_judge_without_channels_is_taken_over():
    errors, shown = stream()
    plain, twin = judge(None), judge(ORDERED)
    feed(plain, errors[:1000], None)
    twin.restore(decode(encode(plain.state())))
    assert events(feed(twin, errors[1000:], shown[1000:], first=1000))[0] == "pending"


def test_the_memory_is_bounded():
    subject = judge(ORDERED)
    sizes = []
    for first in (0, 60_000):
        shown = values(np.random.default_rng(first), 60_000)
        feed(subject, normal_errors(60_000, first + 1), shown, first=first)
        sizes.append(len(encode(subject.state())))
    assert sizes[1] < 1.1 * sizes[0] < 1_500_000
