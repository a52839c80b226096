"""Looks for a new model on a thread of its own, makes it ready, and offers it to the run loop.

Whatever goes wrong leaves the model in use where it is: a line in the log, a counter, and another
attempt after a while, or when somebody asks for one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from models.errors import BundleError
from monitor.errors import ProbeError, UserError
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.loaded_model import LoadedModel

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look. poll_seconds: None to look only when asked.

    first_retry_seconds: after a failure; doubled each time, up to longest_retry_seconds. clock:
    seconds from any fixed origin.
    """

    poll_seconds: float | None = 5.0
    first_retry_seconds: float = 10.0
    longest_retry_seconds: float = 900.0
    clock: Callable[[], float] = time.monotonic


class Follower:
    """Follows the name that `resolve` gives, None while there is none.

    resolve: cheap, called at every look. fetch: brings a version to a folder. load: a folder to
    a model that was tried and warmed up. All three are called on the follower's thread only, must
    come to an end, and raise UserError or OSError where they cannot. current: the name of the
    model in use. failed: called with the reason of a failure, one of FAILURES of
    monitor.metrics.model.
    """

    def __init__(
        self,
        resolve: Callable[[], str | None],
        fetch: Callable[[str], Path],
        load: Callable[[Path], LoadedModel],
        current: str,
        slot: ModelSlot,
        failed: Callable[[str], None] = lambda reason: None,
        pace: Pace = Pace(),
    ) -> None:
        self._resolve = resolve
        self._fetch = fetch
        self._load = load
        self._current = current
        self._offered: str | None = None
        self._slot = slot
        self._failed = failed
        self._pace = pace
        self._retry = _Retry(pace)
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to look now and then."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Look no more. A model that is being loaded is waited for so long at most."""
        self._stopping.set()
        self._wakes.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def look(self) -> None:
        """Look at once, also for a version that failed. May be called from a signal handler."""
        if self._wakes.empty():  # SimpleQueue, whose put may be interrupted by itself
            self._wakes.put(None)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._wakes.get(timeout=self._pace.poll_seconds)
                asked = True
            except queue.Empty:
                asked = False
            if not self._stopping.is_set():
                self.check(asked)

    def check(self, asked: bool = False) -> None:
        """Look once, on the caller's thread. asked: even if it failed a moment ago."""
        if asked:
            log.info("looking for a new model")
            self._retry.forget()
        if self._offered is not None and self._slot.version is None:
            self._taken()
        version = self._resolved()
        if version is None or version == (self._offered or self._current):
            return
        if self._offered is not None and not self._slot.withdraw():
            self._taken()
        self._offered = None
        if version != self._current and self._retry.due(version):
            self._offer(version)

    def _taken(self) -> None:
        """The run loop has taken what was offered."""
        self._current, self._offered = self._offered or self._current, None

    def _resolved(self) -> str | None:
        if not self._retry.due(""):
            return None
        try:
            version = self._resolve()
        except Exception as error:  # noqa: BLE001  (told; the model in use goes on)
            self._fail("", "resolve", error)
            return None
        self._retry.succeeded("")
        return version

    def _offer(self, version: str) -> None:
        reason = "fetch"
        try:
            folder = self._fetch(version)
            reason = "error"
            model = self._load(folder)
        except BundleError as error:
            self._fail(version, "fetch" if reason == "fetch" else "damaged", error)
        except ProbeError as error:
            self._fail(version, "probe", error)
        except UserError as error:
            self._fail(version, "fetch" if reason == "fetch" else "unfit", error)
        except Exception as error:  # noqa: BLE001  (told; the model in use goes on)
            self._fail(version, reason, error)
        else:
            self._retry.succeeded(version)
            self._offered = version
            self._slot.put(model)
            log.info("a new model is ready", version=version, folder=str(folder))

    def _fail(self, version: str, reason: str, error: Exception) -> None:
        self._failed(reason)
        expected = isinstance(error, UserError | OSError)
        log.error(
            "a new model is not taken; the one in use stays",
            version=version or "not known",
            reason=reason,
            error=str(error) or type(error).__name__,
            in_use=self._current,
            again_in_seconds=round(self._retry.failed(version)),
            exc_info=None if expected else error,
        )


class _Retry:
    """When a version that failed is tried again; the name "" stands for the resolving itself."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._waits: dict[str, tuple[float, float]] = {}

    def due(self, version: str) -> bool:
        """True unless it failed a moment ago."""
        return self._pace.clock() >= self._waits.get(version, (0.0, float("-inf")))[1]

    def failed(self, version: str) -> float:
        """It failed; returns the seconds until it is due again."""
        pace = self._pace
        before = self._waits.get(version, (0.0, 0.0))[0]
        seconds = min(max(2 * before, pace.first_retry_seconds), pace.longest_retry_seconds)
        if version:  # another version that failed before is not the one that is wanted now
            self._waits = {key: wait for key, wait in self._waits.items() if not key}
        self._waits[version] = (seconds, pace.clock() + seconds)
        return seconds

    def succeeded(self, version: str) -> None:
        """It worked."""
        self._waits.pop(version, None)

    def forget(self) -> None:
        """All is due."""
        self._waits.clear()
