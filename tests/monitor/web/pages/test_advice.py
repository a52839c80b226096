"""What the page says first: short, where to begin, and what it may mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from monitor.web.pages.advice import advice, short
from monitor.web.pages.gallery import at_a_glance, repeats
from tests.monitor.builders import feed, judge, normal_errors
from tests.monitor.web.pages.statuses import CHANNEL, EPISODE, published
from tests.monitor.web.pages.test_pages import Elements, client, first, page

SEGMENT = {
    "name": "s", "rows": 9, "state": "firing", "silent_since": None, "since": None, "ratio": None,
    "last_record": None,
}  # fmt: skip
LONG = (
    "errors are about 2 times larger: `a; the median error b` is higher since 2026-12-01 14:05:00"
    " UTC; `x: `y` is lower; and 3 more; the median error is 2 (1.9 to 2.1) times the reference's"
)
SHORT = "errors are about 2 times larger; the median error is 2 (1.9 to 2.1) times the reference's"


def test_what_is_said_first_leaves_channels_to_their_table() -> None:
    channels = [CHANNEL | {"feature": name} for name in ("a", "a", "b", "c", "d")]
    channels[1] |= {"channel": "a residual", "group": "residual"}
    told = first(
        page(published(drift={"state": "firing", "explanation": LONG, "channels": channels}))
    )
    assert f"E{SHORT[1:]}." in told
    assert "Moved most: a (stuck), b (stuck), c (stuck) and 1 more: how far." in told
    answer = client(published(episodes=[EPISODE | {"explanation": LONG}]))
    assert SHORT in Elements(answer.get("/").text).text
    of_episode = Elements(answer.get("/episodes/75b24e733e9a").text).text
    assert f"lasts E{SHORT[1:]}." in of_episode
    assert f"E{LONG[1:]}." in of_episode


def test_beside_a_hindrance_the_time_is_said_to_be_of_the_drift() -> None:
    drift = {"state": "firing", "explanation": SHORT}
    stuck = {"ready": False, "hindrance": "it waits", "hindrances": {"output": "it waits"}}
    assert "Since 2026-12-01 06:13:48" in first(page(published(drift=drift, episodes=[EPISODE])))
    told = first(page(published(drift=drift, episodes=[EPISODE], **stuck)))
    assert "It has drifted since 2026-12-01 06:13:48" in told


@pytest.mark.parametrize("text", [SHORT, "no drift", "", "the inputs have moved"])
def test_what_names_no_channels_is_said_whole(text: str) -> None:
    assert short(text) == text


def test_what_has_channels_and_no_median_is_cut() -> None:
    assert short("the inputs have moved: `a` is stuck; and 3 more") == "the inputs have moved"


def test_where_errors_are_as_usual_again_that_is_what_to_know_first() -> None:
    back = LONG.replace("errors are", "errors were").replace(" is 2 (1.9", " is now 1 (0.9")
    for explanation, said in ((back, True), (short(back), True), (LONG, False), (SHORT, False)):
        drift = {"state": "firing", "explanation": explanation, "direction": "larger"}
        steps = advice(published(drift=drift)).steps
        assert ("as usual again: if they stay so" in steps[0]) is said
    judged = judge()
    for number, errors in enumerate((1.0, 3.0, 1.0)):
        feed(judged, normal_errors(2560, seed=number) * errors, first=2560 * number)
        steps = advice(published(drift=asdict(judged.verdict))).steps
        assert ("as usual again" in steps[0]) is (number == 2), judged.verdict.explanation
    of_input = {"state": "firing", "explanation": back, "drift_kind": "input"}
    assert "as usual again" not in " ".join(advice(published(drift=of_input)).steps)


def test_smaller_errors_are_explained() -> None:
    smaller = {"state": "firing", "direction": "smaller"}
    assert "blurred, dark, empty or frozen" in first(page(published(drift=smaller)))
    larger = {"state": "firing", "direction": "larger"}
    assert "blurred" not in first(page(published(drift=larger)))


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (
            ("firing", "ok", "ok"),
            "Begin with segment s0: only there, of 3, drift is seen, with errors up to 2.1 times"
            " the usual.",
        ),
        (("firing", "ok", "firing"), "Begin with segments s0, s2: only there, of 3,"),
        (("firing", "firing", "firing"), ""),
        (("ok", "ok", "ok"), ""),
    ],
)
def test_it_says_which_segments_drift_when_the_whole_stream_does(
    states: tuple[str, ...], words: str
) -> None:
    segments = [
        {"name": f"s{n}", "rows": 9, "state": state, "silent_since": None, "since": None,
         "ratio": {"value": 2.13, "low": 2.0, "high": 2.3}, "last_record": None}
        for n, state in enumerate(states)
    ]  # fmt: skip
    told = first(page(published(drift={"state": "firing"}, segments={"segments": segments})))
    assert words in told
    assert bool(words) == ("Begin with" in told)


def since(*errors: float, **changes: Any) -> dict[str, Any]:
    entry = {"kind": "after", "episode": EPISODE["id"], "channel": None, **changes}
    return {"mode": "records", "entries": [{**entry, "error": error} for error in errors]}


@pytest.mark.parametrize(
    ("listed", "same"),
    [
        (since(0.2, 0.2, 0.2, 0.2), True),
        (since(0.2, 0.2, 0.2, 0.3), True),
        (since(0.2, 0.2, 0.2), True),
        (since(0.2, 0.2), False),
        (since(0.2, 0.2, 0.2, 0.3, 0.4), False),
        (since(), False),
        (since(0.2, 0.2, 0.2, kind="before"), False),
        (since(0.2, 0.2, 0.2, episode="another"), False),
        (since(0.2, 0.2, 0.2, channel="contrast"), False),
    ],
)
def test_one_record_again_and_again_is_known(listed: dict[str, Any], same: bool) -> None:
    assert repeats(listed, EPISODE["id"]) == same


def test_it_says_that_one_record_comes_again_and_again() -> None:
    words = "one and the same: has something frozen"
    drift, ended = {"state": "firing"}, EPISODE | {"ended_at": "2026-12-01T06:20:00.000+00:00"}
    for episode, told in ((EPISODE, True), (ended, False)):
        status = published(drift=drift, episodes=[episode])
        assert (words in advice(status | {"evidence": since(0.2, 0.2, 0.2)}).steps[0]) == told


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, True),
        ({"evidence": since(0.2, 0.2, 0.2), "episodes": [EPISODE]}, False),
        ({"segments": {"segments": [SEGMENT, SEGMENT | {"state": "ok"}]}}, False),
    ],
)
def test_drift_of_inputs_can_wait_only_where_nothing_looks_broken(
    changes: dict[str, Any], waits: bool
) -> None:
    steps = advice(published(drift={"state": "firing", "drift_kind": "input"}, **changes)).steps
    assert any("can wait till morning" in step for step in steps) == waits
    assert any("have it mended" in step for step in steps)


def test_an_episode_that_has_turned_began_when_it_began() -> None:
    onset = {"timestamp": "2026-12-01T07:00:00.000+00:00", "rows": 5, "offsets": []}
    turned = {"state": "firing", "onset": onset}
    told = first(page(published(drift=turned, episodes=[EPISODE])))
    assert "Since 2026-12-01 06:13:48 UTC, 900 rows ago; in/0 from offset 605." in told
    of_segment = EPISODE | {"segment": "camera-2", "onset": "2026-12-01T06:00:00.000+00:00"}
    told = first(page(published(drift=turned, episodes=[EPISODE, of_segment])))
    assert "Since 2026-12-01 06:13:48 UTC" in told
    told = first(page(published(drift=turned | {"state": "pending"})))
    assert "Since 2026-12-01 07:00:00 UTC, 5 rows ago." in told


def shown(id: str, kind: str, **changes: Any) -> dict[str, Any]:
    known = {
        "episode": EPISODE["id"], "channel": None, "picture": "x", "segment": None,
        "timestamp": "2026-12-01T06:14:00.000+00:00",
    }  # fmt: skip
    return {"id": id, "kind": kind, **known, **changes}


@pytest.mark.parametrize(
    ("entries", "segments", "ids"),
    [
        ([shown("b", "before"), shown("a", "after")], [], ["b", "a"]),
        ([shown("b", "before")], [], []),
        ([shown("b", "before", picture=None), shown("a", "after")], [], []),
        ([shown("b", "before"), shown("a", "after", episode="old")], [], []),
        ([shown("b", "before"), shown("a", "anomaly")], [], []),
        ([shown("b", "before"), shown("a", "anomaly", segment="1")], ["2"], []),
        ([shown("b", "before"), shown("a", "after", channel="contrast")], [], []),
        (
            [shown("b", "before"), shown("a", "after", segment="1"),
             shown("c", "after", segment="2")],
            ["2"], ["b", "c"],
        ),
        (
            [shown("b", "before"), shown("a", "after", segment="1"),
             shown("odd", "anomaly", segment="2", episode=None)],
            ["2"], ["b", "odd"],
        ),
        (
            [shown("b", "before"), shown("a", "after", segment="1"),
             shown("odd", "anomaly", segment="2", timestamp="2026-12-01T06:13:00.000+00:00")],
            ["2"], ["b", "a"],
        ),
    ],
)  # fmt: skip
def test_two_pictures_are_seen_at_a_glance(
    entries: list[dict[str, Any]], segments: list[str], ids: list[str]
) -> None:
    found = at_a_glance({"mode": "records", "entries": entries}, EPISODE, segments)
    titles = ("Before", "Since") if ids else ()
    assert [(title, entry["id"]) for title, entry in found] == list(zip(titles, ids, strict=True))
