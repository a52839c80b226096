"""Where data lie: files, folders, patterns, standard input and addresses."""

from __future__ import annotations

import glob
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final
from urllib.parse import unquote

from monitor.datasets import other_formats
from monitor.datasets.source import SUFFIXES, Kind, Opener, Source, kind_of, natural
from monitor.datasets.watching import LINES, Watch, unwatched
from monitor.errors import DataError

STDIN: Final = "-"
_PIECE: Final = 1 << 16
"""Bytes of it at a time, at most."""
_ARRAYS: Final = (".npy", ".npz")
KNOWN: Final = ", ".join((*_ARRAYS, *(s for s in SUFFIXES if s not in (".txt", ".data"))))
_LOOSE: Final = (".txt", ".data")
"""Read as CSV if named, but in a folder they are notes."""
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


def is_array(path: str) -> bool:
    """Whether it names a .npy file, or a .npz file with or without a key."""
    low = path.lower()
    return low.endswith(_ARRAYS) or ".npz:" in low


def expanded(paths: Sequence[str]) -> list[str]:
    """The paths with patterns such as day-*.csv replaced by the files that fit, in natural order.

    Raises DataError for what is not there.
    """
    found = list[str]()
    for path in paths:
        keyed = is_array(path) and not glob.has_magic(path)
        if is_address(path) or path == STDIN or keyed or Path(path).exists():
            found.append(path)
        else:
            fitting = sorted(glob.glob(path, recursive=True), key=natural)  # noqa: PTH207
            if not fitting:
                raise DataError(f"{path}: there is no such file or folder")
            found += fitting
    return found


def is_address(path: str) -> bool:
    """Whether it is one of a store elsewhere, such as s3://bucket/key."""
    return "://" in path


def tables(path: str, watch: Watch = unwatched) -> list[Source]:
    """The table files that a path names, at least one; raises DataError if it is none.

    watch: shows how much came on standard input, which is kept before it is read.
    """
    if path == STDIN:
        return [Source("standard input", "csv", _stdin(watch))]
    if is_address(path):
        return _remote(path)
    if Path(path).is_dir():
        return _in_folder(path, _files_below(Path(path)), _opener)
    kind = kind_of(path)
    if kind is None:
        raise DataError(
            f"{path}: not one of {KNOWN} or a folder of images{other_formats.advice(path)}"
        )
    return [Source(path, kind, _opener(path))]


def table_files(folder: Path) -> list[str]:
    """The files of tables in a folder, those that hidden names or _ hide left out."""
    return [name for name in _files_below(folder) if _counts(name)]


def _opener(path: str) -> Opener:
    return lambda: Path(path).open("rb")


def _files_below(folder: Path) -> list[str]:
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted((str(PurePosixPath(name)) for name in names), key=natural)


def _counts(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.suffix.lower() not in _LOOSE and kind_of(name) is not None


def _in_folder(
    folder: str,
    names: Sequence[str],
    opener: Callable[[str], Opener],
) -> list[Source]:
    """Sources for the part files of a folder, with what KEY=VALUE folders say."""
    parts = [name for name in names if _counts(name)]
    kinds: dict[Kind, str] = {}
    for name in parts:
        kind = kind_of(name)
        assert kind is not None  # noqa: S101  (by _counts)
        kinds.setdefault(kind, name)
    if not parts:
        raise DataError(f"{folder}: there are no tables ({', '.join(SUFFIXES)}) in this folder")
    if len(kinds) > 1:
        raise DataError(
            f"{folder}: files of several kinds, {' and '.join(kinds.values())}. Name those that"
            " belong together, for example with a pattern"
        )
    (kind,) = kinds
    return [
        Source(
            f"{folder.rstrip('/')}/{name}",
            kind,
            opener(f"{folder.rstrip('/')}/{name}"),
            _partitions(name),
        )
        for name in parts
    ]


def _partitions(name: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in PurePosixPath(name).parts[:-1] if "=" in part)
    return {
        unquote(key): "" if value == _NO_VALUE else unquote(value) for key, _, value in pairs if key
    }


def _stdin(watch: Watch) -> Opener:
    """Standard input, kept in a file, since tables are read more than once."""
    kept = _kept()
    if not kept.tell():
        with watch("receiving standard input", None, LINES) as advance:
            while data := sys.stdin.buffer.read(_PIECE):
                kept.write(data)
                advance(data.count(b"\n"))
        kept.flush()
    return _opener(kept.name)


@lru_cache(maxsize=1)
def _kept() -> IO[bytes]:
    """A file that is gone with the process."""
    return tempfile.NamedTemporaryFile(prefix="aead-monitor-", suffix=".csv")


def _remote(address: str) -> list[Source]:
    scheme = address.partition("://")[0]
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        extra = {"s3": "s3", "gs": "gs", "gcs": "gs"}.get(scheme)
        advice = f"pip install 'aead-monitor[{extra}]'" if extra else str(error)
        raise DataError(f"{address}: {scheme}:// cannot be read here: {advice}") from None

    def opener(name: str) -> Opener:
        return lambda: system.open(name, "rb")

    try:
        if system.isdir(path):
            base = path.rstrip("/")
            names = sorted(
                (name.removeprefix(f"{base}/") for name in system.find(base)), key=natural
            )
            return _in_folder(base, names, opener)
        found = sorted(system.glob(path), key=natural)
    except Exception as error:  # noqa: BLE001  (each store has exceptions of its own)
        raise DataError(f"{address}: cannot be read: {error}"[:500]) from None
    if not found:
        raise DataError(f"{address}: there is no such file or folder")
    return [_remote_file(scheme, name, opener(name)) for name in found]


def _remote_file(scheme: str, name: str, opened: Any) -> Source:
    kind = kind_of(name)
    if kind is None:
        raise DataError(
            f"{scheme}://{name}: not a table: {', '.join(SUFFIXES)}{other_formats.advice(name)}"
        )
    return Source(f"{scheme}://{name}", kind, opened)
