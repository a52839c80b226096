"""The folder of a result: appears whole or not at all, and replaces nothing but an earlier one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from models.files import read_bounded, replaced_folder
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
        return bool(json.loads(read_bounded(folder / REPORT, MAX_BYTES) or b"")["kind"] == KIND)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """A new folder to write to; it takes the place of `folder` if all goes well.

    Raises UserError if the disk does not let us.
    """
    try:
        with replaced_folder(folder.absolute()) as draft:
            yield draft
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written: {error.strerror or error}") from None
