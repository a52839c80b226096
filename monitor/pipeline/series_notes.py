"""How the series of a partition go on when another daemon gets it: a note beside its offset.

    17204:01c00gzzz...

Read again from offset 17204 on: then the steps are there that the next windows need. What that
alone does not tell is how many steps each series had; the note has it in three digits a series, in
the order of their last steps: up to a window's length exactly, and from there on as far as the
stride needs it. `zzz` is a series that was silent for so long that it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.windows import Window

REREAD: Final = 50_000
"""Offsets before the end, from which on the last steps of a series must be."""
LONGEST: Final = 2048
"""Characters of a note; Kafka takes 4 KiB of all that is beside an offset."""
UNKNOWN: Final = "zzz"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDTH: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The end of a series. seen: steps so far. steps: (k, C), the last of them. offsets: int64
    (k,), of their records."""

    seen: int
    steps: NDArray[Any]
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What one record holds. rows: (n, C)."""

    key: bytes
    offset: int
    rows: NDArray[Any]


def note_of(tails: Sequence[Tail], end: int, window: Window) -> str:
    """The note of a partition's series; empty if there are none, or too many. end: its offset."""
    whole = [tail for tail in tails if tail.offsets[0] >= end - REREAD]
    if not whole:
        return ""
    first = min(int(tail.offsets[0]) for tail in whole)
    last = sorted(
        (int(tail.offsets[-1]), _code(tail.seen, window) if tail.offsets[0] >= first else UNKNOWN)
        for tail in tails
        if tail.offsets[-1] >= first
    )
    note = f"{first}:" + "".join(code for _, code in last)
    return note if len(note) <= LONGEST else ""


def read_from(note: str) -> int | None:
    """Where to begin to read again; None if the note says nothing."""
    first, _, codes = note.partition(":")
    known = first.isdecimal() and len(codes) % _WIDTH == 0
    return int(first) if known else None


def read_again(
    steps: Sequence[Steps], note: str, window: Window
) -> Iterator[tuple[bytes, int, NDArray[Any], NDArray[np.int64]]]:
    """Key, steps so far, the last steps and their offsets of each series that is known again.

    steps: of the records from `read_from` on. None is known if they do not fit the note.
    """
    found: dict[bytes, list[Steps]] = {}
    for step in steps:
        key = step.key if window.by else b""
        found.setdefault(key, []).append(step)
    codes = note.partition(":")[2]
    ordered = sorted(found.items(), key=lambda item: item[1][-1].offset)
    if len(codes) != _WIDTH * len(ordered):
        return
    for i, (key, parts) in enumerate(ordered):
        code = codes[_WIDTH * i : _WIDTH * (i + 1)]
        rows = np.concatenate([part.rows for part in parts])
        offsets = np.array([part.offset for part in parts]).repeat([len(p.rows) for p in parts])
        seen = int(code, len(_DIGITS)) if code != UNKNOWN else 0
        if seen and len(rows) >= min(seen, window.length - 1):
            yield key, seen, rows, offsets


def _code(seen: int, window: Window) -> str:
    if seen >= window.length:
        seen = window.length + (seen - window.length) % window.stride
    digits = ""
    for _ in range(_WIDTH):
        seen, digit = divmod(seen, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
