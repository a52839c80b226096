"""Channels that swing over the day, judged by the hour: a swing is no drift, a change is."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.channels import Channels
from monitor.drift.judge import Judge
from monitor.drift.judge_state import decode, encode
from monitor.drift.segments.moulds import segments_of
from monitor.pipeline.scored import Scored
from monitor.stream.columns import Columns
from monitor.stream.records import Record, Scores
from tests.models.swinging import DAY, MONDAY, times
from tests.monitor.builders import VERSION, normal_errors
from tests.monitor.drift.channels.tables import (
    CALIBRATION,
    SETTINGS,
    D,
    batch,
    channels_of,
    events,
    feed,
    judge,
    reference,
)
from tests.monitor.drift.segments_streams import names, told

Values = NDArray[np.float32]
A_DAY = 40_000
BEGIN = MONDAY + 30 * DAY


def values(moments: NDArray[np.int64], seed: int) -> Values:
    """Inputs and residuals, (n, 2 D): the level of the first two inputs swings."""
    made = np.random.default_rng(seed).standard_normal((moments.size, 2 * D))
    made[:, :2] += 1.5 * np.sin(2 * np.pi * moments / DAY)[:, None]
    return made.astype(np.float32)


@lru_cache
def plain() -> tuple[Channels, NDArray[np.int64]]:
    drawn = np.random.default_rng(5).permutation(times(CALIBRATION, 14))
    return channels_of(values(drawn, 0)), drawn


@lru_cache
def known() -> Channels:
    channels, moments = plain()
    rows = np.arange(moments.size)
    fitted, kept = sampled(moments, True, (channels.values, rows), (channels.values, rows))
    found = fit_channels(fitted, kept, [view.name for view in channels.each])
    assert found.context is not None
    assert found.context.kept.tolist() == [0, 1]
    assert found.watchable.all()
    return replace(channels, values=found.values, context=found.context)


def stream(count: int, first: int = 0) -> tuple[Values, NDArray[np.int64]]:
    moments = BEGIN + (first + np.arange(count)) * DAY // A_DAY
    return values(moments, 1000 + first), moments


def shown(made: Values, moments: NDArray[np.int64]) -> Values:
    context = known().context
    assert context is not None
    return context.adjusted(made, moments)


def errors(count: int, seed: int = 1) -> NDArray[np.float64]:
    return normal_errors(count, seed)


def test_a_swing_fires_as_it_is_and_not_by_the_hour() -> None:
    made, moments = stream(A_DAY)
    assert "firing" in events(feed(judge(plain()[0]), errors(A_DAY), made))
    assert events(feed(judge(known()), errors(A_DAY), shown(made, moments))) == []


def changed(change: Any, first: int = A_DAY // 2, count: int = 8000) -> Any:
    """The verdict with which a change is told."""
    subject = judge(known())
    made, moments = stream(first)
    assert events(feed(subject, errors(first), shown(made, moments))) == []
    made, moments = stream(count, first)
    change(made)
    found = feed(subject, errors(count, 2), shown(made, moments), first)
    assert events(found)[:2] == ["pending", "firing"]
    return found[1][1].verdict


def test_an_offset_on_top_of_the_swing_is_named() -> None:
    def higher(made: Values) -> None:
        made[:, 0] += 0.6

    drift = changed(higher).channels[0]
    assert (drift.feature, drift.direction) == ("temperature", "higher")
    assert drift.effect.value == pytest.approx(0.6, abs=0.2)


@pytest.mark.parametrize("at", [0.0, 0.7])
def test_what_is_stuck_is_told_with_the_value_that_came(at: float) -> None:
    def stuck(made: Values) -> None:
        made[:, 0] = at

    verdict = changed(stuck)
    drift = verdict.channels[0]
    assert (drift.feature, drift.direction) == ("temperature", "stuck")
    assert drift.value == pytest.approx(20 + 2 * at, abs=0.02)
    assert "`temperature` is stuck at" in verdict.explanation


def test_what_does_not_swing_is_told_from_its_own_values() -> None:
    """A channel without a context beside those with one."""

    def stuck(made: Values) -> None:
        made[:, 3] = 0.0

    drift = changed(stuck).channels[0]
    assert (drift.feature, drift.direction) == ("level", "stuck")


def test_it_goes_on_to_the_byte_after_a_restart() -> None:
    whole, parts = judge(known()), judge(known())
    made, moments = stream(8000)
    feed(whole, errors(8000), shown(made, moments))
    for first in range(0, 8000, 1000):
        part = slice(first, first + 1000)
        feed(parts, errors(8000)[part], shown(made[part], moments[part]), first)
        again = judge(known())
        again.restore(decode(encode(parts.state())))
        parts = again
    assert encode(parts.state()) == encode(whole.state())


def test_records_without_a_time_are_judged_as_they_are() -> None:
    made, moments = stream(3)
    context = known().context
    assert context is not None
    records = [Record("in", 0, i, int(at), b"k", b"1.0") for i, at in enumerate(moments)]
    untold = [replace(records[0], timestamp=-1), *records[1:]]
    scores = Scores(
        np.ones(3), np.ones_like, np.zeros(3, dtype=np.bool_), "0" * 16, made,
        lambda e, v, m: (e, None if v is None else context.adjusted(v, m)),
    )  # fmt: skip
    scored = Scored(Columns.of(untold), np.ones(3, dtype=np.int64), scores, {})
    times = scored.context_times()
    assert times is not None
    assert times.unknown == 1
    found = scored.judged(times).channels
    assert found is not None
    assert np.array_equal(found[0, : 2 * D], made[0])
    assert np.array_equal(found[1:], shown(made[1:], moments[1:]))


def test_some_of_the_channels_keep_their_hours() -> None:
    part = known().matching(["flow", "level"])
    assert part.context is not None
    assert [part.each[i].feature for i in part.context.kept] == ["flow"]
    assert known().matching(["level"]).context is None
    made, moments = stream(4000)
    subject: Judge = judge(part)
    chosen = np.array([i for i, v in enumerate(known().each) if v in part.each])
    feed(subject, errors(4000), part.context.adjusted(made[:, chosen], moments))
    assert subject.rows == 4000


def test_segments_judge_their_channels_by_the_hour_too() -> None:
    made, moments = stream(12_000)
    made[1::3, 3] += 3.0  # the level in the second one, which does not swing
    every = np.arange(12_000) % 3
    batches = [slice(first, first + 2000) for first in range(0, 12_000, 2000)]
    twins = [segments_of(VERSION, reference(), SETTINGS, 3, known()) for _ in range(2)]
    found: list[list[tuple[str, str]]] = [[], []]
    for part in batches:
        records = replace(
            batch(errors(2000, part.start), shown(made[part], moments[part]), part.start),
            segments=names(3), segment=every[part],
        )  # fmt: skip
        for subject, events_of in zip(twins, found, strict=True):
            subject.watch(records, part.start)
            events_of += told(subject.found(part.stop))
        again = segments_of(VERSION, reference(), SETTINGS, 3, known())
        again.restore(decode(encode(twins[1].state())))
        twins[1] = again
    assert found[0] == found[1]
    assert set(found[0]) == {("camera-1", "firing")}
    (drift, *_) = twins[0].judges[1].verdict.channels
    assert drift.feature == "level"
