"""Channels of segments: an input that moves in one of them alone is found there, and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judge_state import decode, encode
from monitor.drift.segments.moulds import segments_of
from monitor.drift.segments.segmented import Segments
from tests.monitor.builders import VERSION
from tests.monitor.drift.channels.tables import batch, channels_of, reference, values
from tests.monitor.drift.segments_streams import names, told

ROWS, SEGMENTS = 12_000, 3
SETTINGS = JudgeSettings(guard_seconds=0, cooldown_seconds=0)


def made() -> Segments:
    known = channels_of(values(np.random.default_rng(1), 4000))
    return segments_of(VERSION, reference(), SETTINGS, SEGMENTS, known)


def watch(subject: Segments, shown: np.ndarray, first: int, seed: int) -> list[tuple[str, str]]:
    errors = np.random.default_rng(seed).lognormal(size=len(shown))
    slots = np.arange(len(shown)) % SEGMENTS
    records = replace(batch(errors, shown, first), segments=names(SEGMENTS), segment=slots)
    subject.watch(records, first)
    return told(subject.found(first + len(shown)))


def streams(seed: int, moved: float = 0.0) -> np.ndarray:
    """Each segment has a stream of its own; the first input of the second may have moved."""
    rng = np.random.default_rng(seed)
    shown = np.empty((ROWS, values(rng, 10).shape[1]), dtype=np.float32)
    for segment in range(SEGMENTS):
        shown[segment::SEGMENTS] = values(rng, ROWS // SEGMENTS)
    shown[1::SEGMENTS, 0] += moved
    return shown


def test_an_input_that_moves_in_one_segment_is_found_there_and_a_restart_changes_nothing() -> None:
    subject = made()
    assert watch(subject, streams(2), 0, 3) == []
    memory = encode(subject.state())
    again = made()
    again.restore(decode(memory))
    assert encode(again.state()) == memory
    found = [watch(each, streams(4, 3.0), ROWS, 5) for each in (subject, again)]
    assert found[0] == found[1]
    assert set(found[0]) == {("camera-1", "firing")}
    verdict = subject.judges[1].verdict
    assert verdict.kind == "input"
    assert verdict.channels[0].direction == "higher"


def test_segments_share_the_bets_of_channels_and_nothing_else() -> None:
    subject = made()
    one, other = (subject._new_judge(name).detector for name in ("a", "b"))
    assert one.channels._bets is other.channels._bets
    assert one.channels._capital is not other.channels._capital
    assert one.channels._history is not other.channels._history
    assert not one.channels.ready  # though the calibration is ordered
