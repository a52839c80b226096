"""Keeps the web server protected as its file says: the file is read again on change.

Read on a thread of its own: a slow disk must not hold up a scrape.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from monitor.errors import ConfigError
from monitor.metrics.web import WebMetrics
from monitor.web.file import read
from monitor.web.security import OPEN, Security, opened

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 2.0

Marks = tuple[tuple[int, int, int] | None, ...]


class ConfigWatcher:
    """`security` is what counts now. path: of the web configuration file, None for none.

    Raises ConfigError if the first file cannot be used. A later one that cannot is told once,
    and the settings before it stay in force.
    """

    def __init__(
        self, path: Path | None, metrics: WebMetrics, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self.security: Security = OPEN
        self.metrics = metrics
        self._path = path
        self._poll_seconds = poll_seconds
        self._marks: Marks = ()
        self._files: Sequence[Path] = ()
        self._said = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web-config", daemon=True)
        if path:
            self.security = self._read(path)

    def start(self) -> None:
        """Begin to look now and then."""
        if self._path:
            self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        """Look no more; waits so long for the thread, and a second at most."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(min(seconds, 1.0))
        if self.security.users:
            self.security.users.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            self.check()

    def check(self) -> None:
        """Look once, on the caller's thread."""
        if self._path is None:
            return
        if _marks(self._files) == self._marks and not self._said:
            return
        try:
            self._replace(self._path)
        except ConfigError as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001  (told; the settings before it go on)
            self._refuse(type(error).__name__, error)

    def _replace(self, path: Path) -> None:
        new = self._read(path)
        less = opened(self.security, new)
        if less:
            # Half a deployment, or a mistake: neither may let anybody in by the way.
            raise ConfigError(f"{path}: {less}; restart to make that count.")
        # The old one's thread ends with the last request that still uses it.
        self.security = new
        self._said = ""
        self.metrics.reload_successful.set(1)
        log.info("the web configuration was read again", file=str(path))

    def _read(self, path: Path) -> Security:
        """Read twice: what changes while we read must differ from the marks."""
        self._files = read(path).files
        self._marks = _marks(self._files)
        return read(path).security

    def _refuse(self, why: str, bug: Exception | None = None) -> None:
        self.metrics.reload_successful.set(0)
        if why != self._said:
            log.error(
                "the web configuration cannot be used; the settings before it stay in force",
                error=why,
                exc_info=bug,
            )
        self._said = why


def _marks(files: Sequence[Path]) -> Marks:
    """What changes whenever one of the files does."""
    return tuple(_mark(path) for path in files)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
