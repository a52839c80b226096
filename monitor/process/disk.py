"""What has to survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def force_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
