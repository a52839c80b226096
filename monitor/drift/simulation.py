"""Replays held-out normal errors through the judge, unchanged and changed, to choose its settings.

The errors are drawn in blocks of consecutive ones (the moving-block bootstrap: Kunsch, Annals of
Statistics 17, 1989), so that neighbours depend on each other as they do in the stream. Errors of
which the order is not known are drawn one by one: sorted ones, block by block, would be a stream
that drifts all the time. What is simulated is the very code that the daemon runs: records into a
judge. Time is what `rate` says: nothing is told of arrivals, which would say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition

Errors = NDArray[np.float64]

BEFORE: Final = 20_480
"""Normal records before a change."""
AFTER: Final = 100_000
"""Records after it, within which it must be found."""
SHORTEST_SORTED: Final = 20
"""So many errors are not in ascending order by chance."""
VERSION: Final = "simulated"
SIMULATED: Final = (Partition("simulated", 0),)
START: Final = 1_700_000_000_000
"""Milliseconds since the epoch of the first record."""
FED: Final = 1024
"""Errors that a judge is given at once."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What happened on a stream without drift. suspicions: those that passed by themselves."""

    records: int
    suspicions: int
    alarms: int


@dataclass(frozen=True, slots=True)
class Delays:
    """Records from a change to its alarm in each repeat; inf where it was not found."""

    change: str
    records: Errors

    @property
    def found(self) -> float:
        """Share of the repeats in which the change was found."""
        return float(np.isfinite(self.records).mean())

    def quantile(self, level: float) -> float:
        """Quantile of the delays; inf if fewer than that were found."""
        return float(np.quantile(self.records, level, method="higher"))


def _tail(share: float) -> Callable[[Errors, np.random.Generator], Errors]:
    return lambda errors, rng: errors * np.where(rng.random(errors.size) < share, 5.0, 1.0)


def _narrow(errors: Errors, rng: np.random.Generator) -> Errors:
    middle = float(np.median(errors)) or 1.0
    return np.asarray(middle * (errors / middle) ** 0.7)


CHANGES: Final[dict[str, Callable[[Errors, np.random.Generator], Errors]]] = {
    "1.1 times larger": lambda errors, rng: 1.1 * errors,
    "1.2 times larger": lambda errors, rng: 1.2 * errors,
    "1.5 times larger": lambda errors, rng: 1.5 * errors,
    "2 times larger": lambda errors, rng: 2 * errors,
    "1.25 times smaller": lambda errors, rng: errors / 1.25,
    "2 times smaller": lambda errors, rng: errors / 2,
    "1% of records 5 times": _tail(0.01),
    "5% of records 5 times": _tail(0.05),
    "narrower (power 0.7)": _narrow,
    "stuck at one value": lambda errors, rng: np.full_like(errors, np.median(errors)),
}
"""What is done to normal errors, by the name that the report gives it."""


@dataclass(frozen=True)
class Simulation:
    """A reference, settings of the judge, and normal errors to replay.

    errors: (n,), of records held out from calibration, in stream order or sorted. block:
    consecutive errors drawn together, if they are in stream order. rate: records a second, for
    everything that is set in time.
    """

    reference: Reference
    settings: JudgeSettings
    errors: Errors
    block: int
    rate: float

    @property
    def drawn_singly(self) -> bool:
        """True if the errors are drawn one by one, since their order is not known."""
        return not in_stream_order(self.errors)

    def normal(self, records: int, rng: np.random.Generator) -> Errors:
        """A stream without drift."""
        block = 1 if self.drawn_singly else min(self.block, self.errors.size)
        return np.asarray(self.errors[drawn_places(self.errors.size, block, records, rng)])

    def false_alarms(self, records: int, seed: int) -> FalseAlarms:
        """Judge a long stream without drift."""
        rng = np.random.default_rng([seed, 0])
        judge = Judge(VERSION, self.reference, self.settings)
        stream = feed(judge, self.normal(records, rng), self.rate)
        events = [change.transition.event for _, change in stream]
        return FalseAlarms(records, events.count("transient"), events.count("firing"))

    def delays(self, change: str, repeats: int, seed: int) -> Iterator[float]:
        """Records from a change to its alarm, one for each repeat; inf if it is not found."""
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, 1 + repeat])
            before = self.normal(BEFORE - int(rng.integers(256)), rng)
            after = CHANGES[change](self.normal(AFTER, rng), rng)
            judge = Judge(VERSION, self.reference, self.settings)
            stream = feed(judge, np.concatenate([before, after]), self.rate)
            yield next(
                (
                    float(rows - before.size)
                    for rows, found in stream
                    if found.transition.event == "firing" and rows > before.size
                ),
                float("inf"),
            )


def drawn_places(
    size: int, block: int, records: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Places in a stream of this size, (records,), drawn in blocks of consecutive ones."""
    starts = rng.integers(0, size - block + 1, size=-(-records // block))
    return np.asarray((starts[:, None] + np.arange(block)).ravel()[:records])


def in_stream_order(errors: Errors) -> bool:
    """False for errors that were sorted, so that the order of the stream is lost."""
    steps = np.diff(errors)
    return errors.size < SHORTEST_SORTED or not (np.all(steps >= 0) or np.all(steps <= 0))


def feed(judge: Judge, errors: Errors, rate: float) -> Iterator[tuple[int, Change]]:
    """Give a judge consecutive errors, `rate` of them a second.

    Yields each change of state, with the records judged by then.
    """
    found = list[tuple[int, Change]]()

    def note(changes: list[Change], newest: int) -> None:
        found.extend((judge.rows, change) for change in changes)

    for start in range(0, errors.size, FED):
        places = np.arange(start, min(start + FED, errors.size))
        judge.watch(judged(judge.model_version, errors[places], places, rate), note)
        yield from found
        found.clear()


def judged(
    model_version: str,
    errors: Errors,
    places: NDArray[np.int64],
    rate: float,
    channels: NDArray[np.float32] | None = None,
) -> JudgedRecords:
    """Records that never were in a topic, as the judge sees them.

    errors: (n,). places: (n,), of each in its stream. rate: of the stream, records a second.
    channels: (n, C), or None.
    """
    return JudgedRecords(
        model_version=model_version,
        partitions=SIMULATED,
        partition=np.zeros_like(places),
        offsets=places,
        next_offsets=places + 1,
        timestamps=START + (1000 * places / rate).astype(np.int64),
        rows=np.ones_like(places),
        errors=errors,
        channels=channels,
    )
