"""Which rows of a batch may be kept: top anomalies, some normal rows, typical rows of a drift.

It costs a few comparisons for a batch of which nothing is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.evidence.keeper import Keeper
from monitor.evidence.looking import Looker
from monitor.evidence.reservoir import Reservoir
from monitor.evidence.ring import NORMAL, PANE_MILLISECONDS, TOP, TYPICAL, Order, recent
from monitor.pipeline.picks import KEY_LENGTH, Pick, Seen, Why
from monitor.stream.columns import Columns, Index
from monitor.stream.records import Scores

AFTER_ROWS: Final = 512
"""So many rows after the alarm are looked at for those that are typical of the drift."""
SAMPLE_BYTES: Final = 8 << 20
"""Of a row that is copied to be looked at; a larger one is kept without its contents."""
_WHOLE: Final = ""
"""The channel that stands for the record's error."""


class _Wanted(NamedTuple):
    """A row of the batch, and the rest as `Pick` has it."""

    row: int
    why: Why
    tag: float = 0.0
    pane: int = 0
    channel: str = ""
    middle: float = 0.0


@dataclass(slots=True)
class _Following:
    """What was seen since an alarm. values: of each channel, as they came."""

    order: Order
    rows: int = 0
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)


class Sampler:
    """Picks rows of one model's batches; implements `Picker`.

    threshold: of the model. channels: names of the channels that scores have, in order. looker:
    shows contents; None where they are not kept. seed: of what is drawn. clock: seconds since the
    epoch, for batches of which nobody tells when they came.
    """

    def __init__(
        self,
        keeper: Keeper,
        model_version: str,
        threshold: float,
        channels: Sequence[str] = (),
        looker: Looker | None = None,
        seed: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keeper = keeper
        self._version = model_version
        self._threshold = threshold
        self._names = tuple(channels)
        self._columns = {name: i for i, name in enumerate(channels)}
        self._looker = looker
        self._clock = clock
        self._random = Random(seed)  # noqa: S311  (which rows are shown is no secret)
        self._reservoir = Reservoir(NORMAL, self._random)
        self._pane = 0
        self._following: _Following | None = None

    def pick(
        self, records: Columns, counts: Index, rows: NDArray[Any], scores: Scores
    ) -> Sequence[Pick]:
        """See `Picker`. Also looks at rows that were kept before and wait for it."""
        try:
            wanted = self._wanted(records, counts, scores)
            picks = self._made(wanted, records, counts, rows, scores) if wanted else ()
        except Exception as error:  # noqa: BLE001  (scoring must not suffer)
            self._keeper.trouble.tell("picking rows", error)
            return ()
        if self._looker is not None:
            self._keeper.looker = self._looker, self._version
            if self._keeper.waiting:
                self._keeper.look(self._looker, self._version)
        return picks

    def _wanted(self, records: Columns, counts: Index, scores: Scores) -> list[_Wanted]:
        arrival = self._arrival(records)
        errors, odd = scores.reconstruction_error, scores.anomalous
        any_odd = bool(np.logical_or.reduce(odd))
        wanted = self._normal(errors.size, odd if any_odd else None, arrival)
        if any_odd:
            wanted += self._highest(errors, odd, arrival)
        order = self._keeper.order
        if order is not None and order.model_version == self._version:
            wanted += self._after(order, records, counts, scores)
        return wanted

    def _arrival(self, records: Columns) -> int:
        """When the batch came, in milliseconds since the epoch."""
        came = -1 if records.arrivals is None else int(np.maximum.reduce(records.arrivals))
        return came if came >= 0 else int(1000 * self._clock())

    def _highest(
        self, errors: NDArray[np.float64], odd: NDArray[np.bool_], arrival: int
    ) -> list[_Wanted]:
        """The anomalous rows that are among the highest errors of the last day."""
        version, highest = self._keeper.highest
        mine = highest if version == self._version else ()
        kept = [error for error, came in mine if recent(came, arrival)]
        floor = min(kept) if len(kept) >= TOP else -np.inf
        if np.maximum.reduce(errors) <= floor:
            return []
        rows = (odd & (errors > floor)).nonzero()[0]
        if rows.size > TOP:
            rows = rows[np.argsort(-errors[rows], kind="stable")[:TOP]]
        return [_Wanted(row, Why.ANOMALY) for row in rows.tolist()]

    def _normal(self, count: int, odd: NDArray[np.bool_] | None, arrival: int) -> list[_Wanted]:
        """A few of the rows that are not anomalous, each as likely as any other of its pane."""
        if not self._pane or (
            self._reservoir.full and not 0 <= arrival - self._pane < PANE_MILLISECONDS
        ):
            self._pane, self._reservoir = max(1, arrival), Reservoir(NORMAL, self._random)
        normal = None if odd is None else (~odd).nonzero()[0]
        taken = self._reservoir.take(count if normal is None else normal.size)
        return [
            _Wanted(at if normal is None else int(normal[at]), Why.NORMAL, tag, self._pane)
            for at, tag in taken
        ]

    def _after(
        self, order: Order, records: Columns, counts: Index, scores: Scores
    ) -> list[_Wanted]:
        """The rows since an onset that are nearest to the median, of the error and of channels."""
        if self._following is None or self._following.order != order:
            self._following = _Following(order)
        seen = self._following
        if seen.rows >= AFTER_ROWS:
            return []
        rows = _drifted(order, records).repeat(counts).nonzero()[0]
        seen.rows += rows.size
        wanted = []
        for name in order.channels if rows.size else ():
            numbers = self._numbers(name, scores)
            if numbers is None:
                continue
            before = seen.values.get(name, np.empty(0))
            seen.values[name] = np.concatenate([before, numbers[rows]])[:AFTER_ROWS]
            middle = float(np.median(seen.values[name]))
            nearest = rows[np.abs(numbers[rows] - middle).argsort(kind="stable")[:TYPICAL]]
            wanted += [
                _Wanted(row, Why.AFTER, float(numbers[row]), 0, name, middle)
                for row in nearest.tolist()
            ]
        return wanted

    def _numbers(self, name: str, scores: Scores) -> NDArray[np.float64] | None:
        """Of each row: its error, or its value of a channel. None if there is no such channel."""
        if name == _WHOLE:
            return scores.reconstruction_error
        column = self._columns.get(name)
        if column is None or scores.channels is None:
            return None
        return scores.channels[:, column].astype(np.float64)

    def _made(
        self, wanted: Sequence[_Wanted], records: Columns, counts: Index, rows: NDArray[Any],
        scores: Scores,
    ) -> tuple[Pick, ...]:  # fmt: skip
        ends = counts.cumsum()
        arrival = self._arrival(records)
        made: dict[int, tuple[int, Seen]] = {}
        for row in {each.row for each in wanted}:
            i = int(ends.searchsorted(row, side="right"))
            within = row - int(ends[i] - counts[i])
            made[row] = i, self._seen(records, i, within, arrival, rows, row, scores)
        episode = "" if self._following is None else self._following.order.episode
        return tuple(
            Pick(
                position=made[each.row][0],
                why=each.why,
                seen=made[each.row][1],
                tag=each.tag,
                pane=each.pane,
                episode=episode if each.why is Why.AFTER else "",
                channel=each.channel,
                middle=each.middle,
            )
            for each in wanted
        )

    def _seen(
        self, records: Columns, i: int, within: int, arrival: int, rows: NDArray[Any], row: int,
        scores: Scores,
    ) -> Seen:  # fmt: skip
        partition, errors = records.partitions[records.partition[i]], scores.reconstruction_error
        sample = rows[row : row + 1] if self._looker is not None else None
        return Seen(
            model_version=self._version,
            topic=partition.topic,
            partition=partition.number,
            offset=int(records.offsets[i]),
            row=within,
            timestamp=int(records.timestamps[i]),
            arrival=arrival,
            key=None if self._looker is None else _text(records.keys[i]),
            error=float(errors[row]),
            p_value=float(scores.p_values(errors[row : row + 1])[0]),
            threshold=self._threshold,
            sample=None if sample is None or sample.nbytes > SAMPLE_BYTES else sample.copy(),
            channels=None if scores.channels is None else scores.channels[row].copy(),
            names=self._names,
        )


def _drifted(order: Order, records: Columns) -> NDArray[np.bool_]:
    """Whether each record (n,) came after the onset, in a partition that drifts."""
    ours = [order.partition is None or order.partition == p for p in records.partitions]
    first = [order.first.get(p, 0) for p in records.partitions]
    inside = np.array(ours, dtype=np.bool_)[records.partition]
    after: NDArray[np.bool_] = records.offsets >= np.array(first, np.int64)[records.partition]
    return inside & after


def _text(key: bytes | None) -> str | None:
    """A key as it is told elsewhere, and no longer."""
    return None if key is None else key[: 4 * KEY_LENGTH].decode("utf-8", "backslashreplace")[
        :KEY_LENGTH
    ]  # fmt: skip
