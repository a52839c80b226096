"""The names that a configuration may choose from, and what is said of one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticKnownError

from monitor.codecs import CODECS
from monitor.drift.detectors import ADVISORY, DETECTORS


def _known_codec(name: str) -> str:
    """One of our own names, or of an installed plug-in."""
    if name in CODECS:
        return name
    from monitor.codecs import plugins

    if plugins.is_known(name):
        return name
    *first, last = map(repr, plugins.names())
    expected = f"{', '.join(first)} or {last}"
    raise PydanticKnownError("literal_error", {"expected": expected})


CodecName = Annotated[
    str,
    AfterValidator(_known_codec),
    WithJsonSchema({"enum": list(CODECS), "type": "string"}),
]

if TYPE_CHECKING:
    DetectorName = str
    AdvisoryName = str
else:
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
