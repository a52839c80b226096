"""Segments in the pipeline: told, remembered, muted, and gone on with by another model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.pipeline.events import alert_json, events_of
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.retraining.policy import Policy
from monitor.stream.columns import Columns
from tests.monitor.builders import candidate, normal_errors
from tests.monitor.segment_streams import camera, keyed, segmented_pipeline, segments

CALM = 10_240


def errors(rows: int, seed: int, drifting: int | None = None, factor: float = 2.0) -> np.ndarray:
    """Of five cameras in turns, of which one may drift."""
    found = normal_errors(rows, seed)
    if drifting is not None:
        found[drifting::5] *= factor
    return found


def run(subject: Pipeline, found: np.ndarray, start: int, batch: int = 512, mute: str | None = None
) -> list[Outcome]:  # fmt: skip
    records = keyed(found, camera, start)
    outcomes = []
    for first in range(0, len(records), batch):
        scored = subject.score(Columns.of(records[first : first + batch]))
        outcomes.append(subject.decide(scored, mute))
    return outcomes


def told(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(a.verdict.segment, a.event) for outcome in outcomes for a in outcome.alerts]


def test_the_drift_of_one_segment_is_told_and_remembered() -> None:
    subject = segmented_pipeline()
    run(subject, errors(CALM, 1), 0)
    outcomes = run(subject, errors(CALM, 2, 3), CALM)
    assert ("camera-3", "firing") in told(outcomes)
    (episode,) = subject.segmented.history.lasting
    assert (episode.segment, episode.direction) == ("camera-3", "larger")
    (alert,) = [a for o in outcomes for a in o.alerts if a.verdict.segment]
    assert alert_json(alert)["segment"] == "camera-3"
    assert episode.id == alert.episode


def test_messages_of_segments_come_with_the_others_and_have_keys_of_their_own() -> None:
    subject = segmented_pipeline()
    run(subject, errors(CALM, 3), 0)
    outcomes = run(subject, errors(CALM, 3, 1, factor=4.0), CALM)
    events = [e for outcome in outcomes for e in events_of(outcome, "v", 1.0) if e.kind == "alert"]
    bodies = [json.loads(e.value) for e in events]
    assert {body.get("segment") for body in bodies} == {None, "camera-1"}
    assert len({event.key for event in events}) == len(events)


@pytest.mark.parametrize("batch", [100, 512, 4096])
def test_batches_and_restarts_change_no_byte_of_the_memory(batch: int) -> None:
    subject, other = segmented_pipeline(), segmented_pipeline()
    stream = np.concatenate([errors(CALM, 4), errors(CALM, 5, 2)])
    run(subject, stream, 0, 2048)
    run(other, stream[:CALM], 0, batch)
    restarted = segmented_pipeline()
    restarted.recall(other.memory())
    run(restarted, stream[CALM:], CALM, batch)
    assert restarted.memory() == subject.memory()


def test_records_that_come_again_are_judged_once() -> None:
    subject, twice = segmented_pipeline(), segmented_pipeline()
    stream = errors(CALM, 6)
    run(subject, stream, 0)
    run(twice, stream, 0)
    run(twice, stream[-3000:], CALM - 3000)
    assert (
        twice.segmented.segments.state()["silence"] == subject.segmented.segments.state()["silence"]
    )
    twice.rest(), subject.rest()
    rows = {slot: judge.rows for slot, judge in twice.segmented.segments.judges.items()}
    assert rows == dict.fromkeys(range(5), CALM // 5)


def test_dead_letters_are_of_no_segment() -> None:
    subject = segmented_pipeline()
    records = keyed(errors(100, 7), camera)
    bad = [r.__class__(r.topic, 0, r.offset, r.timestamp, b"bad", b"x") for r in records[:10]]
    subject.step(Columns.of([*bad, *records[10:]]))
    subject.rest()
    assert "bad" not in list(subject.segmented.segments.names)


def test_a_mute_withholds_alerts_of_segments_and_what_lasts_is_told_late() -> None:
    subject = segmented_pipeline()
    run(subject, errors(CALM, 8), 0)
    muted = run(subject, errors(CALM, 9, 0), CALM, mute="a new lamp")
    assert told(muted) == []
    assert {a.verdict.segment for o in muted for a in o.withheld} >= {"camera-0"}
    (episode,) = subject.segmented.history.lasting
    assert episode.muted == "a new lamp"
    again = segmented_pipeline()
    again.recall(subject.memory())
    late = again.late()
    assert [(each.event, each.segment) for each in late if each.segment] == [("firing", "camera-0")]
    assert json.loads(late[-1].message.value)["muted"] == "a new lamp"
    assert again.late() == ()


def test_another_model_ends_the_drifts_of_segments_and_keeps_their_names() -> None:
    subject = segmented_pipeline()
    run(subject, errors(CALM, 10), 0)
    run(subject, errors(CALM, 11, 4), CALM)
    memory = subject.memory()
    model = candidate("fedcba9876543210")
    own = segments(model=model.reference, version=model.version)
    subject.replace(model.decode, model.scorer, model.judge, segments=own)
    subject.recall(memory)
    ends = [end for end in subject.handovers if end.verdict.segment]
    assert [(e.verdict.segment, e.transition.event) for e in ends] == [("camera-4", "resolved")]
    assert ends[0].verdict.explanation.startswith("model replaced")
    assert subject.segmented.history.lasting == ()
    assert subject.segmented.history.episodes[-1].ending == "model replaced"
    assert len(subject.segmented.segments.names) == 5
    run(subject, errors(CALM, 12), 2 * CALM)


def test_a_request_names_the_segments_that_fire_and_a_segment_alone_asks_for_nothing() -> None:
    history = History(Policy(mode="suggest", min_records=100))
    subject = segmented_pipeline(history=history)
    run(subject, errors(CALM, 13), 0)
    alone = run(subject, errors(CALM, 14, 1, factor=1.6), CALM)
    assert told(alone) == [("camera-1", "firing")]
    assert [r for o in alone for r in o.requests] == []
    outcomes = run(subject, 3 * errors(CALM, 15), 2 * CALM)
    requests = [r for o in outcomes for r in o.requests]
    assert requests
    assert requests[0].segments == ("camera-1",)


def test_beginning_anew_forgets_segments_and_ends_what_lasts_untold() -> None:
    subject = segmented_pipeline()
    run(subject, errors(CALM, 16), 0)
    run(subject, errors(CALM, 17, 2), CALM)
    assert subject.segmented.history.lasting
    subject.begin_anew()
    assert subject.segmented.history.lasting == ()
    assert len(subject.segmented.segments.names) == 0


def test_records_that_are_taken_away_take_their_segments_with_them() -> None:
    subject = segmented_pipeline()
    records = keyed(errors(100, 18), camera)
    scored = subject.score(Columns.of(records))
    unwanted = np.arange(100) % 3 == 0
    left = scored.without(unwanted)
    expected = [r.key.decode() for r, gone in zip(records, unwanted, strict=True) if not gone]
    assert [left.segments[number] for number in left.segment] == expected
    judged = left.judged()
    assert [judged.segments[number] for number in judged.segment] == expected
