"""A bundle's folder that may be replaced by another one while we run."""

from __future__ import annotations

from pathlib import Path

from models.bundle import version_of
from models.bundle_files import MANIFEST


class ModelFolder:
    """Tells which bundle is in a folder. The path may be a link that is set to another folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._version = ""

    def version(self) -> str:
        """The version there now; bundle.json is read only if it is another file than last time.

        Raises BundleError if it is not whole.
        """
        seen = _identity(self._path / MANIFEST)
        if not seen or seen != self._seen:
            self._version = version_of(self._path)
            self._seen = seen
        return self._version

    def fetch(self, version: str) -> Path:
        """The folder itself, links resolved: a link that is set anew does not mix two bundles."""
        return self._path.resolve()


def _identity(path: Path) -> tuple[int, ...]:
    """What differs between two files that took the same name; empty if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
