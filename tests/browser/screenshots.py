"""Pictures of the status page for the documents: `python -m tests.browser.screenshots`.

Runs the demo, and takes them while its camera is out of focus: docs/images/status-*.png, wide and
narrow, light and dark, and the page of the episode. Takes a minute.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from playwright.sync_api import Browser

from tests.browser.browser import browser, visit

FOLDER = Path(__file__).parents[2] / "docs" / "images"
END_SECONDS = 30
Scheme = Literal["light", "dark"]


@contextmanager
def demo() -> Iterator[IO[str]]:
    """The demo, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "monitor", "demo", "--folder", folder]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        try:
            yield running.stdout
        finally:
            running.terminate()
            running.wait(END_SECONDS)


def heard(said: IO[str], pattern: str) -> str:
    """What a pattern's group is in the next line that has it. Raises EOFError if none comes."""
    for line in said:
        print(line, end="", flush=True)
        if found := re.search(pattern, line):
            return found[1]
    raise EOFError(f"the demo ended before it said {pattern!r}")


def take(
    opened: Browser, url: str, name: str, size: str, scheme: Scheme, *, whole: bool = True
) -> None:
    """One picture, once the page has all it shows. whole: of all the page, not its top alone."""
    with visit(opened, url, size, color_scheme=scheme) as seen:
        if seen.page.locator("#chart").count():
            seen.page.wait_for_selector("#chart canvas")
        seen.page.wait_for_timeout(500)
        path = FOLDER / (f"{name}-{size}-{scheme}.png" if whole else f"{name}.png")
        seen.page.screenshot(path=path, full_page=whole)
        assert seen.complaints == []


def main() -> None:
    """Take all."""
    FOLDER.mkdir(exist_ok=True)
    with browser() as opened, demo() as said:
        url = heard(said, r"status page: (http://\S+)")
        heard(said, r"drift state: (DRIFT)")
        with visit(opened, f"{url}/") as seen:
            seen.page.wait_for_selector(".glance img")
        take(opened, f"{url}/", "status-top", "wide", "light", whole=False)
        heard(said, r"the camera is (repaired)")
        schemes: tuple[Scheme, ...] = ("light", "dark")
        for size in ("wide", "narrow"):
            for scheme in schemes:
                take(opened, f"{url}/", "status", size, scheme)
        heard(said, r"drift state: (resolved)")
        with visit(opened, f"{url}/") as seen:
            address = seen.page.locator("#episodes a").first.get_attribute("href")
        take(opened, f"{url}/{address}", "episode", "wide", "light")


if __name__ == "__main__":
    main()
