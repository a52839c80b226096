"""What judging a record costs, by partitions and by the length of the window.

Errors of one law in control, 256 records a batch. Beside it: River's ADWIN, which takes one number
at a time and knows neither offsets nor quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from benchmarks.bench.kinds import vector
from benchmarks.bench.lines import Line, Result
from benchmarks.bench.measuring import StageClock, Work, in_turns
from benchmarks.bench.product import Stream, model_of, step
from benchmarks.bench.running import Run
from models.reference import Reference
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.pipeline.step import Pipeline
from monitor.stream.records import Scores

TITLE = "what judging a record costs, beside River's ADWIN"
ROWS = 256
BATCHES = 512
WINDOW = 5_120
LONGEST_WARM_UP = 100_000
CALIBRATION = 20_000
KIND = vector(1)


@dataclass(frozen=True)
class Case:
    """A stream over so many partitions, and so many records in the window."""

    partitions: int
    window: int = WINDOW

    def __str__(self) -> str:
        return f"partitions: {self.partitions}, window: {self.window:,}"


CASES = (
    *(Case(partitions) for partitions in (1, 16, 64, 256)),
    *(Case(1, 10**power) for power in (3, 4, 5, 6)),
)


def run(run: Run) -> Result:
    """A line for each case."""
    chosen = [CASES[0], CASES[2]] if run.short else CASES
    return Result([measure(case, run) for case in run.each(chosen, str)])


def measure(case: Case, run: Run) -> Line:
    """Turns of the judge, its window full, and of ADWIN."""
    clock = StageClock("judge")
    works = {"ours": judging(case, run, clock), "ADWIN": adwin()}
    found = in_turns(works, run.turns, run.seconds, {"ours": clock})
    return Line(str(case), found.pop("ours"), beside=found)


def errors() -> Iterator[NDArray[np.float64]]:
    """Batches of lognormal errors without end, none of them twice.

    The same ones again and again would be no stream in control: what by chance is large in them
    is large every time, and grows to evidence.
    """
    rng = np.random.default_rng(1)
    while True:
        yield from rng.lognormal(size=(BATCHES, ROWS))


class Tape:
    """A scorer that gives the next errors, whatever the rows are."""

    def __init__(self, version: str) -> None:
        self._version, self._errors = version, errors()

    def score(self, records: NDArray[Any]) -> Scores:
        """Scores of ROWS rows; none is anomalous, since what is published is not measured."""
        found = next(self._errors)
        return Scores(
            found, lambda errors: np.full(errors.size, 0.5), np.zeros(ROWS, np.bool_), self._version
        )


def judging(case: Case, run: Run, clock: StageClock) -> Work:
    """The pipeline on the next batch, its window filled beforehand; `clock` knows the judge."""
    model = model_of(KIND, run.folder / "model")
    reference = Reference.calibrate(np.random.default_rng(0).lognormal(size=CALIBRATION))
    judge = Judge(model.version, reference, JudgeSettings(window_rows=case.window))
    pipeline = Pipeline(model.decode, Tape(model.version), judge, clock.stage)
    stream = Stream(KIND.payloads(ROWS), case.partitions)

    def call() -> int:
        step(pipeline, stream.batch(ROWS))
        return ROWS

    for _ in range(min(case.window, LONGEST_WARM_UP) // ROWS + 1):
        call()
    return call


def adwin() -> Work:
    """ADWIN on the next batch, record by record."""
    detector, batches = ADWIN(), errors()

    def call() -> int:
        for error in next(batches).tolist():
            detector.update(error)
        return ROWS

    return call
