"""The status page in a real browser, beside a daemon whose stream drifts and comes back."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from monitor.daemon.loop import Daemon
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.browser.browser import browser, visit
from tests.monitor.builders import normal_errors, records
from tests.monitor.daemon.daemons import assemble

ROWS = 4000


class Stream:
    """A daemon that runs, and the end of its stream."""

    def __init__(self, folder: Path) -> None:
        self._source = MemorySource()
        self._end = 0
        self.daemon: Daemon = assemble(self._source, MemorySink(), folder)
        self.url = f"{self.daemon.parts.web.url}/"

    def goes_on(self, factor: float = 1.0, rows: int = ROWS) -> None:
        """More records, whose errors are so many times the usual."""
        errors = factor * normal_errors(rows, seed=self._end)
        self._source.append(records(errors, self._end))
        self._end += rows


@contextmanager
def streaming(folder: Path) -> Iterator[Stream]:
    made = Stream(folder)
    thread = threading.Thread(target=made.daemon.run)
    thread.start()
    try:
        yield made
    finally:
        made.daemon.stop()
        thread.join(30)


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    with streaming(tmp_path / "state") as made:
        made.goes_on()
        yield made


def test_drift_comes_and_goes_on_an_open_page(opened: Browser, stream: Stream) -> None:
    with visit(opened, stream.url) as seen:
        seen.until("#state", "all well")
        seen.page.evaluate("window.same = true")
        assert seen.page.locator("#over-time table.narrow").count() == 1
        seen.page.wait_for_selector("#chart canvas")
        stream.goes_on(3.0)
        seen.until("#state", "times larger")
        seen.until("#state", "Since ")
        assert seen.page.title().startswith("drift")
        seen.until("#episodes", "lasts")
        for _ in range(8):
            stream.goes_on()
        seen.until("#state", "all well", 60)
        seen.until("#episodes", "resolved")
        assert seen.page.title().startswith("all well")
        assert seen.page.evaluate("window.same"), "the page was loaded again"
        assert seen.page.locator("#over-time table.narrow").count() == 1
        assert seen.page.locator("#chart .u-legend").count() == 1
        seen.page.click("#episodes a")
        assert "resolved" in seen.says("h1")
        assert "kcat -C" in seen.says("main")
        assert seen.complaints == []
        assert seen.hosts() == {stream.url.split("/")[2]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_it_is_accessible_and_fits(opened: Browser, stream: Stream, scheme: str, size: str) -> None:
    stream.goes_on(3.0)
    with visit(opened, stream.url, size, color_scheme=scheme) as seen:
        seen.until("#state", "times larger")
        seen.page.wait_for_selector("#chart canvas")
        seen.unfold()
        assert seen.serious() == []
        assert seen.fits()
        seen.page.click("#episodes a")
        assert seen.serious() == []


def test_the_keyboard_alone_suffices(opened: Browser, stream: Stream) -> None:
    with visit(opened, stream.url) as seen:
        seen.until("#state", "all well")
        focused = "document.activeElement.outerHTML"
        reached = []
        for _ in range(40):
            seen.page.keyboard.press("Tab")
            reached.append(seen.page.evaluate(focused))
            if 'data-span="day"' in reached[-1]:
                break
        assert "Skip to the state" in reached[0]
        assert 'data-span="day"' in reached[-1]
        seen.page.keyboard.press("Enter")
        assert seen.page.get_attribute("[data-span=day]", "aria-pressed") == "true"
        assert seen.page.get_attribute("[data-span=hour]", "aria-pressed") == "false"
        for _ in range(40):
            seen.page.keyboard.press("Tab")
            if (
                seen.page.evaluate("document.activeElement.textContent")
                == "Configuration in effect"
            ):
                break
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.parentElement.open")


def test_what_somebody_uses_is_not_taken_away(opened: Browser, stream: Stream) -> None:
    with visit(opened, stream.url) as seen:
        seen.until("#flow", "4,000")
        seen.page.click("#model summary")
        assert seen.page.evaluate("document.activeElement.parentElement.open")
        stream.goes_on()
        seen.until("#flow", "8,000")
        assert seen.page.evaluate("document.activeElement.parentElement.open")


def test_without_javascript_the_essentials_are_there(opened: Browser, stream: Stream) -> None:
    stream.goes_on(3.0)
    with visit(opened, stream.url) as watching:
        watching.until("#state", "times larger")
    with visit(opened, stream.url, java_script_enabled=False) as seen:
        text = seen.says("#state")
        for words in ("drift", "times larger", "Since ", "What to do", "AeadMonitorDriftFiring"):
            assert words in text
        assert "need JavaScript" in seen.page.locator("noscript").first.inner_text()
        assert re.search(r"rows scored [1-9][0-9,]+ anomalous", seen.says("#flow"))


def test_a_daemon_that_ends_is_told(opened: Browser, tmp_path: Path) -> None:
    with streaming(tmp_path / "state") as stream:
        stream.goes_on()
        with visit(opened, stream.url) as seen:
            seen.until("#state", "all well")
            stream.daemon.stop()
            seen.until(".lost", "does not answer", 40)
