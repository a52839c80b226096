"""Segments: the drift of a few of many is found and named, whatever the batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.drift.budget import Budget
from monitor.drift.detectors import DETECTORS
from monitor.drift.judge_state import decode, encode
from monitor.drift.segments.names import OTHER, Names
from monitor.drift.segments.packing import packed, unpacked
from monitor.drift.segments.shares import of_segment, of_whole, together
from tests.monitor.drift.segments_streams import (
    SETTINGS,
    judged,
    names,
    segments,
    told,
    watch,
    whole,
)

CALM, DRIFT = 120_000, 60_000


def mixed(
    seed: int, rows: int, count: int, drifting: tuple[int, ...] = (), factor: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Slots and errors of independent records, of which some segments' are larger."""
    rng = np.random.default_rng(seed)
    slots, errors = rng.integers(0, count, rows), rng.lognormal(size=rows)
    errors[np.isin(slots, drifting)] *= factor
    return slots, errors


def streamed(seed: int, drifting: tuple[int, ...]) -> list[tuple[str, str]]:
    subject = segments()
    slots, errors = mixed(seed, CALM, 50)
    calm = watch(subject, judged(slots, errors, 50), 4096)
    assert told(calm) == []
    slots, errors = mixed(seed + 1000, DRIFT, 50, drifting)
    return told(watch(subject, judged(slots, errors, 50, first=CALM), 4096, CALM))


@pytest.mark.parametrize("seed", range(3))
def test_of_fifty_segments_the_two_that_drift_are_named_and_no_other(seed: int) -> None:
    drifting = tuple(np.random.default_rng(seed).choice(50, 2, replace=False).tolist())
    expected = {(f"camera-{number}", "firing") for number in drifting}
    assert set(streamed(seed, drifting)) == expected


def test_an_alert_of_a_segment_names_it_and_where_it_began() -> None:
    subject = segments()
    slots, errors = mixed(1, 20_000, 5)
    watch(subject, judged(slots, errors, 5), 512)
    slots, errors = mixed(2, 20_000, 5, (3,))
    found = watch(subject, judged(slots, errors, 5, first=20_000), 512, 20_000)
    (firing,) = [f.change.alert for f in found if f.change.alert is not None]
    assert firing.verdict.segment == "camera-3"
    assert firing.verdict.explanation.startswith("segment camera-3: errors are about")
    (began,) = firing.verdict.onset.next_offsets.values()
    assert abs(began - 20_000) < 64 * 5 * 2


