"""A real browser, Debian's chromium, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
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

    def serious(self) -> list[tuple[str, list[str]]]:
        """What axe-core finds serious or critical: the rule, and elements that break it."""
        found = Axe().run(self.page).response["violations"]
        return [
            (each["id"], [node["html"][:200] for node in each["nodes"]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    def fits(self) -> bool:
        """Whether nothing is wider than the window."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert self.page.viewport_size is not None
        return bool(width <= self.page.viewport_size["width"])

    def unfold(self) -> None:
        """Open all that is folded."""
        self.page.evaluate(
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )

    def hosts(self) -> set[str]:
        """Of all addresses that it has loaded."""
        return {address.split("/")[2] for address in self.asked}


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
