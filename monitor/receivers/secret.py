"""A secret in a file, read each time it is needed: tokens are renewed while the daemon runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.files import read_bounded
from monitor.errors import ReceiverError

LARGEST_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class Secret:
    """The file that holds a secret. What it holds is never part of a message."""

    path: Path

    def read(self) -> str:
        """The file's text without the final newline; raises ReceiverError(retryable)."""
        try:
            data = read_bounded(self.path, LARGEST_BYTES)
            text = None if data is None else data.decode("utf-8").rstrip("\r\n")
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            # Not chained: the exception carries the bytes.
            raise self._unusable("is not UTF-8 text") from None
        if not text:
            raise self._unusable("is larger than 64 KiB" if text is None else "is empty")
        return text

    def header(self) -> str:
        """The same, as the value of an HTTP header."""
        text = self.read()
        if not (text.isascii() and text.isprintable()):
            raise self._unusable("holds characters that do not fit into an HTTP header")
        return text

    def _unusable(self, why: str) -> ReceiverError:
        return ReceiverError(f"{self.path} {why}", retryable=True)
