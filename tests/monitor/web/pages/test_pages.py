"""The pages: what they say first, that texts of others stay texts, and that nothing is foreign."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from monitor.web.app import build_app
from monitor.web.pages import routes
from monitor.web.pages.routes import STATIC, Site
from monitor.web.timeline import Timeline
from tests.monitor.web.pages.statuses import CHANNEL, EPISODE, published, replaced

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202eabc\u2066\x00"

REQUEST = ("id", "time", "policy", "episode", "model_version", "reason")


class Elements(HTMLParser):
    """Tags and their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def addresses(self) -> list[str]:
        found = [a.get(name) for _, a in self.tags for name in ("href", "src", "action")]
        return [address for address in found if address is not None]


def client(status: dict[str, Any], **site: Any) -> TestClient:
    app = build_app(CollectorRegistry(), lambda: status, site=Site(Timeline(), **site))
    return TestClient(app, raise_server_exceptions=False)


def page(status: dict[str, Any], **site: Any) -> Elements:
    answer = client(status, **site).get("/")
    assert answer.status_code == 200
    return Elements(answer.text)


def first(elements: Elements) -> str:
    """What a person reads first."""
    text = " ".join(elements.text.split())
    return text[: text.index("Error over time")]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, ["starting", "Wait a few seconds"]),
        (published(), ["all well", "Nothing to do"]),
        (published(drift={"state": "learning"}), ["learning", "Nothing to do"]),
        (published(drift={"state": "pending"}), ["suspicion", "passes by itself"]),
        (
            published(drift={"state": "firing", "explanation": "errors are 2 times larger"}),
            ["drift", "Errors are 2 times larger.", "aead-monitor retrain", "AeadMonitorDriftF"],
        ),
        (
            published(drift={"state": "firing", "drift_kind": "input", "channels": [CHANNEL]}),
            ["inputs have drifted", "it can wait till morning", "AeadMonitorInputDrift"],
        ),
        (
            published(first_rows="'pressure' is 1000 times larger"),
            ["unlike the model", "'pressure' is 1000 times larger.", "units"],
        ),
        (
            published(ready=False, hindrance="fenced out", hindrances={"fenced": "fenced out"}),
            ["not watching", "fenced out", "kafka.instance", "AeadMonitorNotReading"],
        ),
        (
            published(ready=False, hindrance="in/1 waits", hindrances={"starved": "in/1 waits"}),
            ["not watching", "in/1 waits", "an output slow", "AeadMonitorNotReading"],
        ),
        (
            published(ready=False, hindrance="it has hung", hindrances={"hangs": "it has hung"}),
            ["not watching", "it has hung", "the run loop hangs", "AeadMonitorScoringStalled"],
        ),
    ],
)
def test_it_says_first_how_it_stands_and_what_to_do(
    status: dict[str, Any], words: list[str]
) -> None:
    told = first(page(status))
    assert [word for word in words if word not in told] == []


def test_it_says_until_when_it_is_muted_and_why() -> None:
    muted = {"name": "by hand", "reason": "a lamp", "until": "2026-12-01T14:05:00.000+00:00"}
    told = first(page(published(muted=muted, drift={"state": "firing"})))
    assert "Muted until 2026-12-01 14:05:00 UTC: a lamp (by hand)." in told
    assert "uted" not in first(page(published()))
    told = first(page(published(mute_damage="mute.json: it is no JSON")))
    assert "The mute by hand is not in force: mute.json: it is no JSON." in told
    episode = Elements(
        client(published(episodes=[EPISODE | {"muted": "a lamp"}]))
        .get("/episodes/75b24e733e9a")
        .text
    )
    assert "withheld, as it was muteda lamp" in episode.text


