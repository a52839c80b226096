"""From a digit on Kafka to the phone of whoever is on call, with nothing but the real programs.

The rules, the routes and the dashboards are the deployed ones; examples/stack/shortened.py says
what is changed in them: addresses and times.
"""

from __future__ import annotations

from math import isfinite
from urllib.parse import parse_qs, urlsplit

import pytest

from examples.stack.notifications import Notification
from examples.stack.stack import REPLICAS
from tests.deploy import panels
from tests.readme import ROOT
from tests.stack.watched import Watched

DRIFT, DOWN = "AeadMonitorDriftFiring", "AeadMonitorTargetDown"
NORMAL_RECORDS = 2000
NOT_A_NUMBER = {"Pause of a swap"}
"""A mean over nothing: no model was swapped within the last minute."""
NO_SERIES = {"Channels that have moved"}
"""The demonstration watches the error alone."""
GROUP_SECONDS = 5
"""Longest time until Alertmanager tells what is new in a group: group_interval, shortened."""


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_drift_reaches_people_and_a_lost_replica_holds_it_back(stack: Watched) -> None:
    normal_digits_alarm_nobody(stack)
    drift_is_told_with_labels_and_links(stack)
    every_panel_of_the_dashboards_shows_something(stack)
    a_repaired_camera_resolves_it(stack)
    a_lost_replica_is_told_instead_of_the_drift(stack)
    what_was_held_back_is_told_when_the_replica_is_back(stack)
    assert stack.stack.notifications.refused == []


def normal_digits_alarm_nobody(stack: Watched) -> None:
    stack.wait_for(f'count(aead_monitor_drift_state{{state="ok"}} == 1) == {REPLICAS}')
    stack.wait_for(f"sum(aead_monitor_records_scored_total) > {NORMAL_RECORDS}")
    stack.wait_for(f"job_model:up:sum == {REPLICAS}")
    assert stack.firing() == set()
    assert stack.stack.notifications.received == []
    stack.say(f"{NORMAL_RECORDS:,} normal digits, no alert")


def drift_is_told_with_labels_and_links(stack: Watched) -> None:
    stack.drift("defocus")
    told = stack.wait_told(DRIFT, "firing")
    assert_right(told)
    assert_right(stack.wait_told(DRIFT, "firing", "retraining"))
    assert any(
        replica.address in told.annotations["description"] for replica in stack.stack.replicas
    )


def assert_right(told: Notification) -> None:
    """Labels for routing, and links that lead somewhere."""
    labels = {"alertname": DRIFT, "job": "aead-monitor", "model": "digits", "severity": "critical"}
    assert told.labels == labels
    assert told.annotations["summary"] == "The stream of aead-monitor digits has drifted"
    runbook = urlsplit(told.annotations["runbook_url"])
    assert (ROOT / "docs" / "runbooks" / runbook.path.rpartition("/")[2]).is_file()
    link = urlsplit(told.annotations["dashboard_url"])
    model = panels.dashboard("model")
    assert link.path == f"/d/{model['uid']}"
    assert parse_qs(link.query) == {"var-job": ["aead-monitor"], "var-model": ["digits"]}
    assert {"job", "model"} <= {variable["name"] for variable in model["templating"]["list"]}


def every_panel_of_the_dashboards_shows_something(stack: Watched) -> None:
    made = [panels.dashboard(name) for name in panels.DASHBOARDS]
    asked = [asked for board in made for asked in panels.expressions(board)]
    found = [(title, text, stack.query(text)) for title, text in asked]
    assert {title for title, _, series in found if not series} <= NO_SERIES
    silent = {title for title, _, series in found if not any(isfinite(v) for _, v in series)}
    assert silent <= NOT_A_NUMBER | NO_SERIES
    stack.say(f"{len(asked)} expressions of the dashboards, none without data")
    # Of the marks on the time axis most have nothing to mark at this moment; drift has.
    marks = {mark: stack.query(text) for board in made for mark, text in panels.marks(board)}
    assert 1.0 in {value for _, value in marks["Drift"]}


def a_repaired_camera_resolves_it(stack: Watched) -> None:
    stack.drift("none")
    stack.wait_told(DRIFT, "resolved")
    stack.wait_told(DRIFT, "resolved", "retraining")
    stack.until(lambda: not stack.alerts(DRIFT), "Alertmanager to forget the drift")
    assert stack.told(DOWN, "firing") == []


def a_lost_replica_is_told_instead_of_the_drift(stack: Watched) -> None:
    before = len(stack.told(DRIFT, "firing")), len(stack.told(DRIFT, "firing", "retraining"))
    lost = stack.stack.replicas[1]
    lost.kill()
    told = stack.wait_told(DOWN, "firing")
    assert told.labels["instance"] == lost.address
    assert (told.labels["severity"], told.labels["model"]) == ("critical", "digits")
    stack.drift("defocus")
    stack.until(lambda: bool(stack.alerts(DRIFT)), "the drift to reach Alertmanager")
    (down,), (drift,) = stack.alerts(DOWN), stack.alerts(DRIFT)
    assert drift["status"]["state"] == "suppressed"
    assert drift["status"]["inhibitedBy"] == [down["fingerprint"]]
    # Long enough for Alertmanager to have told what is new in the group.
    stack.wait_for(f'time() - ALERTS_FOR_STATE{{alertname="{DRIFT}"}} > {GROUP_SECONDS + 2}')
    after = len(stack.told(DRIFT, "firing")), len(stack.told(DRIFT, "firing", "retraining"))
    assert after == before
    stack.say(f"the drift is held back by {DOWN}")


def what_was_held_back_is_told_when_the_replica_is_back(stack: Watched) -> None:
    before = len(stack.told(DRIFT, "firing"))
    stack.stack.replicas[1].launch()
    stack.wait_told(DOWN, "resolved")
    stack.wait_told(DRIFT, "firing", after=before)
