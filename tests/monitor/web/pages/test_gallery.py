"""Records to look at, as the pages show them."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from monitor.web.app import build_app
from monitor.web.pages.gallery import of_episode, of_stream
from tests.monitor.web.pages.statuses import EPISODE, published, replaced
from tests.monitor.web.pages.test_pages import HOSTILE, Elements

PNG = b"\x89PNG\r\n\x1a\n"


def entry(id: str, kind: str = "anomaly", **changes: Any) -> dict[str, Any]:
    return {
        "id": id, "kind": kind, "episode": None, "channel": None, "model_version": "m",
        "topic": "in", "partition": 0, "offset": 7, "row": 0, "key": None, "segment": None,
        "timestamp": "2026-12-01T06:49:26.000+00:00", "error": 0.3, "threshold": 0.1,
        "p_value": 0.002, "features": None, "place": None, "picture": None, "left_out": None,
        **changes,
    }  # fmt: skip


FEATURE = {"name": "flow", "value": 7.5, "expected": 2.1, "share": 0.83}


class Evidence:
    def __init__(self, *entries: dict[str, Any], mode: str = "records") -> None:
        self._listed = {"mode": mode, "entries": list(entries)}

    def listed(self) -> dict[str, Any]:
        return self._listed

    def picture(self, id: str) -> bytes | None:
        return PNG if any(e["id"] == id and e["picture"] for e in self._listed["entries"]) else None


def client(evidence: Evidence | None) -> TestClient:
    status = published(episodes=[EPISODE])
    return TestClient(build_app(CollectorRegistry(), lambda: status, evidence=evidence))


def records_of(page: str) -> str:
    text = " ".join(Elements(page).text.split())
    return text[text.index("Records ") : text.index("Flow rows scored")]


def test_a_record_is_shown_with_what_carries_its_error() -> None:
    told = records_of(client(Evidence(entry("a", features=[FEATURE], key="pump-7"))).get("/").text)
    for words in ("Most anomalous", "3 of the threshold", "p 0.002", "flow7.52.183 %", "pump-7"):
        assert words in told
    assert "kcat -C -b a:9092 -t in -p 0 -o 7 -c 1" in told


def test_pictures_are_found_from_every_page() -> None:
    shown = entry("a", "before", episode=EPISODE["id"], picture="api/evidence/a.png")
    subject = client(Evidence(shown))
    for place, address in (
        ("/", "pictures/a.png"),
        ("/episodes/75b24e733e9a", "../pictures/a.png"),
    ):
        images = [a for tag, a in Elements(subject.get(place).text).tags if tag == "img"]
        assert [a["src"] for a in images] == [address]
        assert all(a["alt"] for a in images)
    assert subject.get("/api/evidence/a.png").content == PNG
    assert subject.get("/pictures/a.png").content == PNG


@pytest.mark.parametrize("evidence", [None, Evidence(entry("a"))])
def test_a_picture_that_gave_way_since_the_page_was_made_is_told(
    evidence: Evidence | None,
) -> None:
    answer = client(evidence).get("/pictures/a.png")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "no longer kept" in answer.text


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (None, "None are kept"),
        (Evidence(mode="records"), "None yet"),
        (Evidence(entry("a"), mode="scores"), "evidence: records shows what they hold"),
        (Evidence(entry("a", left_out="waiting")), "not looked at yet"),
        (Evidence(entry("a", left_out="of another day")), "of another day"),
    ],
)
def test_it_says_why_there_is_less_to_see(evidence: Evidence | None, words: str) -> None:
    assert words in records_of(client(evidence).get("/").text)


def test_the_same_record_again_and_again_is_one_card() -> None:
    groups = of_stream(
        Evidence(entry("a"), entry("b"), entry("c", error=0.2)).listed(), "a:9092", {}
    )
    assert [(card.entry["id"], card.alike) for card in groups[0].cards] == [("a", 1), ("c", 0)]


def test_an_episode_has_its_own_records_in_order() -> None:
    own = EPISODE["id"]
    found = Evidence(
        entry("n", "normal"), entry("o", "after", episode="another"),
        entry("y", "after", episode=own), entry("x", "before", episode=own),
        entry("z", "after", episode=own, channel="input flow"),
    )  # fmt: skip
    groups = of_episode(found.listed(), own, "a:9092")
    assert [(g.channel, g.title, [c.entry["id"] for c in g.cards]) for g in groups] == [
        ("", "Before the drift", ["x"]),
        ("", "Since the drift", ["y"]),
        ("input flow", "Since the drift", ["z"]),
    ]


def test_the_first_page_has_the_newest_drift_alone_and_when_it_began() -> None:
    found = Evidence(
        entry("x", "before", episode="old"), entry("y", "before", episode="new"), entry("z"),
    )  # fmt: skip
    groups = of_stream(found.listed(), "a:9092", {"none kept": "12:00", "new": "11:00", "old": "1"})
    assert [(g.title, [c.entry["id"] for c in g.cards]) for g in groups] == [
        ("Before the drift of 11:00", ["y"]),
        ("Most anomalous, of the last day", ["z"]),
    ]


def test_a_record_is_shown_with_its_segment() -> None:
    told = records_of(client(Evidence(entry("a", segment="camera-2"))).get("/").text)
    assert "2026-12-01 06:49:26, segment camera-2" in told
    assert "segment" not in records_of(client(Evidence(entry("a"))).get("/").text)


def test_records_of_channels_are_folded_on_the_first_page_alone() -> None:
    own = EPISODE["id"]
    found = Evidence(
        entry("z", "after", episode=own, channel="input flow"),
        entry("y", "after", episode=own, channel="contrast"),
    )
    for place, is_open in (("/", False), (f"/episodes/{own}", True)):
        page = client(found).get(place).text
        text = Elements(page).text
        assert text.index("since the drift of input flow") < text.index("drift of contrast")
        start = page.rindex("<details", 0, page.index("since the drift of <code>input flow"))
        assert page[start:].startswith("<details open>") == is_open


def test_a_threshold_of_zero_has_no_ratio() -> None:
    told = records_of(client(Evidence(entry("a", threshold=0.0))).get("/").text)
    assert "error 0.3" in told


def test_contents_are_shown_as_text() -> None:
    hostile = replaced(entry("a", features=[FEATURE], key="k"), HOSTILE) | {
        "id": "a", "kind": "anomaly", "episode": None, "picture": None,
    }  # fmt: skip
    page = client(Evidence(hostile)).get("/").text
    found = Elements(page)
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert not set("\x1b\u202e\x00") & set(page)
    assert "<script>alert(1)</script>" in found.text
