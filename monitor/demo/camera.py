"""A camera on digits whose faults are switched by a file, as somebody would break a real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from monitor.demo.drifts import DRIFTS, Drift, Images

LOOK_SECONDS = 1.0
LONGEST_NAME = 100

Say = Callable[[str], None]


class Switch:
    """Which fault a file asks for: it holds the name of one, or is empty, `none` or missing.

    The file is looked at once a second at most. Each change is told to `say`; a name that no
    fault has, and a file that cannot be read, are told too and change nothing.
    """

    def __init__(
        self, path: Path | None, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._say, self._clock = path, say, clock
        self._asked = self._refused = ""
        self._drift: Drift | None = None
        self._next_look = clock()

    def drift(self) -> Drift | None:
        """The fault of now; None for a camera in order."""
        if self._path is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS
            self._look(self._path)
        return self._drift

    def _look(self, path: Path) -> None:
        try:
            asked = _read(path)
        except OSError as error:
            self._refuse(f"cannot be read: {error.strerror}")
            return
        if asked not in ("", *DRIFTS):
            self._refuse(f"{asked!r} is none of {', '.join(['none', *DRIFTS])}")
            return
        self._refused = ""
        if asked != self._asked:
            self._asked, self._drift = asked, DRIFTS.get(asked)
            self._say(_told(asked, self._drift))

    def _refuse(self, why: str) -> None:
        if why != self._refused:
            self._refused = why
            self._say(f"{self._path}: {why}; nothing changes")


def _read(path: Path) -> str:
    """The name of a fault, or an empty string."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            name = file.read(LONGEST_NAME).strip()
    except FileNotFoundError:
        return ""
    return "" if name == "none" else name


def _told(asked: str, drift: Drift | None) -> str:
    if drift is None:
        return "the camera is in order: normal digits"
    return f"the camera changes: {asked}. {(drift.__doc__ or '').strip()}"


class Camera:
    """Takes randomly chosen pictures of `images`, (N, H, W) uint8, as the switch has it."""

    def __init__(self, images: Images, switch: Switch, seed: int = 1) -> None:
        self._images, self._switch = images, switch
        self._rng = np.random.default_rng(seed)

    def take(self, count: int) -> Images:
        """(count, H, W) uint8."""
        images = self._images[self._rng.integers(len(self._images), size=count)]
        drift = self._switch.drift()
        return images if drift is None else drift(images, self._rng)
