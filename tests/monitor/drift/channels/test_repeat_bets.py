"""The bets on repeats, and what is learned for them."""

import numpy as np
import pytest
from scipy import stats

from monitor.drift.channels.repeat_bets import REPEATED, RepeatBets, longest_run
from monitor.drift.channels.repeats import Repeats


def bets(of: list[int], channels: int, least: float, *most: float) -> RepeatBets:
    count = len(of)
    return RepeatBets(np.array(of), channels, np.full(count, least), np.array(most), np.ones(count))


def test_the_bounds_are_those_of_the_stretches_with_most_and_least():
    rows = np.full(80, 100)
    repeats = np.full((80, 1), 10)
    repeats[:10], repeats[30:40] = 20, 5  # an eighth of the rows, evenly
    subject = bets([1], 2, 1.0, 0.0).after(rows, repeats)
    failure, inflation = 0.01 / 2, subject.inflation[0]
    n, k, fewer = 1000 / inflation, 200 / inflation, 50 / inflation
    assert subject.most[0] == pytest.approx(stats.beta.ppf(1 - failure, k + 1, n - k))
    assert subject.least[0] == pytest.approx(stats.beta.ppf(failure, fewer, n - fewer + 1))
    with pytest.raises(ValueError, match="90 rows do not tell"):
        subject.after(np.array([90]), np.zeros((1, 1), dtype=np.int64))


def test_how_seldom_values_repeat_themselves_is_known_from_calibration_alone():
    rows, repeats = np.full(80, 100), np.full((80, 1), 50)
    assert bets([0], 1, 0.0, 0.0).after(rows, repeats).least[0] == 0
    assert bets([0], 1, 1.0, 0.0).after(rows, repeats).least[0] > 0.4


@pytest.mark.parametrize("p", [0.001, 0.11, 0.5, 0.8, 0.99])
def test_no_bet_wins_on_average_while_repeats_are_within_their_bounds(p):
    subject = bets([0], 1, p, p)
    row, repeat = subject.log_factors
    for bet, each in enumerate(REPEATED):
        for share in (0.0, p / 2, p) if each.upward else (p, (1 + p) / 2, 1.0):
            factors = np.exp(row[0, bet]), np.exp(row[0, bet] + repeat[0, bet])
            assert (1 - share) * factors[0] + share * factors[1] <= 1 + 1e-12
    held = p > 0.1
    assert ((row + repeat)[0] > 0).tolist() == [True, True, False]  # of what is stuck
    assert (row[0] > 0).tolist() == [False, False, held]  # of what is never held


def test_what_nearly_always_repeats_itself_leaves_no_capital():
    row, repeat = bets([0, 1], 3, 0.0, 1.0, 0.5).log_factors
    assert np.isneginf(row[[0, 2]]).all()
    assert (repeat[[0, 2]] == 0).all()
    assert np.isneginf(row[1]).tolist() == [False, False, True]


def test_what_was_learned_last_is_forgotten_when_drift_is_suspected():
    subject = Repeats(bets([0], 1, 0.0, 0.0))
    for _ in range(90):
        subject.add(1024, np.array([0]))
    subject.forget_recent()
    assert len(subject.state()["rows"]) == 90 - 16
    assert not subject.known
    assert subject.addable(np.full(40, 1024)) == 23
    for _ in range(24):
        subject.add(1024, np.array([1]))
    assert subject.known
    assert subject.addable(np.full(40, 1024)) == 40


@pytest.mark.parametrize(
    ("repeated", "longest"), [("", 0), ("0", 0), ("1", 1), ("0110111", 3), ("11110", 4), ("000", 0)]
)
def test_the_longest_run(repeated, longest):
    assert longest_run(np.array([each == "1" for each in repeated], dtype=bool)) == longest


@pytest.mark.parametrize(("shown", "most"), [(0.0, 0.001), (0.2, 0.2)])
def test_what_repeats_itself_more_than_calibration_shows_is_not_bet_on(shown, most):
    for share, played in ((0.5 * most, True), (1.5 * most, False)):
        subject = Repeats(bets([0], 1, 0.0, shown), 4096)
        for _ in range(4):
            subject.add(4096, np.array([round(4096 * share)]))
        assert subject.known == played
        assert np.isfinite(subject.row[0, :2]).tolist() == [played, played]
