"""The page of a daemon of the stack, in a real browser, while cameras break and are repaired."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser

from examples.stack.stack import SHOWN
from monitor.demo.camera import CAMERAS
from tests.browser.browser import Visit, browser, visit
from tests.stack.watched import SECONDS, Watched, watched

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("stack"), SHOWN) as running:
        yield running


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as found:
        yield found


def test_a_person_sees_what_happens_and_what_to_do(stack: Watched, opened: Browser) -> None:
    replica = stack.stack.replicas[0]
    url = f"{replica.url}/"
    with visit(opened, url) as seen:
        seen.page.evaluate("window.same = true")
        all_is_shown(seen)
        stack.drift("defocus")
        drift_of_all_is_explained(seen, stack)
        accessible_everywhere(opened, url)
        essentials_without_javascript(opened, url)
        stack.drift("none")
        its_end_is_told(seen, stack)
        stack.drift(f"dirt {CAMERAS[1]}")
        drift_of_one_camera_is_told_of_it(seen, stack)
        assert seen.page.evaluate("window.same"), "the page was loaded again"
        the_episode_has_a_page(seen)
        assert seen.complaints == []
        assert seen.hosts() == {replica.address}


def all_is_shown(seen: Visit) -> None:
    seen.until("#state", "all well", SECONDS)
    seen.page.wait_for_selector("#chart canvas")
    seen.until("#moved", "errors of calibration")
    for camera in CAMERAS:
        seen.until("#segments", camera)
    seen.until("#records", "Not anomalous")
    seen.until("#records", "kcat -C")
    seen.until("#flow", "digits/")
    seen.until("#episodes", "none yet")
    seen.until("#model", "What calibration supports")
    assert "header:camera" in seen.page.locator("#model pre").text_content()  # type: ignore[operator]


def drift_of_all_is_explained(seen: Visit, stack: Watched) -> None:
    begun = time.monotonic()
    seen.until("#state", "Since ", SECONDS)
    for words in ("smaller", "Moved most: ", "blurred, dark, empty or frozen", "What to do"):
        seen.until("#state", words, SECONDS)
    seen.page.wait_for_selector("#state .glance img", timeout=1000 * SECONDS)
    seen.until("#moved", "sharpness", SECONDS)
    seen.until("#records", "Before the drift", SECONDS)
    seen.until("#records", "Since the drift", SECONDS)
    seen.page.wait_for_function(
        "[...document.querySelectorAll('#records img')].some(i => i.complete && i.naturalWidth)"
    )
    seen.until("#model", "suggest", SECONDS)
    stack.say(f"defocus: explained after {time.monotonic() - begun:.0f} s")


def accessible_everywhere(opened: Browser, url: str) -> None:
    for size, scheme in product(("wide", "narrow"), ("light", "dark")):
        with visit(opened, url, size, color_scheme=scheme) as seen:
            seen.page.wait_for_selector("#chart canvas")
            seen.unfold()
            assert seen.serious() == []
            assert seen.fits()
            assert seen.complaints == []


def essentials_without_javascript(opened: Browser, url: str) -> None:
    with visit(opened, url, java_script_enabled=False) as seen:
        told = seen.says("#state")
        assert "Since " in told
        assert "What to do" in told
        assert seen.page.locator("#records img").count() > 0


def its_end_is_told(seen: Visit, stack: Watched) -> None:
    begun = time.monotonic()
    seen.until("#episodes", "resolved", SECONDS)
    seen.until("#state", "all well", SECONDS)
    stack.say(f"repaired: told after {time.monotonic() - begun:.0f} s")


def drift_of_one_camera_is_told_of_it(seen: Visit, stack: Watched) -> None:
    begun = time.monotonic()
    seen.until("#state", CAMERAS[1], SECONDS)
    others = [camera for camera in CAMERAS if camera != CAMERAS[1]]
    assert [camera for camera in others if camera in seen.says("#state")] == []
    stack.say(f"one dirty camera: told after {time.monotonic() - begun:.0f} s")


def the_episode_has_a_page(seen: Visit) -> None:
    seen.page.click("#episodes a")
    told = seen.says("main")
    for words in (
        "When and where",
        "Moved, the likeliest cause first",
        "kcat -C",
        "Changes of state",
    ):
        assert words in told
    assert seen.serious() == []
