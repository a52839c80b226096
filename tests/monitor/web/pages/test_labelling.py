"""Labels from an episode's page: only by those whom the server knows, only from our own page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from monitor.config.http import HttpConfig
from monitor.state.labels import LONGEST_NOTE, Labels
from monitor.web.app import build_app
from monitor.web.pages.labelling import LARGEST_BYTES, Labelling
from monitor.web.security import OPEN, Security
from tests.monitor.web.pages.statuses import EPISODE, published
from tests.monitor.web.pages.test_pages import Elements

ID = EPISODE["id"]
PAGE = f"/episodes/{ID}"


class Site:
    def __init__(self, state: Path, *, known: bool = True, actions: bool = True) -> None:
        self.labels = Labels(state)
        self.known = known
        status = published(episodes=[EPISODE])
        labelling = Labelling(
            self.labels, lambda: status, lambda: self.known, "https://tools.example.com/w/",
            actions=actions,
        )  # fmt: skip
        app = build_app(CollectorRegistry(), lambda: status, labelling=labelling)
        self.client = TestClient(app, follow_redirects=False)

    def token(self) -> str:
        found = re.search(r'name="token" value="([0-9a-f]{64})"', self.client.get(PAGE).text)
        assert found
        return found[1]

    def send(self, headers: dict[str, str] | None = None, **form: str) -> Any:
        return self.client.post(f"{PAGE}/label", content=urlencode(form), headers=headers)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_label_is_kept_and_shown(site: Site) -> None:
    answer = site.send(answer="true", note="a dirty lens <b>\u202e", token=site.token())
    assert (answer.status_code, answer.headers["location"]) == (303, f"../{ID}")
    assert site.labels.read()[ID].answer == "true"
    page = Elements(site.client.get(PAGE).text)
    assert "Labelled true on" in page.text
    assert "a dirty lens <b>\\u202e" in page.text
    checked = [a.get("value") for tag, a in page.tags if tag == "input" and "checked" in a]
    assert checked == ["true"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_cannot_label(site: Site, headers: dict[str, str]) -> None:
    answer = site.send(headers, answer="false", token=site.token())
    assert answer.status_code == 403
    assert site.labels.read() == {}


@pytest.mark.parametrize("origin", ["http://testserver", "https://tools.example.com"])
def test_our_own_page_may(site: Site, origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert site.send(headers, answer="false", token=site.token()).status_code == 303


@pytest.mark.parametrize("token", ["", "0" * 64, "\u00e4"])
def test_without_the_page_s_token_nobody_can(site: Site, token: str) -> None:
    assert site.send(answer="true", token=token).status_code == 403
    assert site.labels.read() == {}


def test_a_token_is_of_one_episode_and_one_process(site: Site, tmp_path: Path) -> None:
    token = site.token()
    other = site.client.post(
        "/episodes/another/label", content=urlencode({"answer": "true", "token": token})
    )
    assert other.status_code == 403
    assert Site(tmp_path).send(answer="true", token=token).status_code == 403


@pytest.mark.parametrize(("known", "actions"), [(False, True), (True, False)])
def test_there_are_no_buttons_where_nobody_is_known_or_wanted(
    tmp_path: Path, known: bool, actions: bool
) -> None:
    site = Site(tmp_path, known=known, actions=actions)
    page = site.client.get(PAGE).text
    assert "<form" not in page
    assert "episodes label" in page
    for token in ("", "0" * 64):
        assert site.send(answer="true", token=token).status_code == 403
    assert site.labels.read() == {}


def test_who_was_known_when_the_page_was_loaded_may_not_be_now(site: Site) -> None:
    token = site.token()
    site.known = False
    assert site.send(answer="true", token=token).status_code == 403


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"answer": "maybe"}, 400),
        ({}, 400),
        ({"answer": "true", "note": "x" * (LONGEST_NOTE + 1)}, 400),
        ({"answer": "true", "note": "x" * LARGEST_BYTES}, 413),
    ],
)
def test_a_form_that_is_wrong_is_refused(site: Site, form: dict[str, str], status: int) -> None:
    assert site.send(token=site.token(), **form).status_code == status
    assert site.labels.read() == {}


def test_a_body_that_is_no_form_is_refused(site: Site) -> None:
    answer = site.client.post(f"{PAGE}/label", content=b"\xff" * 100)
    assert answer.status_code == 403


def test_a_damaged_file_is_told_and_not_overwritten(site: Site) -> None:
    token = site.token()
    site.labels.path.parent.mkdir(parents=True, exist_ok=True)
    site.labels.path.write_text("{")
    with capture_logs() as logs:
        assert site.client.get(PAGE).status_code == 200
        assert site.send(answer="true", token=token).status_code == 500
    assert {each["event"] for each in logs} == {
        "labels cannot be read",
        "a label cannot be written",
    }
    assert site.labels.path.read_text() == "{"


def test_a_label_is_only_looked_at_by_get(site: Site) -> None:
    assert site.client.get(f"{PAGE}/label").status_code == 405


def test_the_configuration_wants_to_know_who_asks() -> None:
    with pytest.raises(ValueError, match="needs web_config_file"):
        HttpConfig(actions=True)
    assert HttpConfig(actions=True, web_config_file=Path("web.yml")).actions


def test_an_open_server_knows_nobody() -> None:
    assert not OPEN.knows_clients
    assert not Security(headers={"X-Frame-Options": "DENY"}).knows_clients
