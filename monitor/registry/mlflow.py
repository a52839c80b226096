"""The registry in an MLflow server: a registered model with the aliases current and previous.

MLflow changes one thing at a time. A promotion is recorded first, then `previous` is set, then
`current`: until the last step the old version is current, whatever fails. After a crash in
between, promoting again finishes it, and a rollback takes the way back from the record. One
process at a time may promote; those that share a cache folder wait for each other.

Fetched bundles are kept in the cache folder, the least recently used are removed first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from models.bundle import load
from models.errors import BundleError
from monitor.errors import RegistryError
from monitor.process import failpoints
from monitor.registry import (
    ALIASES,
    CURRENT,
    PREVIOUS,
    Kind,
    Promotion,
    Version,
    check_alias,
    check_version,
    no_previous,
    no_version,
    one_line,
    utc_now,
)
from monitor.registry.bundle_folders import (
    PLOTS,
    BundleFolders,
    checked_names,
    copy_bundle,
    facts_of,
    limit_of,
)
from monitor.registry.files import copy_bounded, locked
from monitor.registry.mlflow_models import MlflowModel, Stored, tags_of, version_of

CACHE_BYTES: Final = 2**32


class MlflowRegistry:
    """A registered model of an MLflow server, and a folder for what was fetched of it.

    tracking_uri: http or https. cache_bytes: more is removed, but never what was just fetched.
    Raises RegistryError if the package mlflow is missing; nothing is asked of the server yet.
    """

    def __init__(
        self,
        tracking_uri: str,
        name: str,
        cache: Path,
        cache_bytes: int = CACHE_BYTES,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._model = MlflowModel(tracking_uri, name)
        self._place = f"{name} in MLflow at {tracking_uri}"
        self._folder = cache
        self._cache = BundleFolders(cache / "versions")
        self._uploads = BundleFolders(cache / "uploads")
        self._cache_bytes = cache_bytes
        self._clock = clock

    def add(self, folder: Path, note: str = "") -> str:
        """Verify a bundle, upload a copy, return its version. Adding it again changes nothing."""
        bundle = load(folder)
        with self._changing():
            if self._model.find(bundle.version) is None:
                self._upload(folder, bundle.version, note)
        return bundle.version

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        aliases = self._model.aliases()
        found: dict[str, Version] = {}
        for stored in sorted(self._model.all(), key=lambda item: int(item.number)):
            names = tuple(name for name in ALIASES if aliases.get(name) == stored.number)
            found.setdefault(stored.version, version_of(stored, names))
        return sorted(found.values(), key=lambda item: (item.added, item.version))

    def resolve(self, alias: str) -> str | None:
        """The version behind an alias: one request."""
        stored = self._model.behind(check_alias(alias))
        return None if stored is None else stored.version

    def fetch(self, version: str) -> Path:
        """The folder of a version in the cache, verified; downloaded if need be."""
        check_version(version)
        with self._fetching():
            if not self._cached(version):
                stored = self._model.find(version)
                if stored is None:
                    raise no_version(version, self._place)
                self._download(stored)
            path = self._cache.path(version)
            os.utime(path)
            self._shrink(keep=version)
        return path

    def promote(self, version: str, reason: str, by: str) -> None:
        """What is current becomes previous, then the version current."""
        check_version(version)
        with self._changing():
            self.fetch(version)
            before = self._model.behind(CURRENT)
            if before is None or before.version != version:
                self._switch(self._known(version), before, "promote", reason, by)

    def rollback(self, reason: str, by: str) -> str:
        """Swap current and previous; returns what is current now."""
        with self._changing():
            current = self._model.behind(CURRENT)
            target = self._way_back(current)
            self.fetch(target)
            self._switch(self._known(target), current, "rollback", reason, by)
        return target

    def history(self) -> list[Promotion]:
        """The newest promotions and rollbacks, oldest first; also one that was interrupted."""
        return self._model.history()

    def _known(self, version: str) -> Stored:
        stored = self._model.find(version)
        if stored is None:
            raise no_version(version, self._place)
        return stored

    def _way_back(self, current: Stored | None) -> str:
        """The version before the current one."""
        previous = self._model.behind(PREVIOUS)
        if current is None or previous is None:
            raise no_previous(self._place)
        if previous.version != current.version:
            return previous.version
        # A crash came between the two aliases: only the record knows what was before.
        for promotion in reversed(self._model.history()):
            if promotion.version == current.version and promotion.before is not None:
                return promotion.before
        raise no_previous(self._place)

    def _switch(self, to: Stored, before: Stored | None, kind: Kind, reason: str, by: str) -> None:
        promotion = Promotion(
            version=to.version,
            before=None if before is None else before.version,
            when=self._clock().isoformat(),
            by=one_line(by),
            reason=one_line(reason),
            kind=kind,
        )
        self._model.record(promotion)
        failpoints.reach("promotion_recorded")
        if before is not None:
            self._model.set_alias(PREVIOUS, before)
        failpoints.reach("previous_set")
        self._model.set_alias(CURRENT, to)

    def _upload(self, folder: Path, version: str, note: str) -> None:
        with self._uploads.draft() as draft:
            copy_bundle(folder, draft)
            copied = load(draft)
            if copied.version != version:
                raise RegistryError(f"{folder} changed while it was copied. Add it again.")
            run = self._model.upload(draft, version)
            failpoints.reach("run_written")
            tags = tags_of(version, self._clock().isoformat(), one_line(note), facts_of(copied))
            self._model.register(run, tags)

    def _cached(self, version: str) -> bool:
        """Whether the cache has it whole; what is damaged there is removed."""
        if not self._cache.has(version):
            return False
        try:
            self._cache.verified(version)
        except (BundleError, RegistryError):
            self._cache.remove(version)
            return False
        return True

    def _download(self, stored: Stored) -> None:
        names = checked_names(self._model.files(stored), f"{stored.version} in {self._place}")
        with self._cache.draft() as draft:
            (draft / PLOTS).mkdir()
            for name in names:
                with self._cache.draft() as scratch:
                    file = self._model.download(stored, name, scratch)
                    copy_bounded(file, draft / name, limit_of(name) or 0)
            found = load(draft).version
            if found != stored.version:
                raise RegistryError(
                    f"{self._place} gave bundle {found} for {stored.version}: it was tampered"
                    " with. Delete that version there, and add the bundle again."
                )
            self._cache.keep(draft, stored.version)

    def _shrink(self, keep: str) -> None:
        """Remove the least recently fetched until the cache is within its bound."""
        used = {version: _size(self._cache.path(version)) for version in self._cache.versions()}
        oldest = sorted(used, key=lambda v: self._cache.path(v).stat().st_mtime_ns)
        for version in oldest:
            if version != keep and sum(used.values()) > self._cache_bytes:
                self._cache.remove(version)
                del used[version]

    def _changing(self) -> AbstractContextManager[None]:
        """Alone among those who add and promote with this cache folder."""
        return self._alone("promotions.lock", self._uploads)

    def _fetching(self) -> AbstractContextManager[None]:
        """Alone among those who fetch into this cache folder."""
        return self._alone("cache.lock", self._cache)

    @contextmanager
    def _alone(self, lock: str, bundles: BundleFolders) -> Iterator[None]:
        try:
            bundles.folder.mkdir(parents=True, exist_ok=True)
            with locked(self._folder / lock):
                bundles.sweep()
                yield
        except OSError as error:
            raise RegistryError(
                f"{self._folder}: cannot be written: {error.strerror or error}. Set"
                " registry.mlflow.cache to a folder that can be, with room for the bundles."
            ) from None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
