"""Keeps evidence: what the run loop, the scoring and the web server see of it.

Nothing that goes wrong here reaches any of them: it is counted, and each kind of it is told once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Literal

import structlog

from monitor.drift.judge import Change
from monitor.evidence.episode import CHANNELS, channels_of
from monitor.evidence.folder import EvidenceFolder, image_of
from monitor.evidence.kept import FAILED, Contents, Kept, shown_json
from monitor.evidence.looking import Looker
from monitor.evidence.ring import Order, Ring, entry_id
from monitor.pipeline.outcome import Outcome
from monitor.process import background
from monitor.process.text import one_line
from monitor.stream.records import Verdict

log = structlog.get_logger(__name__)

Mode = Literal["scores", "records"]
SAVE_SECONDS: Final = 5.0
"""It is written so often at most."""


class Trouble:
    """Counts what went wrong, and tells each kind of it once."""

    def __init__(self) -> None:
        self.count = 0
        self._told: set[tuple[str, str]] = set()

    def tell(self, doing: str, error: BaseException) -> None:
        """An error came. Its text is not told, which may repeat what a record holds."""
        self.count += 1
        kind = doing, type(error).__name__
        if kind in self._told:
            return
        self._told.add(kind)
        reason = error.strerror if isinstance(error, OSError) else None
        log.warning(
            "evidence for people is incomplete; all else goes on",
            doing=doing,
            error=reason or type(error).__name__,
        )


class Keeper:
    """Keeps what samplers pick, in memory and in a folder. From any thread.

    state: the daemon's state folder. now: seconds of a clock that only goes on. waiting: whether
    rows wait to be looked at. order: what is to be picked of a drift. highest: a model's version,
    and error and arrival of each of its top anomalies. looker: of the model
    that scores, and its version; None where contents are not kept.
    """

    def __init__(self, mode: Mode, state: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.mode = mode
        self.trouble = Trouble()
        self.waiting = False
        self.order: Order | None = None
        self.highest: tuple[str, tuple[tuple[float, int], ...]] = ("", ())
        self.looker: tuple[Looker, str] | None = None
        self._now = now
        self._lock = threading.Lock()
        self._folder = EvidenceFolder(state)
        self._ring = Ring(contents=mode == "records")
        self._changed = False
        self._saved = now()
        self._saving: Future[None] | None = None

    def open(self) -> None:
        """Go on with what the folder has. Never raises."""
        try:
            with self._lock:
                self._ring = self._folder.read(_damaged, contents=self._ring.contents)
                self._publish()
        except Exception as error:  # noqa: BLE001  (the daemon must start)
            self.trouble.tell("reading", error)

    def take(self, outcome: Outcome) -> None:
        """Keep what was picked of a batch, once what it led to was published. Never raises."""
        arrivals = outcome.consumed.arrivals
        if arrivals is not None and arrivals.size:
            self._ring.newest = max(self._ring.newest, int(arrivals[-1]))
        version = outcome.scores.model_version
        other = version not in ("", self._ring.model_version)
        if other or outcome.picks or outcome.changes:
            self._with_ring("keeping rows", lambda ring: _take(ring, outcome))
        self._write_now_and_then()

    def note(self, change: Change) -> None:
        """The drift state has changed, by no record. Never raises."""
        self._with_ring("keeping rows", lambda ring: ring.note(change))

    def follow(self, episode: str, verdict: Verdict) -> None:
        """Keep rows of channels, too, that were found since an alarm. Never raises.

        episode, verdict: as the judge has them now.
        """
        known = self.order.channels if self.order is not None else ()
        if 0 < len(known) <= CHANNELS and not set(channels_of(verdict)) <= set(known):
            self._with_ring("keeping rows", lambda ring: ring.follow(episode, verdict))

    def _with_ring(self, doing: str, change: Callable[[Ring], None]) -> None:
        try:
            with self._lock:
                change(self._ring)
                self._publish()
        except Exception as error:  # noqa: BLE001  (the run loop must not suffer)
            self.trouble.tell(doing, error)

    def _publish(self) -> None:
        """What samplers read without the lock."""
        ring, order = self._ring, self._ring.order
        self._changed = True
        self.order = self.order if self.order == order else order
        seen = [ring.rows[id].seen for id in ring.highest]
        self.highest = ring.model_version, tuple((each.error, each.arrival) for each in seen)
        self.waiting = any(kept.contents is None for kept in ring.rows.values())

    def look(self, looker: Looker, model_version: str) -> None:
        """Look at one row that waits, if the looker's budget allows. Never raises."""
        try:
            if looker.budget.spend():
                self._look(looker, model_version)
        except Exception as error:  # noqa: BLE001  (scoring must not suffer)
            self.trouble.tell("looking at a row", error)

    def _look(self, looker: Looker, model_version: str) -> None:
        with self._lock:
            kept = next(
                (k for k in self._ring.waiting() if k.seen.model_version == model_version), None
            )
        if kept is None or kept.seen.sample is None:
            return
        try:
            contents = looker.look(kept.seen.sample)
        except Exception as error:  # noqa: BLE001  (scoring must not suffer)
            self.trouble.tell("looking at a row", error)
            contents = Contents(left_out=FAILED)
        with self._lock:
            kept.show(contents)
            self._ring.sweep()
            self._publish()

    def listed(self) -> dict[str, Any]:
        """What `/api/evidence` answers."""
        with self._lock:
            return listed(self.mode, self._ring)

    def picture(self, id: str) -> bytes | None:
        """PNG of an entry; None if there is no such entry, or no picture of it."""
        with self._lock:
            return picture_of(self._ring, id)

    def rest(self) -> None:
        """Nothing is being scored: look at a row that waits. Never raises."""
        if self.waiting and self.looker is not None:
            self.look(*self.looker)
        self._write_now_and_then()

    def _write_now_and_then(self) -> None:
        """On a thread of its own."""
        if self._changed and self._now() - self._saved >= SAVE_SECONDS and self._idle():
            self._save()

    def close(self, seconds: float) -> None:
        """Have the last of it written, unless that takes longer than so. Never raises."""
        until = time.monotonic() + seconds
        if self._written_until(until) and self._changed:
            self._save()
            self._written_until(until)

    def _written_until(self, until: float) -> bool:
        """Wait for what is being written; false if it takes too long."""
        try:
            if self._saving is not None:
                self._saving.result(timeout=max(0.0, until - time.monotonic()))
        except TimeoutError as error:
            self.trouble.tell("writing", error)
            return False
        return True

    def _idle(self) -> bool:
        return self._saving is None or self._saving.done()

    def _save(self) -> None:
        self._saved = self._now()
        try:
            self._saving = background.start(self._write, "evidence")
        except RuntimeError as error:  # no more threads
            self.trouble.tell("writing", error)

    def _write(self) -> None:
        try:
            with self._lock:
                image = image_of(self._ring)
                self._changed = False
            self._folder.write(image)
        except Exception as error:  # noqa: BLE001  (a full disk stops nothing)
            self._changed = True
            self.trouble.tell("writing", error)


def _take(ring: Ring, outcome: Outcome) -> None:
    ring.begin(outcome.scores.model_version or ring.model_version)
    ring.take(outcome.picks)
    for change in outcome.changes:
        ring.note(change)


def listed(mode: str, ring: Ring) -> dict[str, Any]:
    """All entries as JSON values."""
    entries = []
    for kind, episode, channel, id in ring.places():
        own = entry_id(kind, episode, channel, id)
        entries.append(shown_json(ring.rows[id], own, kind, episode, channel))
    return {"mode": mode, "entries": entries}


def picture_of(ring: Ring, id: str) -> bytes | None:
    """See `Keeper.picture`."""
    found: Kept | None = None
    for kind, episode, channel, row in ring.places():
        if entry_id(kind, episode, channel, row) == id:
            found = ring.rows[row]
    return None if found is None or found.contents is None else found.contents.picture


def _damaged(path: Path, reason: str) -> None:
    log.warning("evidence that cannot be read is left out", file=path.name, reason=one_line(reason))
    path.unlink(missing_ok=True)
