"""How far the reading of files has come, for whoever shows it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, Protocol

RECORDS = "records"
LINES = "lines"


class Advance(Protocol):
    """What moves a bar."""

    def __call__(self, count: int, share: float | None = None, /) -> None:
        """So many more were read. share: of all, from 0 to 1, that were read by now; None if it is
        not known, or follows from their number."""


class Watch(Protocol):
    """What shows a bar."""

    def __call__(
        self, text: str, total: int | None, unit: str, /
    ) -> AbstractContextManager[Advance]:
        """A bar while the context is open.

        text: what is done, for people. total: how many there are to read, None if that is not
        known. unit: of what.
        """


@contextmanager
def unwatched(_text: str, _total: int | None, _unit: str, /) -> Iterator[Advance]:
    """A watch that shows nothing."""
    yield ignored


def ignored(_count: int, _share: float | None = None, /) -> None:
    """Nobody is told."""


class Meter:
    """How much of a file was read, as it lies there: packed if it is."""

    def __init__(self) -> None:
        self.size: int | None = None
        self.seen = 0

    @property
    def share(self) -> float | None:
        """From 0 to 1; None if the size is not known, as that of a pipe."""
        return min(1.0, self.seen / self.size) if self.size else None

    def of(self, file: IO[bytes]) -> IO[bytes]:
        """The file, from the beginning and only forward; what is read of it is counted."""
        self.size, self.seen = _size(file), 0
        return _Metered(file, self)  # type: ignore[return-value]


class _Metered(io.RawIOBase):
    def __init__(self, file: IO[bytes], meter: Meter) -> None:
        self._file, self._meter = file, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._meter.seen += len(data)
        return len(data)


def share_at(file: IO[bytes]) -> float | None:
    """How far into a file its next byte is, from 0 to 1; None if its size is not known."""
    size = _size(file)
    return min(1.0, file.tell() / size) if size else None


def _size(file: IO[bytes]) -> int | None:
    """In bytes; a file in a store elsewhere knows its size itself."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        size = getattr(file, "size", None)
        return size if isinstance(size, int) else None
