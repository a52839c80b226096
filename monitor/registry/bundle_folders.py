"""Bundles in a folder, each under its version: whole or not there, and never changed.

A draft is filled beside them, verified, and renamed. What a crash leaves of a draft is removed
by the next who writes.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from models.bundle import Bundle, load
from models.bundle_files import LIMITS, MANIFEST, OPTIONAL
from models.files import force_folder
from monitor.errors import RegistryError
from monitor.process import failpoints
from monitor.registry import Facts, check_version, no_version
from monitor.registry.files import (
    copy_bounded,
    make_read_only,
    remove_tree,
    too_large,
)

CARD: Final = "README.md"
PLOTS: Final = "plots"
CARD_BYTES: Final = 2**20
PLOT_BYTES: Final = 2**24
MOST_PLOTS: Final = 32
_PLOT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.png")
_DRAFT: Final = ".draft-"


def limit_of(name: str) -> int | None:
    """Most bytes of the file of a bundle with this relative name; None if it is not one."""
    if name == CARD:
        return CARD_BYTES
    folder, _, plot = name.rpartition("/")
    if folder == PLOTS and _PLOT.fullmatch(plot):
        return PLOT_BYTES
    return LIMITS.get(name)


def checked_names(sizes: dict[str, int | None], place: str) -> list[str]:
    """The names, which come from elsewhere: refused if one is no bundle's, or too large.

    sizes: bytes by relative name, None if not known. Raises RegistryError.
    """
    if len(sizes) > len(LIMITS) + 1 + MOST_PLOTS:
        raise RegistryError(f"{place}: {len(sizes)} files are too many for a bundle")
    for name, size in sizes.items():
        limit = limit_of(name)
        if limit is None:
            raise RegistryError(f"{place}: {name!r:.120} is no file of a bundle: refused")
        if size is None or size > limit:
            raise too_large(f"{place}: {name}", limit)
    return sorted(sizes)


def copy_bundle(source: Path, draft: Path) -> None:
    """Copy the files of a bundle, and nothing else that lies there.

    Raises RegistryError for links and for files that are too large, and OSError.
    """
    copy_bounded(source / MANIFEST, draft / MANIFEST, LIMITS[MANIFEST])
    failpoints.reach("bundle_half_copied")
    for name, limit in LIMITS.items():
        optional = name in OPTIONAL and not os.path.lexists(source / name)
        if name != MANIFEST and not optional:
            copy_bounded(source / name, draft / name, limit)
    card, plots = source / CARD, source / PLOTS
    if card.exists() or card.is_symlink():
        copy_bounded(card, draft / CARD, CARD_BYTES)
    if plots.is_symlink():
        raise RegistryError(f"{plots} is a link. Put the folder itself there.")
    if plots.is_dir():
        (draft / PLOTS).mkdir()
        for plot in _plots(plots):
            copy_bounded(plot, draft / PLOTS / plot.name, PLOT_BYTES)


def _plots(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if _PLOT.fullmatch(path.name))
    if len(found) > MOST_PLOTS:
        raise RegistryError(f"{folder} holds more than {MOST_PLOTS} plots. Remove some.")
    return found


def facts_of(bundle: Bundle) -> Facts:
    """What is said of a bundle without opening it."""
    files = (bundle.path / name for name in LIMITS)
    size = sum(path.stat().st_size for path in files if path.exists())
    reference = bundle.reference
    return Facts(bundle.architecture, reference.threshold, reference.count, size)


class BundleFolders:
    """Bundles under their versions. Who writes must hold a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, version: str) -> Path:
        """Where a version is or would be."""
        return self.folder / check_version(version)

    def versions(self) -> list[str]:
        """The versions that are there, in no order that means anything."""
        if not self.folder.is_dir():
            return []
        names = sorted(path.name for path in self.folder.iterdir())
        return [name for name in names if re.fullmatch(r"[0-9a-f]{16}", name) and self.has(name)]

    def has(self, version: str) -> bool:
        """Whether there is a folder of that version; a link to one does not count."""
        path = self.path(version)
        return path.is_dir() and not path.is_symlink()

    def verified(self, version: str) -> Bundle:
        """The bundle, read and verified. Raises RegistryError or BundleError."""
        if not self.has(version):
            raise no_version(version, str(self.folder))
        bundle = load(self.path(version))
        if bundle.version != version:
            raise RegistryError(
                f"{self.path(version)} holds version {bundle.version}. Remove that folder, and"
                " add the bundle again."
            )
        return bundle

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder beside the bundles, removed at the end unless it was kept."""
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        try:
            yield draft
        finally:
            remove_tree(draft)

    def keep(self, draft: Path, version: str) -> Path:
        """Make a verified draft the version; a damaged one that is there gives way."""
        target = self.path(version)
        make_read_only(draft)
        failpoints.reach("bundle_copied")
        if target.is_symlink() or target.exists():
            self.remove(version)
        draft.rename(target)
        force_folder(self.folder)
        failpoints.reach("bundle_added")
        return target

    def remove(self, version: str) -> None:
        """Remove a version: first out of sight, then for good."""
        away = self.folder / f"{_DRAFT}{version}-removed"
        self.path(version).rename(away)
        remove_tree(away)

    def sweep(self) -> None:
        """Remove what a crash left of drafts."""
        for path in self.folder.glob(f"{_DRAFT}*"):
            remove_tree(path)