def test_channels_that_are_judged_by_the_hour_are_named() -> None:
    names = [f"sensor {i}" for i in range(12)]
    settings = {
        "detection_limits": "none",
        "channels_by_hour": {"kind": "week", "channels": names},
        "channels_left_out": {"count": 7, "first": ["code 2", "lamp"]},
    }
    told = page(published(drift_settings=settings)).text
    assert "by the hour of the week (UTC), since they swing: sensor 0, sensor 1," in told
    assert "sensor 9 and 2 more." in told
    assert "sensor 10" not in told
    assert "Channels that are not watched, since what the hour does" in told
    assert "code 2, lamp; 7 in all." in told
    assert "since they swing" not in page(published()).text


def test_a_column_that_drift_is_judged_by_is_named_as_text() -> None:
    by_column = {"kind": "column", "channels": ["flow"]}
    settings = {"detection_limits": "none", "context": "column", "context_column": "<b>load</b>",
                "channels_by_hour": by_column}  # fmt: skip
    told = page(published(drift_settings=settings)).text
    assert "Drift is judged by the column <b>load</b>: errors in curves" in told
    assert "Channels judged by the column <b>load</b>, since they depend on it: flow." in told
    assert "usual value of it." in told
    assert "hour" not in told[told.index("Drift is judged by") :].split("usual value")[0]


def test_a_daemon_that_is_blind_says_so_before_any_drift() -> None:
    blind = {"ready": False, "hindrance": "no connection", "hindrances": {"connection": "x"}}
    told = first(page(published(drift={"state": "firing"}, **blind)))
    assert "not watching" in told
    assert "retrain" not in told


def test_each_reason_not_to_be_ready_has_its_steps_and_a_runbook() -> None:
    from monitor.metrics import REASONS_NOT_READY

    for reason in REASONS_NOT_READY:
        status = published(ready=False, hindrance="why", hindrances={reason: "why"})
        told = first(page(status))
        assert "AeadMonitor" in told, reason
        assert "Look at the daemon's log" not in told, reason


def test_what_moved_is_named_with_both_values() -> None:
    status = published(drift={"state": "firing", "drift_kind": "input", "channels": [CHANNEL]})
    text = page(status).text
    moved = text[text.index("What moved\n") : text.index("errors of calibration")]
    for word in ("temperature", "stuck", "21.5", "20 ± 0.6", "2.5 (2.1 to 2.9)", "14:05:00"):
        assert word in moved


@pytest.mark.parametrize("address", ["/", "/sections", "/episodes/75b24e733e9a"])
def test_texts_of_others_are_shown_as_text(address: str) -> None:
    status = published(
        drift={"state": "firing", "drift_kind": "input", "channels": [CHANNEL]},
        episodes=[EPISODE | {"muted": "x"}],
        changes=[
            {"time": "t", "event": "e", "explanation": "x", "episode": EPISODE["id"], "muted": "x"}
        ],
        requests=[dict.fromkeys(REQUEST, "x")],
        first_rows="x",
        muted={"name": "x", "reason": "x", "until": "x"},
        mute_damage="x",
        hindrances={"output": "x"},
        hindrance="x",
        drift_settings={
            "channels_by_hour": {"kind": "x", "channels": ["x"]},
            "channels_left_out": {"count": 1, "first": ["x"]},
        },
    )
    hostile = replaced(status, HOSTILE)
    hostile["episodes"][0]["id"] = EPISODE["id"]
    for ready in (True, False):
        answer = client(hostile | {"ready": ready}, configuration=HOSTILE).get(address)
        assert answer.status_code == 200
        found = Elements(answer.text)
        assert not [tag for tag, _ in found.tags if tag == "img"]
        scripts = [a for tag, a in found.tags if tag == "script"]
        assert all(a.get("src", "").endswith(".js") for a in scripts)
        assert not [n for _, a in found.tags for n in a if n.startswith("on") or n == "style"]
        assert "<script>alert(1)</script>" in found.text
        assert "\\x1b[31m\\u202eabc\\u2066\\x00" in found.text
        assert not set("\x1b\u202e\u2066\x00") & set(answer.text)


