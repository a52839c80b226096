"""The folder of a result: appears whole or not at all, and replaces nothing but an earlier one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from monitor.errors import UserError
from monitor.retrain_job.report import KIND

REPORT: Final = "report.json"
MAX_BYTES: Final = 2**22


def check(folder: Path) -> None:
    """Raise UserError if writing there would overwrite anything but an earlier result."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"--out {folder}: not a folder. Choose another place for the result")
    if folder.is_dir() and any(folder.iterdir()) and not _is_result(folder):
        raise UserError(f"--out {folder}: holds other files. Choose a new folder for the result")


def _is_result(folder: Path) -> bool:
    try:
        with (folder / REPORT).open("rb") as file:
            return bool(json.loads(file.read(MAX_BYTES))["kind"] == KIND)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """A new folder to write to; it takes the place of `folder` if all goes well.

    Raises UserError if the disk does not let us.
    """
    target = folder.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A sibling, so that the rename stays on one file system and is atomic.
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
            draft, old = Path(temporary) / "result", Path(temporary) / "old"
            draft.mkdir()
            yield draft
            if target.exists():
                target.rename(old)
            draft.rename(target)
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written: {error.strerror or error}") from None
