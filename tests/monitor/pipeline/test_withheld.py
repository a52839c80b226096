"""Alerts that are withheld: an episode is told whole or not at all, and each alert once."""

from __future__ import annotations

import json

import pytest

from monitor.drift.episodes import State, Transition
from monitor.drift.judge import Change
from monitor.pipeline.events import alert_json
from monitor.pipeline.withheld import Withheld
from monitor.stream.records import Alert
from tests.monitor.builders import P0, VERSION, judge

OLD, NEW = "0" * 12, "1" * 12
BEFORE = {"firing": State.PENDING, "turned": State.FIRING, "resolved": State.FIRING}
AFTER = {"firing": State.FIRING, "turned": State.FIRING, "resolved": State.OK}


def change(event: str, episode: str = OLD, timestamp: int = 1000) -> Change:
    verdict = judge().verdict
    alert = Alert(event, episode, VERSION, timestamp, verdict, {P0: 5})
    return Change(Transition(BEFORE[event], AFTER[event], event), timestamp, verdict, alert)


def withheld(subject: Withheld, *events: str, mute: str | None = "lamp") -> list[str]:
    """Give it changes; returns the events whose alert was withheld."""
    let, taken = subject.through([change(event) for event in events], mute)
    assert [each.transition.event for each in let] == list(events)
    assert all((each.alert is None) == (mute is not None or bool(taken)) for each in let)
    return [alert.event for alert in taken]


def released(subject: Withheld, lasting: str | None) -> list[str]:
    late = subject.release(lasting)
    assert not subject
    return [alert.event for alert in late]


def test_while_nothing_is_muted_changes_leave_as_they_are() -> None:
    subject, came = Withheld(), [change("firing"), change("resolved")]
    assert subject.through(came, None) == (came, [])
    assert released(subject, OLD) == []


def test_an_episode_that_goes_on_is_told_in_the_end() -> None:
    subject = Withheld()
    assert withheld(subject, "firing", "turned") == ["firing", "turned"]
    assert released(subject, OLD) == ["firing", "turned"]
    assert released(subject, OLD) == []


def test_one_that_began_and_ended_unheard_is_told_to_nobody() -> None:
    subject = Withheld()
    assert withheld(subject, "firing", "turned", "resolved") == ["firing", "turned", "resolved"]
    assert released(subject, None) == []


def test_the_end_of_one_that_was_told_leaves_without_its_turns() -> None:
    subject = Withheld()
    assert withheld(subject, "turned", "resolved") == ["turned", "resolved"]
    assert released(subject, None) == ["resolved"]


def test_of_several_turns_the_last_leaves() -> None:
    subject = Withheld()
    subject.through([change("turned", timestamp=1), change("turned", timestamp=2)], "lamp")
    (late,) = subject.release(OLD)
    assert json.loads(late.message.value or b"")["timestamp"].endswith("00.002+00:00")


def test_one_that_did_not_end_by_itself_is_not_told() -> None:
    subject = Withheld()
    withheld(subject, "firing")
    assert released(subject, NEW) == []
    withheld(subject, "turned")
    assert released(subject, None) == []


def test_the_end_of_an_unheard_episode_never_leaves_though_nothing_is_muted_any_more() -> None:
    subject = Withheld()
    withheld(subject, "firing")
    assert withheld(subject, "resolved", mute=None) == ["resolved"]
    assert released(subject, OLD) == []


def test_the_end_of_one_and_the_beginning_of_the_next_both_leave() -> None:
    subject = Withheld()
    subject.through([change("resolved", OLD), change("firing", NEW)], "lamp")
    late = subject.release(NEW)
    assert [alert.message.key for alert in late] == [
        f"{OLD}/resolved".encode(),
        f"{NEW}/firing".encode(),
    ]


def test_it_stays_small_however_long_the_mute() -> None:
    subject = Withheld()
    for number in range(1000):
        episode = f"{number:012x}"
        came = [change(event, episode) for event in ("firing", "turned", "turned", "resolved")]
        subject.through(came, "lamp")
        assert len(subject) == 0
    subject.through([change("firing")], "lamp")
    for _ in range(1000):
        subject.through([change("turned")], "lamp")
    assert len(subject) == 2


@pytest.mark.parametrize("event", ["firing", "turned", "resolved"])
def test_a_late_alert_says_what_it_would_have_said_and_why_it_is_late(event: str) -> None:
    subject, came = Withheld(), change(event)
    subject.through([came], "lamp")
    restored = Withheld()
    restored.restore(json.loads(json.dumps(subject.state(), sort_keys=True)))
    (late,) = restored.release(OLD)
    assert (late,) == subject.release(OLD)
    assert came.alert is not None
    assert json.loads(late.message.value or b"") == {**alert_json(came.alert), "muted": "lamp"}
    assert late.message.key == f"{OLD}/{event}".encode()