def test_it_loads_nothing_from_elsewhere_and_holds_no_script() -> None:
    answer = client(published()).get("/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    found = Elements(answer.text)
    assert all(not re.match(r"[a-z]+:|//", address) for address in found.addresses())
    assert not re.search(r"<script[^>]*>(?!</script>)", answer.text)
    assert "<style" not in answer.text


def test_all_it_loads_and_links_is_there_and_relative() -> None:
    subject = client(published(episodes=[EPISODE]))
    pages = {"/": "", "/episodes/75b24e733e9a": "/episodes"}
    for place, folder in pages.items():
        for address in Elements(subject.get(place).text).addresses():
            assert not address.startswith("/")
            if address.startswith("#"):
                continue
            path = f"{folder}/{address}".replace("/episodes/../", "/").replace("/./", "/")
            assert subject.get(path).status_code in (200, 503), address


def test_all_static_files_are_served_with_their_kind() -> None:
    subject = client({})
    kinds = {
        p.name: subject.get(f"/static/{p.name}").headers["content-type"] for p in STATIC.iterdir()
    }
    assert kinds["page.js"].startswith("text/javascript")
    assert kinds["page.css"].startswith("text/css")
    assert kinds["icon.svg"] == "image/svg+xml"
    assert subject.get("/static/../app.py").status_code == 404
    assert subject.get("/static/%2e%2e/app.py").status_code == 404


@pytest.mark.parametrize(
    ("site", "header", "base"),
    [
        ({}, "", None),
        ({}, "/watch", "/watch/"),
        ({}, "/watch/images/", "/watch/images/"),
        ({}, "//evil.example", None),
        ({}, "/a\"><script>", None),
        ({"external_url": "https://tools.example.com/watch"}, "/x", "https://tools.example.com/watch/"),
    ],
)  # fmt: skip
def test_addresses_start_where_proxy_or_configuration_say(
    site: dict[str, str], header: str, base: str | None
) -> None:
    subject = client(published(episodes=[EPISODE]), **site)
    for place in ("/", "/episodes/75b24e733e9a"):
        answer = subject.get(place, headers={"X-Forwarded-Prefix": header} if header else {})
        found = [a.get("href") for tag, a in Elements(answer.text).tags if tag == "base"]
        assert found == ([] if base is None else [base])
        assert ("../static/" in answer.text) == (base is None and place != "/")


def test_runbooks_are_links_where_it_is_known_where_they_are() -> None:
    firing = published(drift={"state": "firing"})
    assert "docs/runbooks/AeadMonitorDriftFiring.md" in page(firing).text
    linked = page(firing, runbooks="https://books.example.com/aead/")
    assert "https://books.example.com/aead/AeadMonitorDriftFiring.md" in linked.addresses()


def test_an_episode_has_a_page_and_an_unknown_one_has_none() -> None:
    subject = client(published(episodes=[EPISODE]))
    told = Elements(subject.get("/episodes/75b24e733e9a").text).text
    assert "kcat -C -b a:9092 -t in -p 0 -o 605 -c 5" in told
    assert "2026-12-01 06:13:48" in told
    assert subject.get("/episodes/nothing").status_code == 404


def test_the_whole_fits_a_thousand_partitions() -> None:
    many = [published()["partitions"][0] | {"partition": n} for n in range(1000)]
    text = page(published(partitions=many)).text
    assert "in/49" in text
    assert "in/50" not in text
    assert "and 950 more" in text


def test_changes_are_told_as_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(routes, "STREAM_SECONDS", 0.2)
    subject = client(published(drift={"state": "firing"}))
    with subject.stream("GET", "/api/changes") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        heard = [next(lines) for _ in range(5)]
    assert heard[0] == "retry: 1000"
    assert 'data: {"state": "firing", "ready": true}' in heard


def test_a_page_that_fails_says_so_in_the_log() -> None:
    with capture_logs() as logs:
        answer = client({"drift": {"state": "ok"}, "ready": True}).get("/")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert [(each["event"], each["path"]) for each in logs] == [("a page failed", "/")]
