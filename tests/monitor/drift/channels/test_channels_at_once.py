"""Channels of many blocks at once leave the bytes and words that they leave block by block."""

from itertools import pairwise

import numpy as np
import pytest

from monitor.drift.channels import history
from monitor.drift.channels.compared import Compared
from monitor.drift.channels.digits import FARTHEST, STEPS, Digitiser, Digits
from monitor.drift.channels.last_values import LastValues
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_state import encode
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import Values, batch, channels_of, judge, values

GRAIN = 2.0**-20


def not_compared(channels: int) -> Compared:
    none = np.zeros((0, 0), dtype=np.float32)
    return Compared(channels, np.zeros(0, dtype=np.int64), none)


def mixed(seed: int, n: int) -> Values:
    """Channels of few values, a constant and heavy tails among others."""
    shown = values(np.random.default_rng(seed), n)
    shown[:, 1] = np.round(shown[:, 1])
    shown[:, 3] = shown[:, 3] > 1.5
    shown[:, 4] = 2.0
    shown[:, 5] = np.tan(shown[:, 5])
    return shown


KNOWN = {ordered: channels_of(mixed(1, 5000), ordered=ordered) for ordered in (True, False)}


def watched(subject: Judge, errors, shown: Values, size: int, until: int, gone=()) -> list[str]:
    """What is said of a stream. until: rows before which evaluations may be left out.

    gone: the batches, by number, that come without channels.
    """
    said: list[str] = []

    def note(changes: list[Change], newest: int) -> None:
        said.extend(map(str, changes))
        subject.notes = getattr(subject, "notes", 0) + 1

    for number, start in enumerate(range(0, len(errors), size)):
        part = slice(start, start + size)
        some = None if number in gone else shown[part]
        subject.watch(batch(errors[part], some, start), note, lambda: until)
    return said


def drifting(n: int) -> tuple[np.ndarray, Values]:
    """Of n normal rows, a channel that is stuck, normal rows, and larger errors."""
    errors, shown = normal_errors(n + 6000, 3), mixed(2, n + 6000)
    shown[n : n + 2000, 0] = 0.5
    errors[n + 4000 : n + 5000] *= 1.8
    return errors, shown


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("rows", [64, 100, 600])
@pytest.mark.parametrize("size", [100, 256, 5000])
def test_many_blocks_at_once_leave_the_bytes_of_one_by_one(ordered, rows, size):
    errors, shown = drifting(30_000)
    some, other = (judge(KNOWN[ordered], evaluation_rows=rows) for _ in range(2))
    plain = watched(some, errors, shown, size, until=0)
    subject = watched(other, errors, shown, size, until=10**9)
    assert subject == plain
    assert str(other.verdict) == str(some.verdict)
    assert encode(other.state()) == encode(some.state())
    assert not ordered or "kind='input'" in "".join(subject)
    if rows < 600 and size > 2 * rows:  # the first 64 blocks are always looked at one by one
        assert other.notes < some.notes


def test_learning_at_once_ends_at_the_same_block():
    errors, shown = normal_errors(120_000, 5), mixed(6, 120_000)
    some, other = judge(KNOWN[False]), judge(KNOWN[False])
    assert watched(some, errors, shown, 4096, until=0) == watched(
        other, errors, shown, 4096, until=10**9
    )
    assert other.verdict.state == "ok"
    assert encode(other.state()) == encode(some.state())


def test_batches_without_channels_among_others_leave_the_same_bytes():
    errors, shown = drifting(12_000)
    some, other = judge(KNOWN[True]), judge(KNOWN[True])
    plain = watched(some, errors, shown, 333, until=0, gone=range(2, 60, 3))
    assert watched(other, errors, shown, 333, until=10**9, gone=range(2, 60, 3)) == plain
    assert encode(other.state()) == encode(some.state())


def plainly(edges, log_factors, shown, mean, spread):
    """Counts, sums and gains of the rows of a block, value by value."""
    bins = np.stack(
        [np.searchsorted(e, v, side="left") for e, v in zip(edges, shown.T, strict=True)]
    )
    counts = np.stack([np.bincount(each, minlength=edges.shape[1] + 1) for each in bins])
    distances = (shown - mean.astype(np.float32)) * (STEPS / spread).astype(np.float32)
    whole = np.rint(np.clip(distances, -FARTHEST, FARTHEST)).astype(np.int64)
    sums = np.stack([whole.sum(axis=0), (whole**2).sum(axis=0)], axis=1)
    gains = np.einsum("ck,ckb->cb", counts.astype(np.float64), log_factors)
    return counts, sums, gains, np.zeros(len(edges), dtype=np.int64)


@pytest.mark.parametrize("sizes", [[64] * 4, [1, 3, 64, 7], [252, 253, 1000], [2, 4, 504, 505]])
@pytest.mark.parametrize("channels", [1, 7, 40])
def test_a_tally_is_what_counting_value_by_value_finds(sizes, channels):
    rng = np.random.default_rng(channels)
    edges = np.sort(rng.standard_normal((channels, 9)).astype(np.float32), axis=1)
    edges[0, 3] = edges[0, 4]  # a bin that nothing can be in
    shared = rng.integers(-(2**20), 2**20, (10, 5)) * GRAIN
    bounds = rng.integers(0, 2**10, (channels, 5)) * GRAIN
    log_factors = shared - bounds[:, None]
    alike = np.arange(channels) % 3 != 1
    log_factors[~alike] = rng.integers(-(2**20), 2**20, (np.sum(~alike), 10, 5)) * GRAIN
    mean, spread = rng.standard_normal(channels), rng.uniform(0.1, 3, channels)
    digitiser = Digitiser(
        edges, mean, spread, log_factors, shared, bounds, alike, not_compared(channels)
    )
    cuts = [0, *np.cumsum(sizes).tolist()]
    shown = rng.standard_normal((cuts[-1], channels)).astype(np.float32)
    shown[::5] = edges[:, rng.integers(0, 9)]  # on an edge
    shown[0, 0] = 1e9
    one = np.zeros(len(shown), dtype=np.int64)
    digits = Digits(digitiser, shown, cuts, one, LastValues())
    for number, (start, end) in enumerate(pairwise(cuts)):
        expected = plainly(edges, log_factors, shown[start:end], mean, spread)
        for found, wanted in zip(digits.tally(number), expected, strict=True):
            assert np.array_equal(found, wanted)
    both = Digits(digitiser, shown, cuts, one, LastValues()).tallies(1, 3), digits.tallies(1, 3)
    assert all(map(np.array_equal, *both))


def test_more_rows_than_a_bin_can_count_stay_the_most():
    subject = history.ChannelHistory(1, 2, 1)
    positions = [history.Position(rows, 0, {}) for rows in range(history.ENTRIES + 1)]
    tallies = Digits(
        Digitiser(np.zeros((1, 1), np.float32), np.zeros(1), np.ones(1), np.zeros((1, 2, 1)),
                  np.zeros((2, 1)), np.zeros((1, 1)), np.ones(1, dtype=np.bool_), not_compared(1)),
        np.ones((1, 1), np.float32), [0, 1], np.zeros(1, dtype=np.int64), LastValues(),
    )  # fmt: skip
    full = tallies.tally(0)._replace(counts=np.array([[5, history.MOST]]))
    for position in positions:
        subject.add(full, position)
    counts = subject.state()["counts"]
    assert counts[0].tolist() == [[10, history.MOST]]
    assert counts[-1].tolist() == [[5, history.MOST]]
    assert len(counts) == history.ENTRIES * 3 // 4 + 1
