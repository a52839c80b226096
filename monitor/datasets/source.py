"""Source: a file of a table, wherever it lies."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import IO, Final, Literal

from monitor.datasets.watching import Meter

Kind = Literal["csv", "parquet", "arrow"]
SUFFIXES: Final[dict[str, Kind]] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".data": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
_PACKED: Final = ".gz"
Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """name: for people. packed: a new stream of the file as it lies there, from the beginning at
    each call. partitions: what the names of its folders say, by key."""

    name: str
    kind: Kind
    packed: Opener
    partitions: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def open(self, meter: Meter | None = None) -> Iterator[IO[bytes]]:
        """A new stream from the beginning, by the suffix through gzip. meter: counts what is read
        of the file; then the stream goes only forward."""
        with self.packed() as file:
            read = file if meter is None else meter.of(file)
            if not self.name.lower().endswith(_PACKED):
                yield read
                return
            with gzip.GzipFile(fileobj=read) as unpacked:
                yield unpacked  # type: ignore[misc]


def kind_of(name: str) -> Kind | None:
    """By the suffix; None if it is no table."""
    path = PurePath(name.lower())
    if path.suffix == _PACKED:
        kind = SUFFIXES.get(PurePath(path.stem).suffix)
        return kind if kind == "csv" else None
    return SUFFIXES.get(path.suffix)


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts frame_2 before frame_10."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return tuple((0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces)
