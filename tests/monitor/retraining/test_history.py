"""Episodes that are remembered, and requests for a new model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.pipeline.outcome import Outcome
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import BEGUN_ANEW, EPISODES_KEPT, History
from monitor.retraining.policy import DAY_SECONDS, Policy
from monitor.retraining.request import RetrainRequest, from_json, request_id, to_json
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record
from tests.monitor.builders import (
    P0,
    P1,
    VERSION,
    ValueScorer,
    decode,
    judge,
    normal_errors,
    record,
    reference,
)

SUGGEST = Policy(mode="suggest", model="digits", min_records=500)


def pipeline(policy: Policy = SUGGEST) -> Pipeline:
    return Pipeline(decode, ValueScorer(reference()), judge(), history=History(policy))


def stream(
    errors: NDArray[np.float64], partitions: int = 1, step_milliseconds: int = 1
) -> list[Record]:
    """Errors dealt out to partitions, one after the other."""
    found = []
    for i, error in enumerate(errors):
        item = record(i // partitions, float(error), i % partitions)
        found.append(replace(item, timestamp=1_700_000_000_000 + i * step_milliseconds))
    return found


def drifting(before: int = 4000, drift: int = 4000, after: int = 0) -> NDArray[np.float64]:
    return np.concatenate(
        [normal_errors(before, 1), normal_errors(drift, 2, scale=2.0), normal_errors(after, 3)]
    )


def run(subject: Pipeline, records: Sequence[Record], size: int = 512) -> list[Outcome]:
    return [subject.step(Columns.of(records[i : i + size])) for i in range(0, len(records), size)]


def requests(outcomes: Sequence[Outcome]) -> list[RetrainRequest]:
    return [request for outcome in outcomes for request in outcome.requests]


def test_an_episode_is_remembered_from_onset_to_end() -> None:
    subject = pipeline()
    run(subject, stream(drifting(after=20_000)))
    (episode,) = subject.history.episodes
    assert (episode.ending, episode.direction, episode.partition) == ("resolved", "larger", "")
    assert episode.onset is not None
    assert abs(episode.onset - 1_700_000_004_000) < 300
    assert 0 < episode.fired_at - episode.onset < 1000
    assert 1.8 < episode.peak_ratio < 2.4
    assert episode.seconds is not None
    assert 4 < episode.seconds < 24
    assert subject.history.open is None


def test_a_request_names_the_drifted_stretch_and_the_good_one_before_it() -> None:
    subject = pipeline()
    (request,) = requests(run(subject, stream(drifting(), partitions=2)))
    assert request.id == request_id("digits", VERSION, 1)
    assert (request.policy, request.statistics.direction) == ("suggest", "larger")
    assert request.statistics.current_median == pytest.approx(2.0, rel=0.15)
    assert request.drifted.rows >= 500
    assert request.good is not None
    for partition in (P0, P1):
        good_first, good_next = request.good.offsets[partition]
        first, after = request.drifted.offsets[partition]
        assert (good_first, good_next) == (pytest.approx(256, abs=256), first)
        assert first == pytest.approx(2000, abs=150)
        assert after - first >= 200
    assert subject.history.episodes[-1].request == request.id
    assert from_json(to_json(request)) == request


def test_what_is_asked_for_a_version_outlives_the_episode_and_a_restart() -> None:
    subject = pipeline()
    assert subject.history.asked(VERSION) is None
    (request,) = requests(run(subject, stream(drifting(after=20_000))))
    assert subject.history.open is None
    restarted = History(SUGGEST)
    restarted.restore(subject.history.state())
    for history in (subject.history, restarted):
        assert history.asked(VERSION) == request.timestamp
        assert history.asked("a newer version") is None


def test_one_request_an_episode() -> None:
    subject = pipeline(replace(SUGGEST, cooldown_seconds=0, per_day=100))
    assert len(requests(run(subject, stream(drifting(drift=30_000))))) == 1


def test_it_waits_for_enough_records_since_the_onset() -> None:
    (early,) = requests(run(pipeline(), stream(drifting())))
    (late,) = requests(run(pipeline(replace(SUGGEST, min_records=3000)), stream(drifting())))
    assert 500 <= early.drifted.rows < 1000
    assert 3000 <= late.drifted.rows < 3200
    never = replace(SUGGEST, min_records=5000)
    assert requests(run(pipeline(never), stream(drifting()))) == []


@pytest.mark.parametrize("policy", [Policy(), replace(SUGGEST, min_evidence=1e6)])
def test_without_leave_or_evidence_nothing_is_asked_for(policy: Policy) -> None:
    subject = pipeline(policy)
    assert requests(run(subject, stream(drifting()))) == []
    assert len(subject.history.episodes) == 1


def twice() -> NDArray[np.float64]:
    """Two episodes of one model."""
    return np.concatenate([drifting(after=20_000), drifting(before=0, after=0, drift=4000)])


def test_a_second_request_for_a_version_waits_for_the_cooldown() -> None:
    assert len(requests(run(pipeline(), stream(twice())))) == 1
    short = replace(SUGGEST, cooldown_seconds=10)
    made = requests(run(pipeline(short), stream(twice())))
    assert [request.number for request in made] == [1, 2]
    assert len({request.id for request in made}) == 2


def test_no_more_are_made_a_day_than_allowed() -> None:
    capped = replace(SUGGEST, cooldown_seconds=0, per_day=1)
    assert len(requests(run(pipeline(capped), stream(twice())))) == 1
    # A record every four seconds: the second episode is a day later.
    slow = stream(twice(), step_milliseconds=4000)
    assert DAY_SECONDS < 4 * 24_000
    assert len(requests(run(pipeline(capped), slow))) == 2


def test_replicas_make_the_same_request_of_different_records() -> None:
    other = drifting()[::-1].copy()
    other = np.concatenate([normal_errors(6000, 7), normal_errors(4000, 8, scale=3.0)])
    (one,) = requests(run(pipeline(), stream(drifting())))
    (two,) = requests(run(pipeline(), stream(other)))
    assert one.id == two.id
    assert one != two


@pytest.mark.parametrize("size", [5, 37, 64, 4096])
def test_batches_change_nothing(size: int) -> None:
    whole, cut = pipeline(), pipeline()
    records = stream(drifting(after=5000), partitions=2)
    first, second = run(whole, records), run(cut, records, size)
    assert requests(first) == requests(second)
    assert whole.memory() == cut.memory()


@pytest.mark.parametrize("place", [1000, 4200, 4400, 5500, 9000])
def test_a_restart_changes_nothing(place: int) -> None:
    records = stream(drifting(after=9000))
    whole, before, after = pipeline(), pipeline(), pipeline()
    expected = requests(run(whole, records))
    made = requests(run(before, records[:place]))
    after.recall(before.memory())
    assert made + requests(run(after, records[place:])) == expected
    assert after.memory() == whole.memory()


def test_beginning_anew_ends_the_episode_and_keeps_it() -> None:
    subject = pipeline(replace(SUGGEST, cooldown_seconds=0))
    run(subject, stream(drifting()))
    assert subject.history.open is not None
    subject.begin_anew()
    assert subject.history.open is None
    (episode,) = subject.history.episodes
    assert episode.ending == BEGUN_ANEW
    assert episode.ended_at is not None
    # A second drift is a second request, with the next number.
    later = [replace(r, offset=r.offset + 8000) for r in stream(drifting())]
    (request,) = requests(run(subject, later))
    assert request.number == 2


def test_a_memory_from_before_the_history_is_understood() -> None:
    from monitor.drift.judge_state import decode as decoded
    from monitor.drift.judge_state import encode
    from monitor.pipeline.step import MEMORY_SCHEMA

    subject = pipeline()
    run(subject, stream(drifting()))
    state = decoded(subject.memory(), MEMORY_SCHEMA)
    del state["chronicle"]
    heir = pipeline()
    heir.recall(encode(state, MEMORY_SCHEMA))
    run(heir, [replace(r, offset=r.offset + 8000) for r in stream(normal_errors(20_000, 5))])
    assert heir.judge.verdict.state == "ok"


def test_few_episodes_are_kept() -> None:
    subject = pipeline()
    run(subject, stream(drifting()))
    (episode,) = subject.history.episodes
    subject.history.episodes = [episode] * EPISODES_KEPT
    subject.history.end("resolved", 0)
    state = subject.history.state()
    heir = History(SUGGEST)
    heir.restore(state)
    assert heir.episodes == subject.history.episodes


def test_a_peak_that_is_not_known_is_kept_as_unknown() -> None:
    subject = pipeline()
    run(subject, stream(drifting()))
    history = subject.history
    history.episodes[-1] = replace(history.episodes[-1], peak_ratio=math.nan)
    heir = History()
    heir.restore(history.state())
    assert math.isnan(heir.episodes[-1].peak_ratio)


def test_a_partition_that_came_after_the_onset_is_not_named() -> None:
    subject = pipeline()
    run(subject, stream(normal_errors(4000, 1)))
    more = [record(4000 + i, float(e)) for i, e in enumerate(normal_errors(300, 2, scale=3.0))]
    made = requests(run(subject, more))
    late = [
        record(i // 2 + (4300 if i % 2 == 0 else 0), float(e), i % 2)
        for i, e in enumerate(normal_errors(2000, 3, scale=3.0))
    ]
    made += requests(run(subject, late))
    assert list(made[0].drifted.offsets) == [Partition("in", 0)]


@pytest.mark.parametrize("scale", [0.3, 2.0, 10.0])
@pytest.mark.parametrize("partitions", [1, 2])
def test_a_stream_that_has_drifted_from_its_first_record_leads_to_a_request(
    scale: float, partitions: int
) -> None:
    records = stream(normal_errors(6000, 5, scale=scale), partitions)
    (request,) = requests(run(pipeline(), records))
    assert request.good is None
    assert {p.number for p in request.drifted.offsets} == set(range(partitions))
    assert all(first < 100 for first, _ in request.drifted.offsets.values())


def test_a_version_that_comes_back_does_not_use_a_number_twice() -> None:
    policy = replace(SUGGEST, cooldown_seconds=0)
    first, second = pipeline(policy), pipeline(policy)
    (one,) = requests(run(first, stream(drifting())))
    state = first.history.state()
    state["numbers"].append(["f" * 16, 1])  # another version asked meanwhile
    second.history.restore(state)
    second.history.end("model replaced", 0)
    (two,) = requests(run(second, stream(drifting())))
    assert (one.number, two.number) == (1, 2)
    assert ["f" * 16, 1] in second.history.state()["numbers"]
