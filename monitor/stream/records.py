"""The values that travel forward through the daemon.

    Columns -> rows -> Scores -> Summary -> Verdict
       |bad               |
       v                  v
    DeadLetter         Anomaly

Most records travel as `columns.Columns`; a `Record` is what people see of one. All are frozen: a
step makes new values and never changes the ones it was given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bucket_counts import BucketCounts
from models.explanation import Explained


class Partition(NamedTuple):
    """A partition of a topic. A tuple, since it is the key of most tables: that hashes fastest."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


Lags = Mapping[Partition, tuple[int, float]]
"""Records and seconds that a partition is behind; without those of which it is not known."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets that nobody can read any more, up to `next_offset`. reason: one of errors.REASONS."""

    next_offset: int
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it came from the topic. `timestamp` is in milliseconds since the epoch.

    gap: set if it stands for offsets that cannot be read, from `offset` on; it has no value then.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    gap: Gap | None = None

    @property
    def next_offset(self) -> int:
        """The offset after it."""
        return self.offset + 1 if self.gap is None else self.gap.next_offset

    @property
    def source(self) -> Partition:
        """The partition that the record came from."""
        return Partition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers: what the record costs in memory."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be scored. `reason` is one of `errors.REASONS`."""

    record: Record
    reason: str
    error: str


PValues = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From reconstruction errors (B,) to their p-values (B,) in (0, 1]."""

Errors = NDArray[np.float64]
ChannelValues = NDArray[np.float32] | None
Adjust = Callable[[Errors, ChannelValues, NDArray[np.int64]], tuple[Errors, ChannelValues]]
"""From errors (B,), channels (B, C) and times of rows, milliseconds since the epoch, or cells, -1
where unknown, to both as usual there, and as they came the channels that this changes."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of B rows.

    reconstruction_error: (B,) float64, >= 0, higher is more anomalous. p_values: of the model.
    anomalous: (B,) bool, error above the reference's threshold. channels: (B, C) float32, finite,
    the values of the model's channels; None if they are not watched. adjust: of the model, if
    errors or channels are judged by the hour or by a column; None if not. cells: (B,) int64, where
    each row is by that column, -1 where calibration had none like it; None if there is none.
    """

    reconstruction_error: NDArray[np.float64]
    p_values: PValues
    anomalous: NDArray[np.bool_]
    model_version: str
    channels: NDArray[np.float32] | None = None
    adjust: Adjust | None = None
    cells: NDArray[np.int64] | None = None

    @property
    def p_value(self) -> NDArray[np.float64]:
        """Of each row, (B,) in (0, 1]: computed when asked for, since few rows are asked for."""
        return self.p_values(self.reconstruction_error)

    def where(self, wanted: NDArray[np.bool_]) -> Scores:
        """Of the rows for which `wanted` (B,) is true."""
        channels = None if self.channels is None else self.channels[wanted]
        cells = None if self.cells is None else self.cells[wanted]
        errors, anomalous = self.reconstruction_error[wanted], self.anomalous[wanted]
        made = errors, self.p_values, anomalous, self.model_version, channels, self.adjust, cells
        return Scores(*made)

    @classmethod
    def empty(cls, model_version: str) -> Scores:
        """Scores of no rows."""
        none = np.empty(0)
        return cls(none, np.ones_like, np.empty(0, dtype=np.bool_), model_version)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One row above the threshold. `row` counts from 0 within its record.

    explained: what carries its error, or why that is left out; None if nobody asks.
    """

    record: Record
    row: int
    reconstruction_error: float
    p_value: float
    explained: Explained | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the judge sees of some consecutive rows of one partition.

    Summaries add up, in any grouping, to the same window. The offsets let the judge refuse
    what it has already counted: the rows come from offsets in [first_offset, next_offset).
    Timestamps are in milliseconds since the epoch. errors: counts in units of the reference's
    median error (`Reference.unit`).
    """

    model_version: str
    partition: Partition
    first_offset: int
    next_offset: int
    first_timestamp: int
    last_timestamp: int
    errors: BucketCounts


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95% confidence interval; nan where it is not known."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Onset:
    """Where a drift seems to have begun.

    timestamp: of its first record, in milliseconds since the epoch. rows: rows judged since.
    next_offsets: the first offset of the drift in each partition.
    """

    timestamp: int
    rows: int
    next_offsets: Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Promise:
    """What the drift test is set to and keeps to.

    asked: records per false alarm that the budget comes to at the stream's rate. kept: what is
    promised of that; less while the dependence of records is still being learned, or where the
    calibration supports no more. tolerance: relative shift of the error that is never alarmed.
    floor: relative shift below which nothing can be told. dependence: factor by which evidence
    is weakened for dependence of neighbouring records, >= 1.
    """

    asked: float
    kept: float
    tolerance: float
    floor: float
    dependence: float


@dataclass(frozen=True, slots=True)
class Shares:
    """How the values of a channel lie in K bins.

    edges: K - 1, ascending, in the unit of the feature; the outer bins have no end. usual, now:
    shares of the calibration values and of the rows since the drift set in.
    """

    edges: tuple[float, ...]
    usual: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChannelDrift:
    """How one channel of the records has moved.

    channel, group, feature: as `models.views.View` has them. direction: higher, lower, stuck,
    narrower or wider. effect: shift of the mean, in standard deviations of the calibration values.
    spread: of the values since, in the same. value, usual, usual_spread: mean since, and mean and
    standard deviation of the calibration, in the unit of the feature where it is of one. evidence:
    of this channel alone, log10. since: milliseconds since the epoch. shares: None if an earlier
    version found it.
    """

    channel: str
    group: str
    feature: str
    direction: str
    effect: Estimate
    spread: float
    value: float
    usual: float
    usual_spread: float
    evidence: float
    since: int
    shares: Shares | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's view of the stream after some records.

    state: learning, ok, pending or firing. statistic: evidence for drift, log10; threshold: the
    value at which drift is suspected, or confirmed while pending. direction: larger, smaller,
    narrower, wider or none. explanation: a sentence for people. partition: the one that drifts, or
    None for all together. ratio: median error since the onset, or of the window while there is
    none, over the reference's. quantiles: rolling quantile -> reconstruction error. exceedance:
    share of the window's rows above the reference's 0.99 quantile. early_signal: the advisory
    detector has seen a change; None if there is none. window_fill: in [0, 1]. kind: error (the
    model no longer fits) or input (the inputs moved and it still fits) while a drift is suspected
    or found, "" otherwise and where the error alone is watched. channels: those that have moved,
    the likeliest cause first. segment: the one that it is of, "" for the whole stream.
    """

    state: str
    statistic: float
    threshold: float
    direction: str
    explanation: str
    partition: Partition | None
    onset: Onset | None
    ratio: Estimate
    promise: Promise
    window_records: int
    window_fill: float
    exceedance: float
    early_signal: bool | None
    quantiles: Mapping[float, Estimate] = field(default_factory=dict)
    kind: str = ""
    channels: tuple[ChannelDrift, ...] = ()
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A change that people or programs act on: firing, turned, resolved; silent or returned."""

    event: str
    episode: str
    model_version: str
    timestamp: int
    verdict: Verdict
    next_offsets: Mapping[Partition, int] = field(default_factory=dict)
