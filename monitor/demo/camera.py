"""Cameras on digits whose faults are switched by a file, as somebody would break a real one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.demo.drifts import DRIFTS, Drift, Images

LOOK_SECONDS = 1.0
LONGEST_NAME = 100
CAMERAS: Final = ("camera-1", "camera-2", "camera-3", "camera-4")
SILENT: Final = "silent"
"""The fault of a camera that sends nothing."""
FAULTS: Final = (*DRIFTS, SILENT)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """name: of FAULTS. camera: of CAMERAS; all of them if empty."""

    name: str
    camera: str = ""

    @property
    def drift(self) -> Drift | None:
        """What becomes of its pictures; None if there are none."""
        return DRIFTS.get(self.name)

    def told(self) -> str:
        """In a line."""
        why = (self.drift.__doc__ or "").strip() if self.drift else "It sends nothing."
        return f"{self.camera or 'the camera'} changes: {self.name}. {why}"


class Switch:
    """Which fault a file asks for: it holds the name of one, and after it that of a camera if not
    all have it; or is empty, `none` or missing.

    The file is looked at once a second at most. Each change is told to `say`; a name that no
    fault has, and a file that cannot be read, are told too and change nothing.
    """

    def __init__(
        self, path: Path | None, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._say, self._clock = path, say, clock
        self._refused = ""
        self._fault: Fault | None = None
        self._next_look = clock()

    def fault(self) -> Fault | None:
        """The fault of now; None for cameras in order."""
        if self._path is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS
            self._look(self._path)
        return self._fault

    def _look(self, path: Path) -> None:
        try:
            asked = _fault(_read(path))
        except OSError as error:
            self._refuse(f"cannot be read: {error.strerror}")
            return
        except ValueError as error:
            self._refuse(str(error))
            return
        self._refused = ""
        if asked != self._fault:
            self._fault = asked
            self._say(asked.told() if asked else "the camera is in order: normal digits")

    def _refuse(self, why: str) -> None:
        if why != self._refused:
            self._refused = why
            self._say(f"{self._path}: {why}; nothing changes")


def _read(path: Path) -> str:
    """What a file asks for, or an empty string."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_NAME).strip()
    except FileNotFoundError:
        return ""


def _fault(asked: str) -> Fault | None:
    """Raises ValueError for a fault or a camera that there is not."""
    if asked in ("", "none"):
        return None
    name, _, camera = asked.partition(" ")
    camera = camera.strip()
    if name not in FAULTS:
        raise ValueError(f"{asked!r} is none of {', '.join(['none', *FAULTS])}")
    if camera not in ("", *CAMERAS):
        raise ValueError(f"{camera!r} is none of {', '.join(CAMERAS)}")
    return Fault(name, camera)


class Cameras:
    """Take, in turn, pictures of `images`, (N, H, W) uint8, at random, as the switch has it."""

    def __init__(self, images: Images, switch: Switch, seed: int = 1) -> None:
        self._images, self._switch = images, switch
        self._rng = np.random.default_rng(seed)
        self._turn = 0

    def take(self, count: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """So many pictures, (H, W) uint8, and whose each is; fewer of a camera that is silent."""
        images = self._images[self._rng.integers(len(self._images), size=count)]
        whose = [CAMERAS[(self._turn + n) % len(CAMERAS)] for n in range(count)]
        self._turn += count
        fault = self._switch.fault()
        if fault is None:
            return zip(whose, images, strict=True)
        has = np.array([fault.camera in ("", camera) for camera in whose])
        if fault.drift is None:
            whose = [camera for camera, silent in zip(whose, has, strict=True) if not silent]
            return zip(whose, images[~has], strict=True)
        if has.any():
            images[has] = fault.drift(images[has], self._rng)
        return zip(whose, images, strict=True)
