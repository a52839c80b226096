"""The registry in a folder: plain files, read without a lock, written by one at a time.

    versions/<version>/   a bundle, read-only, and added.json: when, why, and what it is
    aliases.json ...      what is current: see promotions.py
    lock                  held while somebody writes

Every change counts from one rename on. A crash leaves what was before it or what is after it,
and at most a draft or a link for the next who writes to tidy up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from models.bundle import Bundle, load
from models.errors import BundleError
from models.files import write_new
from monitor.errors import RegistryError
from monitor.registry import (
    CURRENT,
    PREVIOUS,
    UNREADABLE,
    Facts,
    Promotion,
    Version,
    check_alias,
    check_version,
    no_previous,
    one_line,
    utc_now,
)
from monitor.registry.bundle_folders import BundleFolders, copy_bundle, facts_of
from monitor.registry.files import locked, read_bounded
from monitor.registry.promotions import Promotions

LABEL: Final = "added.json"
LABEL_BYTES: Final = 2**16


class EmbeddedRegistry:
    """A registry in a folder of this machine, or of a file system that has flock."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self.folder = folder
        self._bundles = BundleFolders(folder / "versions")
        self._promotions = Promotions(folder)
        self._clock = clock

    def add(self, folder: Path, note: str = "") -> str:
        """Verify a bundle, copy it in, return its version; a damaged copy is put right."""
        bundle = load(folder)
        with self._writing():
            if not self._whole(bundle.version):
                self._copy(folder, bundle, note)
        return bundle.version

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        aliases = self._promotions.aliases()
        named = {CURRENT: aliases.current, PREVIOUS: aliases.previous}
        found = [
            self._version(version, tuple(name for name in named if named[name] == version))
            for version in self._bundles.versions()
        ]
        return sorted(found, key=lambda item: (item.added, item.version))

    def resolve(self, alias: str) -> str | None:
        """The version behind an alias: one small file is read."""
        aliases = self._promotions.aliases()
        return aliases.current if check_alias(alias) == CURRENT else aliases.previous

    def fetch(self, version: str) -> Path:
        """The folder of a version, verified."""
        return self._bundles.verified(version).path

    def promote(self, version: str, reason: str, by: str) -> None:
        """What is current becomes previous, and the version current, in one step."""
        check_version(version)
        with self._writing():
            self._bundles.verified(version)
            current = self._promotions.aliases().current
            if current != version:
                when = self._clock().isoformat()
                promotion = Promotion(
                    version, current, when, one_line(by), one_line(reason), "promote"
                )
                self._promotions.record(promotion, previous=current)

    def rollback(self, reason: str, by: str) -> str:
        """Swap current and previous; returns what is current now."""
        with self._writing():
            aliases = self._promotions.aliases()
            if aliases.previous is None:
                raise no_previous(str(self.folder))
            self._bundles.verified(aliases.previous)
            when = self._clock().isoformat()
            promotion = Promotion(
                aliases.previous, aliases.current, when, one_line(by), one_line(reason), "rollback"
            )
            self._promotions.record(promotion, previous=aliases.current)
        return aliases.previous

    def history(self) -> list[Promotion]:
        """All promotions and rollbacks, oldest first."""
        return self._promotions.history()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make the folder if need be, hold the lock, and tidy up what a crash left."""
        try:
            self._bundles.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / "lock"):
                self._bundles.sweep()
                self._promotions.mend()
                yield
        except OSError as error:
            raise RegistryError(
                f"{self.folder}: cannot be written: {error.strerror or error}. Name a folder that"
                " can be, with room for the bundles."
            ) from None

    def _copy(self, folder: Path, bundle: Bundle, note: str) -> None:
        with self._bundles.draft() as draft:
            copy_bundle(folder, draft)
            copied = load(draft)
            if copied.version != bundle.version:
                raise RegistryError(f"{folder} changed while it was copied. Add it again.")
            label = {
                "added": self._clock().isoformat(),
                "note": one_line(note),
                **asdict(facts_of(copied)),
            }
            text = json.dumps(label, indent=2, allow_nan=False) + "\n"
            write_new(draft / LABEL, text.encode())
            self._bundles.keep(draft, bundle.version)

    def _whole(self, version: str) -> bool:
        """Whether the version is there, and as it was added."""
        if not self._bundles.has(version):
            return False
        try:
            self._bundles.verified(version)
            self._version(version, ())
        except (BundleError, RegistryError):
            return False
        return True

    def _version(self, version: str, aliases: tuple[str, ...]) -> Version:
        path = self._bundles.path(version) / LABEL
        try:
            label = json.loads(read_bounded(path, LABEL_BYTES))
            facts = Facts(
                architecture=one_line(label["architecture"]),
                threshold=float(label["threshold"]),
                calibration_records=int(label["calibration_records"]),
                size_bytes=int(label["size_bytes"]),
            )
            added = datetime.fromisoformat(label["added"]).isoformat()
            return Version(version, added, aliases, one_line(label["note"]), facts)
        except (OSError, *UNREADABLE) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RegistryError(
                f"{path}: cannot be used ({reason}). Add the bundle again: aead-monitor models"
                " add BUNDLE"
            ) from None
