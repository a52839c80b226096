"""Values that repeat themselves: what is stuck is found at once, and what holds its values is not
told."""

import numpy as np
import pytest

from models.channels import Channels
from monitor.drift.channels.compared import Compared
from monitor.drift.channels.repeat_bets import ROWS_TO_CHECK, RepeatBets, of_calibration
from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition
from tests.monitor.builders import VERSION, normal_errors
from tests.monitor.drift.channels.tables import (
    CALIBRATION,
    Values,
    channels_of,
    events,
    feed,
    judge,
    values,
)

SLOW = 0.95
AFTER = 6000
"""Rows before a change: the bets are known then, if calibration is ordered."""


def slow(seed: int, n: int) -> Values:
    """Values of sensors that hardly move from one record to the next."""
    return values(np.random.default_rng(seed), n, lag=SLOW)


def quick(seed: int, n: int) -> Values:
    """Values of sensors that move more."""
    return values(np.random.default_rng(seed), n, lag=0.7)


def held(shown: Values, rows: int) -> Values:
    """The first feature is measured anew with one of so many records only, in each partition."""
    place = np.arange(len(shown))
    shown = shown.copy()
    shown[:, 0] = shown[place - (place // 2 % rows) * 2, 0]
    return shown


def held_in_order(shown: Values, rows: int) -> Values:
    """The same in a file of one sensor's records."""
    shown = shown.copy()
    shown[:, 0] = shown[np.arange(len(shown)) // rows * rows, 0]
    return shown


def found(channels: Channels, shown: Values, **changes: object) -> tuple[list, Judge]:
    subject = judge(channels, **changes)
    return feed(subject, normal_errors(len(shown), 7), shown), subject


def add_nothing(channels: Channels, shown: Values) -> bool:
    """Whether bets on repeats change nothing of what is told of a stream."""
    subject = judge(channels)
    subject.detector.channels._repeats.learning[:] = False  # so they are never learned, nor played
    told = feed(subject, normal_errors(len(shown), 7), shown)
    return events(told) == events(found(channels, shown)[0])


def bets_of(channels: Channels) -> RepeatBets:
    return of_calibration(Compared.among(channels), channels)[0]


def fired(told: list) -> tuple[int, object]:
    """After how many rows drift was confirmed, and the alert."""
    return next((rows, c.alert) for rows, c in told if c.transition.event == "firing")


def test_a_slow_sensor_that_is_stuck_is_found_within_two_blocks():
    shown = slow(2, AFTER + 2000)
    shown[AFTER:, 2] = shown[AFTER, 2]
    told, _ = found(channels_of(slow(1, CALIBRATION)), shown)
    rows, alert = fired(told)
    assert rows <= AFTER + 4 * 64
    first = alert.verdict.channels[0]
    assert (first.feature, first.direction, alert.verdict.kind) == ("pressure", "stuck", "input")
    assert first.value == pytest.approx(20 + 2 * shown[AFTER, 2], abs=0.02)
    assert "`pressure` is stuck at" in alert.verdict.explanation


def test_the_ranks_alone_would_not_have_found_it():
    # A millionth of noise: no value repeats itself, and nothing else is another.
    shown = slow(2, AFTER + 2000)
    noise = np.random.default_rng(3).normal(0, 1e-6, len(shown) - AFTER)
    shown[AFTER:, 2] = 0.1 + noise
    told, _ = found(channels_of(slow(1, CALIBRATION)), shown)
    assert "firing" not in events(told)


@pytest.mark.parametrize("rows", [2, 5])
def test_what_holds_its_values_is_stuck_when_it_holds_them_for_ever(rows):
    channels = channels_of(held_in_order(slow(1, CALIBRATION), rows))
    assert add_nothing(channels, held(slow(4, 60_000), rows))
    stuck = held(slow(5, AFTER + 3000), rows)
    stuck[AFTER:, 0] = stuck[AFTER, 0]
    told, _ = found(channels, stuck)
    assert fired(told)[0] <= AFTER + 10 * 64


def test_a_file_that_mixes_sensors_does_not_make_partitions_stuck():
    # In the file no value repeats itself; in each partition all are held for five records.
    shown = held(slow(6, 60_000), 5)
    mixed = slow(1, CALIBRATION)
    assert add_nothing(channels_of(mixed), shown)
    kept = held_in_order(slow(1, CALIBRATION), 5)
    assert bets_of(channels_of(kept)).most[0] > 0.8
    assert bets_of(channels_of(mixed)).most[0] < 0.02


def test_without_an_order_it_is_learned_from_the_stream():
    channels = channels_of(quick(1, CALIBRATION), ordered=False)
    shown = quick(8, 104_000)
    early, late = shown.copy(), shown.copy()
    early[50_000:50_256, 2] = early[50_000, 2]
    assert add_nothing(channels, early)  # nothing is known yet
    late[102_400:, 2] = 0.1
    assert fired(found(channels, late)[0])[0] <= 102_400 + 3 * 64
    late[102_400:, 2] += np.random.default_rng(3).normal(0, 1e-6, 1600)
    assert fired(found(channels, late)[0])[0] > 102_400 + 5 * 64  # by the ranks


def feed_of_eight(subject: Judge, shown: Values) -> list:
    told: list = []
    errors = normal_errors(len(shown), 7)
    for start in range(0, len(shown), 2048):
        place = np.arange(start, min(start + 2048, len(shown)))
        records = JudgedRecords(
            model_version=VERSION,
            partitions=tuple(Partition("in", number) for number in range(8)),
            partition=place % 8, offsets=place // 8, next_offsets=place // 8 + 1,
            timestamps=1_700_000_000_000 + place, rows=np.ones(len(place), dtype=np.int64),
            errors=errors[place], channels=shown[place],
        )  # fmt: skip
        subject.watch(records, lambda cs, _: told.extend((subject.rows, c) for c in cs))
    return told


def test_one_of_eight_partitions_that_is_stuck_is_found():
    shown = slow(9, AFTER + 20_000)
    place = np.arange(len(shown))
    shown[(place >= AFTER) & (place % 8 == 3), 1] = 0.25
    told, _ = found(channels_of(slow(1, CALIBRATION)), shown)
    # The two partitions of the test: every fourth record of one of them is that of a stuck device.
    assert "firing" not in events(told)
    subject = judge(channels_of(slow(1, CALIBRATION)))
    told = feed_of_eight(subject, shown)
    rows, alert = fired(told)
    assert rows <= AFTER + 2000
    first = alert.verdict.channels[0]
    assert (first.feature, first.direction) == ("flow", "narrower")
    assert "`flow` moves less than usual" in alert.verdict.explanation


@pytest.mark.parametrize("levels", [1, 3, 12])
def test_few_values_and_clusters_of_repeats_do_not_fire(levels):
    # Rounded slow sensors stay on a level for a while, some of the time.
    def rounded(seed: int, n: int) -> Values:
        shown = slow(seed, n)
        return (np.round(shown * levels) / levels).astype(np.float32)

    assert add_nothing(channels_of(rounded(1, CALIBRATION)), rounded(10, 60_000))


def test_a_switch_that_shifts_within_the_tolerance_is_no_drift():
    def switch(seed: int, n: int, share: float) -> Values:
        shown = values(np.random.default_rng(seed), n)
        shown[:, 0] = np.random.default_rng(seed + 1).random(n) < share
        return shown

    for share in (0.5, 0.9, 0.99):
        shifted = share + 0.04 * np.sqrt(share * (1 - share))
        assert add_nothing(channels_of(switch(1, 20_000, share)), switch(3, 100_000, shifted))


def test_repeats_now_and_then_are_no_drift():
    # A producer that sends one of a hundred records twice.
    shown = slow(11, 60_000)
    twice = np.flatnonzero(np.random.default_rng(12).random(len(shown) - 2) < 0.01) + 2
    for row in twice.tolist():
        shown[row] = shown[row - 2]
    assert add_nothing(channels_of(slow(1, CALIBRATION)), shown)


@pytest.mark.parametrize("size", [1, 50, 64, 700])
def test_how_records_come_in_batches_changes_no_byte(size):
    channels = channels_of(slow(1, CALIBRATION))
    shown, errors = slow(13, AFTER + 512), normal_errors(AFTER + 512, 3)
    shown[AFTER:, 1] = 0.5
    usual, other = judge(channels), judge(channels)
    told = feed(usual, errors, shown)
    assert [str(c) for _, c in feed(other, errors, shown, size=size)] == [str(c) for _, c in told]
    assert encode(other.state()) == encode(usual.state())
    assert "firing" in events(told)


@pytest.mark.parametrize("cut", [1000, ROWS_TO_CHECK, AFTER + 1, AFTER + 100])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_restored_run_goes_on_alike_to_the_byte(cut, ordered):
    channels = channels_of(slow(1, CALIBRATION), ordered=ordered)
    shown, errors = slow(13, AFTER + 2000), normal_errors(AFTER + 2000, 3)
    shown[AFTER:, 1] = 0.5
    straight, before, after = (judge(channels) for _ in range(3))
    told = feed(straight, errors, shown)
    early = feed(before, errors[:cut], shown[:cut])
    after.restore(decode(encode(before.state())))
    late = feed(after, errors[cut:], shown[cut:], first=cut)
    assert [str(c) for _, c in early + late] == [str(c) for _, c in told]
    assert encode(after.state()) == encode(straight.state())


def test_the_memory_of_before_is_taken_over_and_the_rest_learned():
    channels = channels_of(slow(1, CALIBRATION))
    shown, errors = slow(14, 2 * AFTER), normal_errors(2 * AFTER, 3)
    shown[AFTER + ROWS_TO_CHECK + 200 :, 1] = 0.5
    before, after = judge(channels), judge(channels)
    feed(before, errors[:AFTER], shown[:AFTER])
    state = decode(encode(before.state()))
    without(state)
    after.restore(state)
    told = feed(after, errors[AFTER:], shown[AFTER:], first=AFTER)
    assert fired(told)[0] <= ROWS_TO_CHECK + 200 + 4 * 64


def without(state: dict) -> None:
    """Take out what earlier versions did not keep."""
    del state["last"]
    if state.get("channels"):
        del state["channels"]["repeats"]
    test = state["detector"]["channels"]
    for name in ("repeats", "capital_repeats", "confirming_repeats"):
        del test[name]
    del test["history"]["repeats"]


@pytest.mark.parametrize("rows", [2, 5])
def test_what_was_held_and_is_no_longer_is_found(rows):
    channels = channels_of(held_in_order(slow(1, CALIBRATION), rows))
    shown = held(slow(5, AFTER + 3000), rows)
    noise = np.random.default_rng(9).normal(0, 1e-3, len(shown) - AFTER)
    shown[AFTER:, 0] += noise.astype(np.float32)  # as a repair of what was held
    row, alert = fired(found(channels, shown)[0])
    assert row <= AFTER + 4 * 64
    first = alert.verdict.channels[0]
    assert (first.feature, first.direction) == ("temperature", "wider")
    assert "`temperature` moves more than usual" in alert.verdict.explanation


@pytest.mark.parametrize("rows", [50, 240])
def test_what_stood_still_for_long_in_calibration_is_not_bet_on(rows):
    def resting(seed: int, n: int, every: int) -> Values:
        shown = slow(seed, n)
        for start in range(every, n - rows, every):
            shown[start : start + rows, 2] = shown[start, 2]
        return shown

    channels = channels_of(resting(1, 20_000, 5000))
    assert bets_of(channels).most[2] == 1
    assert (bets_of(channels).most[[0, 1, 3, 4, 5]] < 1).all()
    assert add_nothing(channels, resting(10, 60_000, 5000))


def test_segments_learn_it_from_their_own_records():
    whole = judge(channels_of(slow(1, CALIBRATION))).detector
    state = whole.anew().state()["channels"]["repeats"]
    assert not state["known"]
    assert (state["least"] == 0).all()
    assert (state["most"] == 0).all()
    assert whole.state()["channels"]["repeats"]["most"].min() > 0
