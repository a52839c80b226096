"""Faults of the stack's cameras, told from the page alone: `python -m tests.stack.trial FOLDER`.

Breaks the cameras in one way after the other, with a clock, and takes a picture of a daemon's page
15 seconds after each was told, for somebody who does not know what was broken. Takes ten minutes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, TimeoutError

from examples.stack.stack import SHOWN, Ports, Sizes, Stack
from tests.browser.browser import browser, visit
from tests.stack.watched import SECONDS

FAULTS = ("defocus", "dirt camera-2", "silent camera-3", "stuck", "noise")
READ_SECONDS = 15.0
"""From when it is told until the picture: somebody has to come to the page."""
HEADER = "fault | told after, s | over after, s | what the page says first"


def told(opened: Browser, url: str, folder: Path, number: int) -> tuple[float | None, str]:
    """Seconds until the page said anything, and its first sentence. Takes the picture."""
    begun = time.monotonic()
    with visit(opened, url) as seen:
        try:
            seen.page.wait_for_selector(
                "#state:is(.firing, .pending):has-text('ince 20')", timeout=1000 * SECONDS
            )
            after = time.monotonic() - begun
        except TimeoutError:
            after = None
        seen.page.wait_for_timeout(1000 * READ_SECONDS)
        seen.page.screenshot(path=folder / f"page-{number}.png", full_page=True)
        return after, seen.says("h1")


def over(opened: Browser, url: str) -> float:
    """Seconds until all is well."""
    begun = time.monotonic()
    with visit(opened, url) as seen:
        seen.until("#state", "all well", 4 * SECONDS)
    return time.monotonic() - begun


def main() -> None:
    """Print a row for each fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for the pictures and what the stack writes")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True)
    (folder / "stack").mkdir()
    with Stack(folder / "stack", Ports.free(), Sizes(), settings=SHOWN) as stack, browser() as it:
        url = f"{stack.replicas[0].url}/"
        over(it, url)
        print(HEADER, flush=True)
        for number, fault in enumerate(FAULTS, start=1):
            stack.switch.write_text(fault)
            after, says = told(it, url, folder, number)
            stack.switch.write_text("none")
            print(f"{fault} | {_said(after)} | {over(it, url):.0f} | {says}", flush=True)


def _said(seconds: float | None) -> Any:
    return "never" if seconds is None else f"{seconds:.0f}"


if __name__ == "__main__":
    main()
