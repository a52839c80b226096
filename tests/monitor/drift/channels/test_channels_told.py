"""What is told of input drift: alert, episode, metrics, request."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from models.views import View
from monitor.drift.channels.findings import joined, ranked, words
from monitor.drift.detectors.evidence import finding_state, restored_finding
from monitor.drift.judge import Change
from monitor.metrics import PREFIX, Metrics
from monitor.pipeline.events import alert_event
from monitor.retraining.history import History
from monitor.retraining.past_episode import episode_json, episode_state, episodes_of
from monitor.stream.records import ChannelDrift, Estimate
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import batch, channels_of, judge, values

ALERT = Path(__file__).parents[4] / "docs" / "schemas" / "alert.json"


@pytest.fixture(scope="module")
def told():
    """A judge whose `temperature` is stuck, its history, and the changes of state."""
    subject = judge(channels_of(values(np.random.default_rng(1), 5000)))
    shown = values(np.random.default_rng(2), 2048)
    shown[:, 0] = 0.75
    history, changes = History(), list[Change]()

    def note(came, newest):
        history.note(subject, came, newest)
        changes.extend(came)

    subject.watch(batch(normal_errors(2048, 3), shown), note)
    return subject, history, changes


def test_the_alert_has_the_kind_and_the_channels_as_its_schema_says(told):
    _, _, changes = told
    alert = next(change.alert for change in changes if change.alert)
    body = json.loads(alert_event(alert).value)
    jsonschema.validate(body, json.loads(ALERT.read_text()))
    first = body["verdict"]["channels"][0]
    assert body["verdict"]["drift_kind"] == "input"
    assert (first["feature"], first["direction"]) == ("temperature", "stuck")
    assert first["value"] == pytest.approx(21.5, abs=0.02)
    assert (first["usual"], first["usual_spread"]) == pytest.approx((20.0, 2.0), abs=0.1)


def test_without_channels_an_alert_says_nothing_of_them():
    changes: list[Change] = []
    judge(None).watch(
        batch(normal_errors(4096, 3, scale=3.0), None), lambda came, _: changes.extend(came)
    )
    body = json.loads(alert_event(next(c.alert for c in changes if c.alert)).value)
    jsonschema.validate(body, json.loads(ALERT.read_text()))
    assert not {"drift_kind", "channels"} & body["verdict"].keys()


def test_the_episode_remembers_them(told):
    _, history, _ = told
    (episode,) = history.episodes
    assert (episode.kind, episode.channels[0]) == ("input", "temperature")
    assert episode_json(episode)["drift_kind"] == "input"
    state = json.loads(json.dumps({"episodes": [episode_state(episode)]}))
    assert episodes_of(state) == [episode]


def test_the_episode_keeps_the_values_of_the_first_in_bins_and_after_a_restart(told):
    subject, history, _ = told
    (episode,) = history.episodes
    first = episode.moved[0]
    assert first.feature == "temperature"
    assert len(first.shares.usual) == len(first.shares.now) == len(first.shares.edges) + 1
    assert sum(first.shares.usual) == pytest.approx(1)
    stuck = int(np.argmax(first.shares.now))
    assert first.shares.now[stuck] == pytest.approx(1)
    assert first.shares.edges[stuck - 1] < 21.5 <= first.shares.edges[stuck]
    finding = finding_state(subject.detector.finding())
    assert restored_finding(json.loads(json.dumps(finding))) == subject.detector.finding()


def test_an_episode_of_an_earlier_version_has_no_bins(told):
    _, history, _ = told
    state = episode_state(history.episodes[0])
    for each in state["moved"]:
        del each["shares"]
    (known,) = episodes_of({"episodes": [state]})
    assert known.moved[0].shares is None
    assert "bins" not in episode_json(known)["moved"][0]
    del state["moved"]
    assert episodes_of({"episodes": [state]})[0].moved == ()


def test_gauges_name_the_channels_that_have_moved_and_forget_them_after(told):
    subject, _, _ = told
    metrics = Metrics(CollectorRegistry(), (0.5,))

    def value(name, **labels):
        return metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)

    metrics.show(subject.verdict)
    assert value("drift_kind", kind="input") == 1
    assert value("drift_kind", kind="error") == 0
    assert value("channel_evidence", channel="temperature") > 3
    metrics.show(judge(None).verdict)
    assert value("drift_kind", kind="input") == 0
    assert value("channel_evidence", channel="temperature") is None


def test_a_finding_with_channels_survives_json(told):
    subject, _, _ = told
    finding = subject._finding
    assert finding.channels
    assert restored_finding(json.loads(json.dumps(finding_state(finding)))) == finding


def drift(name, feature="", group="input", direction="lower", effect=-0.8, **more):
    numbers = {"spread": 1.0, "value": 3.2, "usual": 4.0, "usual_spread": 1.0, "evidence": 6.0}
    interval = Estimate(effect, effect - 0.2, effect + 0.2)
    return ChannelDrift(
        name, group, feature or name, direction, interval, **{**numbers, **more}, since=0
    )


def test_a_sentence_names_three_features_at_most_and_each_once():
    found = [
        drift("flow"),
        drift("flow residual", "flow", "residual"),
        drift("speed", direction="wider"),
        drift("level residual", "level", "residual", effect=0.5, direction="higher"),
        drift("power", direction="stuck", value=1234.5678),
    ]
    began = "since 1970-01-01 00:00:00 UTC"
    assert words(found) == (
        f"`flow` is 0.8 (0.6 to 1) standard deviations lower {began};"
        f" `speed` moves more than usual {began};"
        f" `level` is 0.5 (0.3 to 0.7) standard deviations higher than the model expects {began};"
        " and 1 more"
    )
    assert words(found[4:]) == f"`power` is stuck at 1234.6 {began}"
    zero = drift("power", direction="stuck", value=-1e-9)
    assert words([zero]) == f"`power` is stuck at 0 {began}"


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"),
            st.sampled_from(["input", "residual"]),
            st.floats(3, 60),
        )
    )
)
def test_channels_are_ranked_by_feature_and_inputs_lead(drawn):
    found = sorted(drawn, key=lambda each: -each[2])
    order = ranked([(View(f"{f} {group}", group, f), won) for f, group, won in found])
    assert sorted(order) == list(range(len(found)))
    features = [found[i][0] for i in order]
    runs = [each for each, before in zip(features, [None, *features], strict=False)
            if each != before]  # fmt: skip
    assert len(runs) == len(set(runs))  # each feature once, its channels together
    moved = {feature for feature, group, won in found if group == "input" and won >= 6}
    for kind in (True, False):  # within each kind by evidence
        mine = [f for f in runs if (f in moved) is kind]
        assert mine == [f for f in dict.fromkeys(f for f, *_ in found) if (f in moved) is kind]
    if moved:
        assert runs[0] in moved
        assert all(f in moved for f in runs[: min(2, len(moved))])
    assert sum(f not in moved for f in runs[:5]) >= min(2, len(runs) - len(moved), 5)


def test_of_a_picture_the_place_leads_and_the_code_follows():
    found = [
        (View("code 3", "code"), 40.0),
        (View("brightness at row 2, column 2", "cell"), 30.0),
        (View("sharpness", "picture"), 4.0),
        (View("code distance", "distance"), 3.5),
    ]
    assert ranked(found) == [1, 0, 2, 3]  # a sharpness of little evidence is no cause


def test_the_episode_takes_in_what_is_found_later(told):
    subject, history, changes = told
    (episode,) = history.episodes
    assert episode.channels == tuple(each.channel for each in subject.verdict.channels)
    fired = next(change for change in changes if change.transition.event == "firing")
    assert len(fired.verdict.channels) <= len(episode.channels)


def test_what_is_found_later_joins_what_was_told():
    told = [drift("flow", evidence=9.0), drift("speed", evidence=4.0)]
    again = [drift("level", evidence=12.0), drift("flow", evidence=6.0, value=3.0)]
    known = joined(told, again, most=10)
    assert [(each.channel, each.evidence) for each in known] == [
        ("level", 12.0), ("flow", 9.0), ("speed", 4.0)
    ]  # fmt: skip
    assert known[1].value == 3.0  # as it is now
    assert joined(told, [], most=10) == tuple(told)
    assert len(joined(told, again, most=2)) == 2
