"""Source: a file of a table, wherever it lies."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import IO, Any, Final, Literal

Kind = Literal["csv", "parquet", "arrow"]
SUFFIXES: Final[dict[str, Kind]] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".data": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
_PACKED: Final = ".gz"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """name: for people. open: a new stream from the beginning at each call. partitions: what the
    names of its folders say, by key."""

    name: str
    kind: Kind
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    partitions: Mapping[str, str] = field(default_factory=dict)


def kind_of(name: str) -> Kind | None:
    """By the suffix; None if it is no table."""
    path = PurePath(name.lower())
    if path.suffix == _PACKED:
        kind = SUFFIXES.get(PurePath(path.stem).suffix)
        return kind if kind == "csv" else None
    return SUFFIXES.get(path.suffix)


def unpacked(
    name: str, opened: Callable[[], AbstractContextManager[IO[bytes]]]
) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    """What opens a file, by its suffix through gzip."""
    if not name.lower().endswith(_PACKED):
        return opened
    return lambda: _Unpacked(opened())


class _Unpacked(AbstractContextManager[IO[bytes]]):
    def __init__(self, packed: AbstractContextManager[IO[bytes]]) -> None:
        self._packed = packed

    def __enter__(self) -> IO[bytes]:
        self._file = gzip.GzipFile(fileobj=self._packed.__enter__())
        return self._file  # type: ignore[return-value]

    def __exit__(self, *error: Any) -> None:
        self._file.close()
        self._packed.__exit__(*error)


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts frame_2 before frame_10."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return tuple((0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces)