@pytest.mark.parametrize("batch", [1, 77, 256, 5000])
def test_batches_change_no_byte_of_what_is_remembered_and_found(batch: int) -> None:
    rows = 3_000 if batch == 1 else 30_000
    slots, errors = mixed(3, rows, 7, (2,), factor=1.6)
    slots[rows // 2 :][slots[rows // 2 :] == 5] = 0  # one falls silent
    records = judged(slots, errors, 7)
    one, other = segments(at_most=6), segments(at_most=6)
    found, same = watch(one, records, rows), watch(other, records, batch)
    assert repr(found) == repr(same)  # NaN is not equal to itself
    assert batch == 1 or {"pending", "silent"} <= {f.change.transition.event for f in found}
    assert encode(one.state()) == encode(other.state())


def test_a_restart_goes_on_byte_for_byte() -> None:
    slots, errors = mixed(4, 40_000, 9, (1,))
    first = judged(slots[:21_111], errors[:21_111], 9)
    second = judged(slots[21_111:], errors[21_111:], 9, first=21_111)
    whole_run, restarted = segments(), segments()
    watch(whole_run, first, 1000)
    expected = told(watch(whole_run, second, 1000, 21_111))
    watch(restarted, first, 1000)
    memory = encode(restarted.state())
    again = segments()
    assert again.restore(decode(memory)) == []
    assert encode(again.state()) == memory
    assert told(watch(again, second, 1000, 21_111)) == expected
    assert encode(again.state()) == encode(whole_run.state())


def test_a_record_of_several_rows_is_in_one_segment() -> None:
    subject, rng = segments(), np.random.default_rng(5)
    slots = np.arange(2000) % 4
    one = judged(slots, np.ones(2000), 4)
    rows = rng.integers(1, 5, 2000)
    errors = np.repeat(slots + 1.0, rows)  # so that each row tells its segment
    records = replace(one, rows=rows, errors=errors)
    subject.watch(records, 0)
    subject.rest()
    for slot, judge in subject.judges.items():
        assert judge.rows == int(rows[slots == slot].sum())
        median = judge.verdict.quantiles[0.5].value
        assert median == pytest.approx(slot + 1.0, rel=0.01)


def test_what_waits_is_judged_when_nothing_comes() -> None:
    subject = segments()
    slots, errors = mixed(6, 300, 2)
    assert watch(subject, judged(slots, errors, 2), 300) == []
    assert subject.waiting
    subject.rest()
    assert not subject.waiting
    assert sum(judge.rows for judge in subject.judges.values()) == 300


def test_the_first_segments_keep_their_names_and_the_others_are_one() -> None:
    subject = Names(2)
    slots = subject.slots(("a", "b", "c", OTHER), np.array([1, 0, 2, 1, 3]))
    assert slots.tolist() == [0, 1, 2, 0, 2]
    assert list(subject) == ["b", "a", OTHER]
    again = Names(2)
    again.restore(subject.state())
    assert again.slots(("d", "a"), np.array([0, 1])).tolist() == [2, 1]


def test_the_pooled_segment_is_judged_under_the_name_other() -> None:
    subject = segments(at_most=3)
    slots, errors = mixed(7, 60_000, 6, (4,), factor=4.0)
    found = told(watch(subject, judged(slots, errors, 6), 4096))
    pooled = {name for name, event in found}
    assert pooled <= {OTHER, *names(6)}
    assert len(subject.names) == 4


@pytest.mark.parametrize("text", ["1 per 1000000 records", "1 per 30d"])
def test_the_shares_of_the_budget_add_up_to_it(text: str) -> None:
    budget, at_most = Budget.parse(text), 20
    rates = np.random.default_rng(8).dirichlet(np.ones(at_most + 1)) * 5000.0  # rows a second
    total = rates.sum()
    asked = budget.records_per_false_alarm(total)
    mine = of_segment(budget, at_most)
    of_segments = sum(r / total / mine.records_per_false_alarm(r) for r in rates)
    alarms = 1 / of_whole(budget).records_per_false_alarm(total) + 2 * of_segments
    assert alarms <= 1.0001 / asked


def test_what_is_promised_of_all_together_is_no_more_than_is_kept() -> None:
    assert together(2e6, np.inf) == pytest.approx(1e6)
    assert together(2e12, 2.6e8) == pytest.approx(1.3e8, rel=0.01)


def test_segments_never_inherit_what_the_whole_knows_of_its_dependence() -> None:
    assert whole().verdict.state == "learning"
    subject = segments(settings=replace(SETTINGS, detector="betting"))
    slots, errors = mixed(9, 2000, 2)
    watch(subject, judged(slots, errors, 2), 2000)
    assert all(judge.verdict.state == "learning" for judge in subject.judges.values())


def test_many_arrays_are_packed_and_unpacked() -> None:
    value = {"a": [np.arange(6).reshape(2, 3), {"b": np.array([1.5])}], "c": [1, None, "x", True]}
    back = unpacked(decode(encode(packed(value))))
    assert back["c"] == value["c"]
    np.testing.assert_array_equal(back["a"][0], value["a"][0])
    assert back["a"][1]["b"].dtype == np.float64
    with pytest.raises(TypeError, match="cannot be packed"):
        packed({"a": object()})


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_each_detector_judges_segments(detector: str) -> None:
    subject = segments(settings=replace(SETTINGS, detector=detector))
    slots, errors = mixed(10, 40_000, 3)
    assert told(watch(subject, judged(slots, errors, 3), 4096)) == []
    slots, errors = mixed(11, 40_000, 3, (2,), factor=3.0)
    found = told(watch(subject, judged(slots, errors, 3, first=40_000), 4096, 40_000))
    assert set(found) == {("camera-2", "firing")}
