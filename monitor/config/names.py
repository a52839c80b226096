"""The names that a configuration may choose from, and what is said of one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from monitor.codecs import CODECS
from monitor.drift.detectors import ADVISORY, DETECTORS

if TYPE_CHECKING:
    CodecName = str
    DetectorName = str
    AdvisoryName = str
else:
    CodecName = Literal[tuple(CODECS)]
    DetectorName = Literal[tuple(DETECTORS)]
    AdvisoryName = Literal[tuple(ADVISORY)]


def one_of(names: Iterable[str]) -> str:
    """What a description says of two names or more: "One of a, b or c."."""
    *first, last = names
    return f"One of {', '.join(first)} or {last}."


CODEC_WORDS = one_of(CODECS)


def suggestion(name: str, known: Sequence[str]) -> str:
    """What to say of a name that is none of those known."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known keys: {', '.join(sorted(known))}." if known else ""
