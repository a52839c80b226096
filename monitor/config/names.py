"""The names that a configuration may choose from: those of the tables of plug-ins."""

from __future__ import annotations

from collections.abc import Iterable
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
