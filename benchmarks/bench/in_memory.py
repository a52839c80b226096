"""Decode, score and judge in one process, against parser and network alone: no broker is needed.

It is what the tests watch: a ratio of processor times of one process, by turns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import bare, bare_decision
from benchmarks.bench.kinds import DIGIT, JSON, PNG, Kind, vector
from benchmarks.bench.lines import Line, Result
from benchmarks.bench.measuring import StageClock, Work, in_turns
from benchmarks.bench.product import Stream, model_of, pipeline_of, step
from benchmarks.bench.running import Run
from monitor.pipeline.loaded_model import LoadedModel
from monitor.stream.columns import Columns

TITLE = "the decision alone, from payloads to outcome, against parser and network alone"
DECIDE = "decide"
Extra = Callable[[Columns], object]


def nothing(batch: Columns) -> None:
    """What is done with a batch beside the decision."""


@dataclass(frozen=True)
class Case:
    """Records over so many partitions."""

    kind: Kind
    partitions: int = 1

    def __str__(self) -> str:
        return f"{self.kind.name}, partitions: {self.partitions}"


CASES = (
    *(Case(vector(16), partitions) for partitions in (1, 16, 64, 256)),
    Case(vector(64)),
    Case(vector(784)),
    Case(DIGIT),
    Case(JSON),
    Case(PNG),
)


def run(run: Run) -> Result:
    """A line for each case."""
    lines = [
        measure(case, run.folder / str(number), run.turns, run.seconds)
        for number, case in enumerate(run.each(CASES, str))
    ]
    return Result(lines)


def measure(case: Case, folder: Path, turns: int, seconds: float, extra: Extra = nothing) -> Line:
    """Turns of the decision, the bare parts, and the same figures without a daemon around them.

    extra: is done with each batch, to try whether a loss is noticed.
    """
    payloads = case.kind.payloads(bare.ARRAYS * bare.BATCH)
    model = model_of(case.kind, folder)
    parse = next(iter(bare.parsers(case.kind).values()))
    clock = StageClock(DECIDE)
    found = in_turns(
        {
            "ours": deciding(case, model, payloads, clock, extra),
            "bare decision": bare_decision.deciding(
                case.kind, model.reference, payloads, case.partitions
            ),
            "parser": bare.parsing(parse, payloads[: bare.BATCH]),
            "forward": bare.forward(case.kind),
        },
        turns,
        seconds,
        {"ours": clock},
    )
    ours, beside = found.pop("ours"), {"bare decision": found.pop("bare decision")}
    return Line(str(case), ours, found, beside)


def deciding(
    case: Case,
    model: LoadedModel,
    payloads: list[bytes],
    clock: StageClock,
    extra: Extra = nothing,
) -> Work:
    """The whole decision on batches of the daemon's size. Making them, as a client does, is not
    on the clock."""
    pipeline, stream = pipeline_of(model), Stream(payloads, case.partitions)

    def call() -> int:
        batch = stream.batch(bare.BATCH)
        with clock.stage(DECIDE):
            extra(batch)
            step(pipeline, batch)
        return len(batch)

    return call


def calls(case: Case, folder: Path, batches: int, extra: Extra = nothing) -> float:
    """Calls of functions, Python's and C's, that the decision on one batch takes.

    Of the same records always the same, on a busy machine and on any processor. The first batches,
    which learn what is looked up later, are left out.
    """
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    def counted(batch: Columns) -> None:
        extra(batch)
        step(pipeline, batch)

    pipeline = pipeline_of(model_of(case.kind, folder))
    stream = Stream(case.kind.payloads(bare.ARRAYS * bare.BATCH), case.partitions)
    ready = [stream.batch(bare.BATCH) for _ in range(2 * batches)]
    for batch in ready[:batches]:
        counted(batch)
    sys.setprofile(note)
    try:
        for batch in ready[batches:]:
            counted(batch)
    finally:
        sys.setprofile(None)
    return count / batches
