"""What is kept: top anomalies, a uniform sample of normal rows, rows before and after a drift."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.evidence.episode import CHANNELS, EpisodeRows
from monitor.evidence.reservoir import Reservoir
from monitor.evidence.ring import (
    DAY_MILLISECONDS,
    EPISODES,
    NORMAL,
    PANE_MILLISECONDS,
    PANES,
    TOP,
    TYPICAL,
)
from monitor.stream.columns import Columns
from tests.monitor.builders import VERSION, events, record, reference
from tests.monitor.evidence.watched import Watched, calm, drifted

LIMIT = reference().threshold


@pytest.fixture
def subject(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_the_highest_errors_of_a_stream_are_kept(subject: Watched) -> None:
    errors = calm(5000)
    places = np.random.default_rng(1).choice(5000, 300, replace=False)
    errors[places] = LIMIT * (1 + np.random.default_rng(2).permutation(300) / 100)
    subject.feed(errors, batch=37)
    expected = np.argsort(-errors, kind="stable")[:TOP].tolist()
    found = subject.entries("anomaly")
    assert [entry["offset"] for entry in found] == expected
    assert [entry["error"] for entry in found] == pytest.approx(errors[expected].tolist())
    assert all(entry["threshold"] == LIMIT and entry["p_value"] < 0.01 for entry in found)


def test_only_anomalies_are_anomalies(subject: Watched) -> None:
    subject.feed([*calm(500), LIMIT * 2])
    assert subject.offsets("anomaly") == [500]


def test_an_anomaly_leaves_after_a_day(subject: Watched) -> None:
    subject.feed([*calm(50), 9 * LIMIT])
    subject.came += DAY_MILLISECONDS
    subject.feed([2 * LIMIT], start=60)
    assert subject.offsets("anomaly") == [50, 60]
    subject.came += 1
    subject.feed(calm(5), start=70)  # nothing that is kept, but time has passed
    assert subject.offsets("anomaly") == [60]
    subject.feed([1.5 * LIMIT] * TOP, start=80)
    assert subject.offsets("anomaly") == [60, *range(80, 80 + TOP - 1)]


def test_lower_anomalies_come_back_into_view_when_old_ones_leave(subject: Watched) -> None:
    subject.feed([9 * LIMIT] * TOP)
    subject.came += DAY_MILLISECONDS + 1
    subject.feed([2 * LIMIT, 1.0], start=100)
    assert subject.offsets("anomaly") == [100]


def test_rows_of_one_record_are_told_apart(subject: Watched) -> None:
    subject.send([record(0, [1.0, 4 * LIMIT, 1.0, 3 * LIMIT]), record(1, [2 * LIMIT, 1.0])])
    found = [(entry["offset"], entry["row"]) for entry in subject.entries("anomaly")]
    assert found == [(0, 1), (0, 3), (1, 0)]


def test_records_that_cannot_be_decoded_move_no_address(subject: Watched) -> None:
    subject.send([record(0, b"no number"), record(1, 5 * LIMIT), record(2, [float("inf"), 1.0])])
    assert subject.offsets("anomaly") == [1]


def test_a_record_that_comes_again_is_kept_once(subject: Watched) -> None:
    subject.feed([2 * LIMIT, 1.0, 3 * LIMIT])
    subject.feed([2 * LIMIT, 1.0, 3 * LIMIT])
    assert subject.offsets("anomaly") == [2, 0]
    assert subject.offsets("normal") == [1]


def test_a_partition_that_was_lost_meanwhile_leaves_nothing(subject: Watched) -> None:
    batch = Columns.of([record(0, 2 * LIMIT), record(0, 3 * LIMIT, 1), record(1, 4 * LIMIT)])
    scored = subject.pipeline.score(batch.came(subject.came))
    kept = scored.without(batch.of_partitions([batch.partitions[0]]))
    assert {pick.position for pick in kept.picks} == {0}
    subject.keeper.take(subject.pipeline.decide(kept))
    assert [(e["partition"], e["offset"]) for e in subject.entries()] == [(1, 0)]


def test_every_normal_row_is_as_likely_to_be_kept(tmp_path: Path) -> None:
    rows, runs = 60, 1500
    seen = np.zeros(rows)
    for seed in range(runs):
        reservoir = Reservoir(6, Random(seed))
        sample: dict[int, float] = {}
        at = 0
        for count in (1, 2, 30, 7, 0, 20):
            sample |= {at + i: tag for i, tag in reservoir.take(count)}
            at += count
        kept = sorted(sample, key=lambda row: sample[row])[:6]
        seen[kept] += 1
    assert seen.sum() == 6 * runs
    assert scipy.stats.chisquare(seen).pvalue > 0.001


def test_normal_rows_of_several_panes_are_a_uniform_sample_of_all(tmp_path: Path) -> None:
    seen = np.zeros(40)
    for seed in range(400):
        subject = Watched(tmp_path / "none", seed=seed)
        subject.feed(calm(20), batch=7)
        subject.came += PANE_MILLISECONDS
        subject.feed(calm(20), start=20, batch=20)
        seen[subject.offsets("normal")] += 1
    assert seen.sum() == 400 * NORMAL
    assert scipy.stats.chisquare(seen).pvalue > 0.001


def test_the_sample_is_of_recent_rows(subject: Watched) -> None:
    for pane in range(PANES + 3):
        subject.feed(calm(200, seed=pane), start=1000 * pane)
        subject.came += PANE_MILLISECONDS
    assert len(subject.offsets("normal")) == NORMAL
    assert min(subject.offsets("normal")) >= 3000


def test_a_slow_stream_keeps_a_whole_pane(subject: Watched) -> None:
    for row in range(2 * NORMAL):
        subject.feed([1.0], start=row)
        subject.came += 3 * PANE_MILLISECONDS
    assert len(subject.offsets("normal")) == NORMAL


def test_rows_before_and_after_lie_on_their_side_of_the_onset(subject: Watched) -> None:
    calm_rows = 20_000
    changes = [c for o in subject.feed(calm(calm_rows)) for c in o.changes]
    for o in subject.feed(drifted(3000), start=calm_rows):
        changes += o.changes
    firing = next(c for c in changes if c.transition.event == "firing")
    assert firing.alert is not None and firing.verdict.onset is not None
    (onset,) = firing.verdict.onset.next_offsets.values()
    before, after = subject.entries("before"), subject.entries("after")
    assert len(before) == len(after) == TYPICAL
    assert all(entry["offset"] < onset for entry in before)
    assert all(entry["offset"] >= max(onset, calm_rows) for entry in after)
    assert {entry["episode"] for entry in before + after} == {firing.alert.episode}
    assert {entry["channel"] for entry in before + after} == {None}
    assert "firing" in events(changes)


def test_rows_of_a_drift_are_typical_of_it(subject: Watched) -> None:
    subject.feed(calm(20_000))
    subject.feed(drifted(3000), start=20_000)
    middle = np.median(drifted(3000))
    assert [e["error"] for e in subject.entries("after")] == pytest.approx([middle] * 4, rel=0.2)
    assert max(e["error"] for e in subject.entries("before")) < 3


def test_a_second_episode_has_no_rows_of_the_first_before_it(subject: Watched) -> None:
    at = 0
    for part in (calm(20_000), drifted(1500), calm(20_000), drifted(1500)):
        subject.feed(part, start=at)
        at += len(part)
    episodes = list(dict.fromkeys(e["episode"] for e in subject.entries() if e["episode"]))
    assert len(episodes) == 2
    newest = [e for e in subject.entries("before") if e["episode"] == episodes[0]]
    assert newest
    assert not [e for e in newest if 20_300 <= e["offset"] < 21_500]


def test_only_the_partition_that_drifts_gives_rows(subject: Watched) -> None:
    for at in range(0, 30_000, 100):
        subject.feed(calm(100, seed=at), start=at)
        subject.feed(calm(100, seed=at + 1), start=at, partition=1)
    outcomes = []
    for at in range(30_000, 36_000, 100):
        outcomes += subject.feed(calm(100, seed=at), start=at)
        outcomes += subject.feed(drifted(100, seed=at), start=at, partition=1)
    firing = [c for o in outcomes for c in o.changes if c.transition.event == "firing"]
    assert firing and firing[0].verdict.partition is not None
    drifting = firing[0].verdict.partition.number
    after = subject.entries("after")
    assert {e["partition"] for e in after} == {drifting}
    assert {e["partition"] for e in subject.entries("before")} <= {drifting}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 40),
            st.floats(0.01, 1e12),
            st.sampled_from([0, 1000, PANE_MILLISECONDS, DAY_MILLISECONDS, -PANE_MILLISECONDS]),
        ),
        max_size=40,
    )
)
def test_numbers_stay_bounded_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, float, int]]
) -> None:
    subject = Watched(tmp_path_factory.getbasetemp() / "none")
    at = 0
    for rows, error, passed in parts:
        subject.feed([error * (1 + i) for i in range(rows)], start=at)
        subject.came += passed
        at += rows
    assert len(subject.entries("anomaly")) <= TOP
    assert len(subject.entries("normal")) <= NORMAL
    assert len(subject.keeper._ring.rows) <= TOP + NORMAL * PANES + 8 * TYPICAL * EPISODES
    assert not subject.keeper.trouble.count


def test_many_episodes_leave_the_newest(subject: Watched) -> None:
    at = 0
    for number in range(EPISODES + 1):
        for part in (calm(20_000, seed=number), drifted(1500, seed=number)):
            subject.feed(part, start=at, batch=500)
            at += len(part)
        subject.came += PANE_MILLISECONDS
    kept = list(dict.fromkeys(e["episode"] for e in subject.entries() if e["episode"]))
    known = [episode.id for episode in subject.pipeline.history.episodes]
    assert len(known) > EPISODES
    assert kept == known[::-1][:EPISODES]


def test_another_model_begins_anew_and_episodes_stay(subject: Watched) -> None:
    subject.feed([*calm(20_000), 9 * LIMIT])
    subject.feed(drifted(2000), start=20_001)
    episode = subject.entries("before") + subject.entries("after")
    assert len(episode) == 2 * TYPICAL
    subject.use("fedcba9876543210")
    subject.feed([*calm(50), 2 * LIMIT], start=30_000)
    assert subject.offsets("anomaly") == [30_050]
    assert min(subject.offsets("normal")) >= 30_000
    assert subject.entries("before") + subject.entries("after") == episode
    assert {e["model_version"] for e in subject.entries("normal")} == {"fedcba9876543210"}


def test_what_an_old_model_still_picks_is_not_kept(subject: Watched) -> None:
    late = subject.pipeline.step(Columns.of([record(0, 9 * LIMIT)]).came(subject.came))
    subject.use("fedcba9876543210")
    subject.feed([2 * LIMIT], start=1)
    subject.keeper._with_ring("", lambda ring: ring.take(late.picks))
    assert subject.offsets("anomaly") == [1]


def test_channels_of_an_episode_are_bounded_and_those_that_come_later_are_added() -> None:
    episode = EpisodeRows("e", VERSION, None, {})
    assert episode.follow(["a", "b"]) == ["", "a", "b"]
    assert episode.follow(["c", "a", "d", "e", "f", "g"]) == ["c", "d", "e"]
    assert episode.follow(["h"]) == []
    assert list(episode.slots) == ["", "a", "b", "c", "d", "e"]
    assert len(episode.slots) == 1 + CHANNELS
