"""Rows of a batch that may be kept as evidence, for people to look at.

They are chosen where rows are scored, since that is the last place which has them, and are kept,
or not, once what the batch led to was published. A pick holds copies of the few bytes that it
needs: never the batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.stream.columns import Columns, Index
from monitor.stream.records import Scores

KEY_LENGTH: Final = 256
"""Characters of a record's key that are kept."""


class Why(StrEnum):
    """Why a row is picked."""

    ANOMALY = "anomaly"
    NORMAL = "normal"
    AFTER = "after"


@dataclass(frozen=True, eq=False)
class Seen:
    """One row, and what the model said of it.

    timestamp, arrival: milliseconds since the epoch. row: within its record, from 0. key: text, or
    None where contents are not kept. sample: the row, (1, *record_shape), to be looked at; None
    where contents are not kept, and for a row that is too large. channels: (C,) of the row, or
    None. names: of these channels. segment: that the record is of, "" if the stream has none.
    """

    model_version: str
    topic: str
    partition: int
    offset: int
    row: int
    timestamp: int
    arrival: int
    key: str | None
    error: float
    p_value: float
    threshold: float
    sample: NDArray[Any] | None = None
    channels: NDArray[np.float32] | None = None
    names: tuple[str, ...] = ()
    segment: str = ""

    def number(self, channel: str) -> float | None:
        """Its value of a channel, "" being the error; None if that is not known."""
        if not channel:
            return self.error
        if self.channels is None or channel not in self.names:
            return None
        return float(self.channels[self.names.index(channel)])

    @cached_property
    def id(self) -> str:
        """Of this row as this model saw it: 16 hexadecimal digits."""
        address = f"{self.topic}/{self.partition}/{self.offset}/{self.row}"
        return digest(self.model_version, address)


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """A row that may be kept.

    position: of its record in the batch. tag: of a normal row, uniform in (0, 1): the smallest of
    a pane stay; of a row after an onset the number by which it is typical. pane: of a normal row.
    episode, channel, middle: of a row after an onset; the median of such numbers so far.
    """

    position: int
    why: Why
    seen: Seen
    tag: float = 0.0
    pane: int = 0
    episode: str = ""
    channel: str = ""
    middle: float = 0.0


class Picker(Protocol):
    """Picks rows of one batch after the other, on any thread."""

    def pick(
        self, records: Columns, counts: Index, rows: NDArray[Any], scores: Scores
    ) -> Sequence[Pick]:
        """Those that may be kept. Never raises.

        counts: rows of each record, (n,). rows: (R, *record_shape), finite but for missing values,
        in the order of their records. scores: of these rows.
        """


def digest(*parts: str) -> str:
    """16 hexadecimal digits that stand for some texts."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]
