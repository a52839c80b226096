"""How often values repeat themselves is learned from the stream, and again if it was too often."""

import numpy as np
import pytest

from models.channels import Channels
from monitor.drift.channels.repeat_bets import ROWS_TO_CHECK
from monitor.drift.detectors.dependence import ROWS_TO_LEARN
from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import (
    CALIBRATION,
    Values,
    channels_of,
    events,
    feed,
    judge,
    values,
)

STUCK = slice(1000, 2600)
"""Rows in which the third feature is stuck while it is learned how often it repeats itself."""
AGAIN = ROWS_TO_CHECK + ROWS_TO_LEARN + 1024
"""Rows after which it is learned again."""


def slow(seed: int, n: int) -> Values:
    return values(np.random.default_rng(seed), n, lag=0.95)


@pytest.fixture(scope="module")
def channels() -> Channels:
    return channels_of(slow(1, CALIBRATION))


@pytest.fixture(scope="module")
def stuck_twice() -> Values:
    shown = slow(2, AGAIN + 2000)
    shown[STUCK, 2] = 0.1
    shown[AGAIN:, 2] = 0.1
    return shown


def fired(subject: Judge, shown: Values, first: int = 0) -> list[int]:
    """Rows at which drift was confirmed."""
    told = feed(subject, normal_errors(len(shown), 7), shown, first=first)
    return [rows for rows, change in told if change.transition.event == "firing"]


def test_what_was_stuck_while_it_was_learned_is_bet_on_later(channels, stuck_twice):
    subject = judge(channels)
    assert fired(subject, stuck_twice[:AGAIN]) == []
    repeats = subject.detector.channels._repeats
    assert repeats.known
    assert repeats._bets.most[2] < 0.02
    late = fired(subject, stuck_twice[AGAIN:], first=AGAIN)
    assert late
    assert late[0] <= AGAIN + 4 * 64


def test_until_then_it_is_not(channels, stuck_twice):
    subject = judge(channels)
    shown = stuck_twice[:60_000].copy()
    shown[30_000:30_256, 2] = 0.1
    assert fired(subject, shown) == []
    repeats = subject.detector.channels._repeats
    assert not repeats.known
    assert repeats.learning.tolist() == [view == 2 for view in repeats._bets.of.tolist()]
    assert repeats._bets.most[2] == 1


def test_what_goes_on_repeating_itself_is_never_bet_on(channels):
    shown = slow(3, 2 * AGAIN)
    place = np.arange(len(shown))
    shown[:, 2] = shown[place - place // 2 % 5 * 2, 2]  # held for five in each of two partitions
    subject = judge(channels)
    assert fired(subject, shown) == []
    assert subject.detector.channels._repeats.learning.any()


@pytest.mark.parametrize("cut", [2000, 30_000, AGAIN + 64])
def test_a_restored_run_learns_on_alike_to_the_byte(channels, stuck_twice, cut):
    straight, before, after = (judge(channels) for _ in range(3))
    errors = normal_errors(len(stuck_twice), 7)
    whole = feed(straight, errors, stuck_twice)
    early = feed(before, errors[:cut], stuck_twice[:cut])
    after.restore(decode(encode(before.state())))
    late = feed(after, errors[cut:], stuck_twice[cut:], first=cut)
    assert [str(change) for _, change in early + late] == [str(change) for _, change in whole]
    assert encode(after.state()) == encode(straight.state())
    assert "firing" in events(late)


def test_a_snapshot_of_when_all_were_learned_once_is_taken_over(channels):
    shown = slow(4, 8000)
    shown[7000:, 2] = 0.1
    before, after = judge(channels), judge(channels)
    assert fired(before, shown[:6000]) == []
    state = decode(encode(before.state()))
    for name in ("learning", "again"):
        del state["detector"]["channels"]["repeats"][name]
    after.restore(state)
    assert encode(after.state()) == encode(before.state())
    late = fired(after, shown[6000:], first=6000)
    assert late
    assert late[0] <= 7000 + 4 * 64


def test_memory_without_these_bets_leaves_nothing_of_another_stream(channels):
    fresh, used = judge(channels), judge(channels)
    shown, errors = slow(5, 9000), normal_errors(9000, 7)
    feed(used, errors, shown)
    source = judge(channels)
    feed(source, errors[:3000], shown[:3000])
    state = decode(encode(source.state()))
    del state["detector"]["channels"]["repeats"]
    for subject in (fresh, used):
        subject.restore(state)
    assert encode(used.state()) == encode(fresh.state())
    assert not used.detector.channels._repeats.known


def test_rows_without_channels_are_no_rows_that_repeat_nothing(channels):
    # Half the rows of a block come from a model without channels.
    shown, errors = slow(6, 12_000), normal_errors(12_000, 7)
    shown[9000:, 2] = 0.1
    subject = judge(channels)
    told: list = []
    for start in range(0, len(shown), 32):
        rows = slice(start, start + 32)
        without = start // 32 % 2 == 0
        told += feed(subject, errors[rows], None if without else shown[rows], first=start)
    assert "firing" in events(told)
    assert next(r for r, c in told if c.transition.event == "firing") <= 9000 + 6 * 64
