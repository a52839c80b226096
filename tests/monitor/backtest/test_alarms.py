"""Which alarm belongs to which true change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.backtest.alarms import FOREVER, Alarm, Comparison, compared
from monitor.backtest.true_changes import Moment, Places, TrueChange


def change(begin: int, end: int | None = None) -> TrueChange:
    until = None if end is None else Moment(end, None, str(end))
    return TrueChange(f"at {begin}", Moment(begin, None, str(begin)), until)


def alarm(suspected: int, raised: int, resolved: int = FOREVER, turned: bool = False) -> Alarm:
    return Alarm(f"{raised:012x}", suspected, raised, resolved, turned)


def found(changes: Sequence[TrueChange], *alarms: Alarm, records: int = 10_000) -> Comparison:
    return compared(changes, Places(tuple(changes)), alarms, records)


def of_segment(raised: int, segment: str, *, silent: bool = False) -> Alarm:
    return Alarm(f"{raised:012x}", raised, raised, FOREVER, segment=segment, silent=silent)


def in_segment(begin: int, segment: str) -> TrueChange:
    return replace(change(begin), segment=segment)


def test_an_alarm_of_another_segment_does_not_tell_of_a_change() -> None:
    result = found([in_segment(1000, "a")], of_segment(1200, "b"), of_segment(1300, "a"))
    assert result.told[0].delay == 300
    assert [each.segment for each in result.false] == ["b"]


def test_the_whole_stream_tells_of_a_change_in_a_segment_and_any_segment_of_the_whole() -> None:
    assert found([in_segment(1000, "a")], alarm(1064, 1200)).told[0].delay == 200
    assert found([change(1000)], of_segment(1200, "b", silent=True)).told[0].delay == 200


def test_changes_of_two_segments_at_once_have_their_own_alarms() -> None:
    changes = [in_segment(1000, "a"), in_segment(1000, "b"), in_segment(5000, "a")]
    alarms = [of_segment(1200, "b"), of_segment(1500, "a"), of_segment(5300, "a")]
    result = found(changes, *alarms)
    assert [(each.delay, each.again) for each in result.told] == [(500, 0), (200, 0), (300, 0)]
    assert not result.false


def test_the_delay_counts_records_from_the_first_changed_one() -> None:
    (told,) = found([change(1000)], alarm(1064, 1300)).told
    assert (told.fate, told.delay, told.again) == ("found", 300, 0)


def test_an_alarm_at_the_last_record_before_a_change_is_false() -> None:
    result = found([change(1000)], alarm(900, 1000, 1500), alarm(1800, 1900))
    assert [each.raised for each in result.false] == [1000]
    assert result.told[0].delay == 900


@pytest.mark.parametrize(("suspected", "fate"), [(2000, "found"), (2001, "missed")])
def test_an_alarm_may_be_raised_after_the_end_if_it_was_suspected_before(
    suspected: int, fate: str
) -> None:
    result = found([change(1000, 2000)], alarm(suspected, 2300))
    assert result.told[0].fate == fate
    assert len(result.false) == (fate == "missed")


def test_each_alarm_belongs_to_one_change() -> None:
    result = found([change(1000), change(3000)], alarm(2990, 3200), alarm(4000, 4100))
    assert [(each.delay, each.again) for each in result.told] == [(2200, 0), (1100, 0)]
    assert not result.false


def test_further_alarms_of_a_change_are_not_false() -> None:
    result = found([change(1000)], alarm(1100, 1200, 2000), alarm(3000, 3100))
    assert (result.told[0].delay, result.told[0].again) == (200, 1)
    assert not result.false


def test_a_change_during_an_alarm_is_found_by_its_turn_or_hidden() -> None:
    before = alarm(900, 950)
    hidden = found([change(1000)], before)
    assert hidden.told[0].fate == "in alarm"
    turned = found([change(1000)], before, alarm(1200, 1200, turned=True))
    assert (turned.told[0].fate, turned.told[0].delay) == ("found", 200)
    assert [each.raised for each in turned.false] == [950]


def test_an_alarm_that_was_resolved_hides_nothing() -> None:
    assert found([change(1000)], alarm(400, 500, 1000)).told[0].fate == "missed"


def test_a_change_after_the_last_record_is_not_missed() -> None:
    result = found([change(10_000)], alarm(400, 500))
    assert result.told[0].fate == "not in the data"
    assert result.count("missed") == 0
    assert len(result.false) == 1
