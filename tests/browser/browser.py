"""A real browser, Debian's chromium, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 360, "height": 740}}


@contextmanager
def browser() -> Iterator[Browser]:
    """Until the block ends. Raises AssertionError if there is none."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: make setup-test"
    with sync_playwright() as playwright:
        # Root, as which containers run, has no sandbox; the pages are our own.
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


@dataclass
class Visit:
    """A page that is open. complaints: what the console said. asked: addresses it has loaded."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def says(self, selector: str) -> str:
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def until(self, selector: str, text: str, seconds: float = 30) -> None:
        """Wait until an element says something; without loading the page again."""
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
            arg=[selector, text],
            timeout=1000 * seconds,
        )


@contextmanager
def visit(opened: Browser, url: str, size: str = "wide", **context: Any) -> Iterator[Visit]:
    """A page in a context of its own."""
    made = opened.new_context(viewport=SIZES[size], **context)
    try:
        found = Visit(made.new_page())
        found.page.on("console", lambda message: _note(found, message.type, message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(url)
        yield found
    finally:
        made.close()


def _note(visit: Visit, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visit.complaints.append(text)
